"""What both callbacks log, and under which names: figures of epochs and of the end, added ones, hyperparameters."""

import math
import re
from collections.abc import Callable, Iterator, Mapping
from numbers import Real
from pathlib import Path
from typing import Any

LONGEST = 250
"""Bytes of a name: MLflow's limit in characters, and a limit of file systems in bytes."""


def grouped(segment: str) -> str:
    """A segment of a name for TensorBoard, which takes any text; only `/` has a meaning."""
    return segment.replace("/", "_")


def portable(segment: str) -> str:
    """A segment of a name for MLflow, which may become a file's name: letters of any script, digits, `_`, `-`, `.`."""
    found = re.sub(r"[^\w.\-]", "_", segment)
    return found.replace(".", "_") if not found.strip(".") else found


def named(values: Mapping[tuple[str, ...], Any], clean: Callable[[str], str], between: str = "/") -> dict[str, Any]:
    """Path to value with each path made one name; of names that are equal the later ones get a number."""
    by_name: dict[str, Any] = {}
    for path, value in values.items():
        segments = [clean(segment.encode("utf-8", "replace").decode()) or "_" for segment in path]
        name, number = _fitted(segments, between, ""), 1
        while name in by_name:
            number += 1
            name = _fitted(segments, between, f"_{number}")
        by_name[name] = value
    return by_name


def _fitted(segments: list[str], between: str, ending: str) -> str:
    """A name within `LONGEST` bytes: of a longer one the longest segment, the label of a class, is cut."""
    name = between.join(segments) + ending
    if (excess := len(name.encode()) - LONGEST) <= 0:
        return name
    at = max(range(len(segments)), key=lambda n: len(segments[n].encode()))
    kept = segments[at].encode()[: -excess - 1].decode("utf-8", "ignore")
    return _fitted([*segments[:at], f"{kept}_", *segments[at + 1 :]], between, ending)


def leaves(values: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """What is in nested mappings, each with the path of keys to it."""
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from leaves(value, (*path, str(key)))
        else:
            yield (*path, str(key)), value


def figures(values: Mapping[str, Any]) -> dict[tuple[str, ...], float]:
    """The finite numbers in nested mappings by path: undefined figures and lists are left out."""
    return {path: float(value) for path, value in leaves(values) if _is_finite(value)}


def _is_finite(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)


def of_epoch(result: Mapping[str, Any]) -> dict[tuple[str, ...], float]:
    """Figures of an epoch: `train/loss`, `train/seconds`, `valid/…`, and `added/…` of the callbacks before this one."""
    train = {"loss": result["train_loss"], "seconds": result["seconds"]}
    return figures({"train": train, "valid": result["valid"] or {}, "added": result.get("added", {})})


def of_end(result: Mapping[str, Any], *, per_class: bool) -> dict[tuple[str, ...], float]:
    """Figures of a finished run: `test/…`, `best/…` (epoch and validation figures), `seconds/…` of each stage.

    And what the callbacks before this one add to the result, as `final/…`, apart from what they add to epochs.
    """
    test = dict(result["test"] or {})
    if not per_class:
        test.pop("per_class", None)
    best = {"epoch": result["best_epoch"], **(result["valid"] or {})}
    added = result.get("added", {})
    return figures({"test": test, "best": best, "seconds": result["seconds"], "final": added})


def hyperparameters(run: Mapping[str, Any]) -> dict[tuple[str, ...], bool | float | str]:
    """The resolved recipe by path, and the sizes of data and model; lists and nothing (null) as resolved.yaml has them.

    Callbacks are no hyperparameters, and how they reach a server is nothing to publish.
    """
    recipe = {key: value for key, value in run["resolved"].items() if key != "callbacks"}
    sizes = {key: run[key] for key in ("n_train", "n_features", "n_parameters")}
    sizes["n_labels"] = len(run["labels"])
    found = dict(leaves({**recipe, **sizes}))
    return {path: value if isinstance(value, (str, bool, Real)) else as_yaml(value) for path, value in found.items()}


def as_yaml(value: Any) -> str:
    """A value in one line of YAML: `[numpy, scipy]`, `null`, `1.0e-08`."""
    import yaml

    text: str = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, sort_keys=False, width=10**9)
    return text.removesuffix("...\n").strip()


def run_name(run_folder: Path) -> str:
    """`newsgroups/20261123T225305Z-c67494`: enough of a run folder's path to tell runs apart."""
    return "/".join(run_folder.absolute().parts[-2:])
