"""Select and name the figures and hyperparameters that both callbacks log."""

import math
import re
from collections.abc import Callable, Iterator, Mapping
from numbers import Real
from pathlib import Path
from typing import Any

LONGEST = 250
"""Longest name, in bytes: MLflow allows 250 characters, and file systems limit the bytes of a file name."""


def grouped(segment: str) -> str:
    """A segment of a name for TensorBoard, which accepts any text but groups names by `/`."""
    return segment.replace("/", "_")


def portable(segment: str) -> str:
    """A segment of a name for MLflow, which may use it as a file name: letters of any script, digits, `_`, `-`, `.`."""
    found = re.sub(r"[^\w.\-]", "_", segment)
    return found.replace(".", "_") if not found.strip(".") else found


def named(values: Mapping[tuple[str, ...], Any], clean: Callable[[str], str], between: str = "/") -> dict[str, Any]:
    """Join each path into one name; append a number to a name that is already taken."""
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
    """A name of at most `LONGEST` bytes, made by cutting the longest segment, usually the label of a class."""
    name = between.join(segments) + ending
    if (excess := len(name.encode()) - LONGEST) <= 0:
        return name
    at = max(range(len(segments)), key=lambda n: len(segments[n].encode()))
    kept = segments[at].encode()[: -excess - 1].decode("utf-8", "ignore")
    return _fitted([*segments[:at], f"{kept}_", *segments[at + 1 :]], between, ending)


def leaves(values: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield each value in nested mappings with the path of keys that leads to it."""
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from leaves(value, (*path, str(key)))
        else:
            yield (*path, str(key)), value


def figures(values: Mapping[str, Any]) -> dict[tuple[str, ...], float]:
    """The finite numbers in nested mappings by path, without undefined figures and lists."""
    return {path: float(value) for path, value in leaves(values) if _is_finite(value)}


def _is_finite(value: Any) -> bool:
    return not isinstance(value, bool) and isinstance(value, Real) and math.isfinite(value)


def of_epoch(result: Mapping[str, Any]) -> dict[tuple[str, ...], float]:
    """Figures of an epoch: `train/loss`, `train/seconds`, `valid/…`, and `added/…` from earlier callbacks."""
    train = {"loss": result["train_loss"], "seconds": result["seconds"]}
    return figures({"train": train, "valid": result["valid"] or {}, "added": result.get("added", {})})


def of_end(result: Mapping[str, Any], *, per_class: bool) -> dict[tuple[str, ...], float]:
    """Figures of a finished run: `test/…`, `best/…` (epoch and validation figures), `seconds/…` of each stage.

    Figures that earlier callbacks add to the result are named `final/…`, apart from those that they add to epochs.
    """
    test = dict(result["test"] or {})
    if not per_class:
        test.pop("per_class", None)
    best = {"epoch": result["best_epoch"], **(result["valid"] or {})}
    added = result.get("added", {})
    return figures({"test": test, "best": best, "seconds": result["seconds"], "final": added})


def hyperparameters(run: Mapping[str, Any]) -> dict[tuple[str, ...], bool | Real | str]:
    """The resolved recipe by path, and the sizes of data and model; lists and null as text, as in resolved.yaml.

    The section `callbacks` is omitted: it holds no hyperparameters, and addresses of servers should not be published.
    """
    recipe = {key: value for key, value in run["resolved"].items() if key != "callbacks"}
    sizes = {key: run[key] for key in ("n_train", "n_features", "n_parameters")}
    sizes["n_labels"] = len(run["labels"])
    found = dict(leaves({**recipe, **sizes}))
    return {path: value if isinstance(value, (str, bool, Real)) else as_yaml(value) for path, value in found.items()}


def as_yaml(value: Any) -> str:
    """A value as one line of YAML, such as `[numpy, scipy]`, `null` or `1.0e-08`."""
    import yaml

    text: str = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, sort_keys=False, width=10**9)
    return text.removesuffix("...\n").strip()


def run_name(run_folder: Path) -> str:
    """The last two parts of a run folder's path, such as `newsgroups/20261123T225305Z-c67494`."""
    return "/".join(run_folder.absolute().parts[-2:])
