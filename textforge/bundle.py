"""A trained classifier on disk: `bundle.json` and safetensors files. No pickle anywhere.

Written whole or not at all; every file has its SHA-256 in `bundle.json`, which has its own. A few
golden predictions are repeated at load, so that a bundle that would answer differently is told.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from textforge.bundle_parts import changed_versions, named, saved_part
from textforge.classifier import Classifier, as_device, given_facts, rebuilt, vectorized
from textforge.components import Part, blame, part_name
from textforge.decision import Decision
from textforge.errors import BundleError, ComponentError, StorageError, TextforgeError
from textforge.plugins import PluginManager
from textforge.run_folder import bundle_folder
from textforge.storage import json_text, replaced, sha256, temporary_beside, write_json

FORMAT = 2
"""Format 1 had no decision: one label a text, the most probable."""
DESCRIPTION = "bundle.json"
MODEL, VECTORIZER = "model.safetensors", "vectorizer.safetensors"
GOLDEN_TEXTS = (
    "",
    "The launch was moved to Monday because of the weather, said the team in Houston.",
    "Does anybody know a good library to read and write image files in C? Thanks in advance!",
    "He threw seven innings and the home team won the game 5 to 2.",
    "Our guests liked the room, but the service was slow and the food was cold.",
)
"""Texts of the golden predictions. They are fixed, so that no text of a user's travels in a bundle."""
TOLERANCE = 1e-3
"""How far a golden probability may be off: other processors round differently."""


def save(classifier: Classifier, path: str | Path) -> Path:
    """Write a bundle folder; its files appear together or not at all.

    Raises:
        BundleError: something is there already, or a component has no name to be saved by.
        ComponentError: the vectorizer's `state()` is not JSON values and arrays, or a model that fits itself has
            learnt what is not in its weights.
        StorageError: it cannot be written.
    """
    path = Path(path)
    if path.exists():
        raise BundleError(f"{path}: exists already; bundles are never overwritten.")
    missing = [kind for kind in ("vectorizer", "model") if kind not in classifier.parts]
    if missing:
        raise BundleError(
            f"the {missing[0]} was given as a Python object, not as a named component, so a bundle could "
            "not say how to build it. Register it in a plugin and pass PluginManager.part(...)."
        )
    temporary = temporary_beside(path)
    try:
        temporary.mkdir(parents=True)
        _write(classifier, temporary)
        _refuse_unloadable(classifier, temporary)
        temporary.rename(path)
    except StorageError as error:  # of one of its files: named as it would have been
        raise StorageError(str(error).replace(str(temporary), str(path))) from error
    except OSError as error:
        raise StorageError(f"{path}: cannot be written: {error.strerror or error}.") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return path


def refuse_unsavable(vectorizer: Any, module: torch.nn.Module, parts: Mapping[str, Part]) -> None:
    """Find before training what would keep the classifier from being saved after it.

    Raises:
        ComponentError: the fitted vectorizer cannot give its state, or fails on a golden text, such as the
            empty one; or the module's state holds something that is no tensor.
    """
    _state(vectorizer, parts["vectorizer"])
    vectorized(vectorizer, GOLDEN_TEXTS, part_name(parts["vectorizer"]))
    _weights(module, parts["model"])


def load(
    path: str | Path, *, plugins: PluginManager | None = None, device: str = "cpu", check: bool = True
) -> Classifier:
    """Read a bundle, or the bundle of a finished run.

    Args:
        path: a bundle folder or a run folder.
        plugins: where components are looked up; by default everything installed.
        device: 'cpu', 'cuda' or 'auto'.
        check: repeat the golden predictions.

    Raises:
        RecipeError: there is no such device here.
        BundleError: missing, unfinished, damaged, of an unknown format, or it needs what is not
            installed; the message says which distribution to install.
    """
    folder, place = bundle_folder(Path(path)), as_device(device)
    described = _described(folder)
    parts = {kind: saved_part(kind, described, plugins or PluginManager(), folder) for kind in ("vectorizer", "model")}
    try:
        vectorizer = parts["vectorizer"].build({"seed": described["facts"].get("seed", 0)})
        with blame(parts["vectorizer"].label, "restoring its state"):
            vectorizer = vectorizer.from_state(_read_state(folder, described["vectorizer"]["state"]))
        facts = {**described["facts"], **given_facts(vectorizer, parts["vectorizer"], described["facts"])}
        facts.setdefault("multi_label", False)  # which format 1 did not know
        module = _module(parts["model"], facts, folder)
        decision = _decision(described, folder)
        classifier = Classifier(
            vectorizer, module, described["labels"], facts=facts, parts=parts, device=place, decision=decision
        )
        if check:
            _check_golden(classifier, described)
    except TextforgeError as error:
        told = " ".join(str(error).split())  # torch tells of weights that do not fit in many lines
        raise BundleError(f"{folder}: {told} {changed_versions(described, parts)}".rstrip()) from error
    return classifier


# -- writing -----------------------------------------------------------------------------------


def _write(classifier: Classifier, folder: Path) -> None:
    from safetensors.torch import save_file

    # Not save_model: it lists tied weights in an order that differs from process to process.
    weights = {
        name: tensor.cpu().clone(memory_format=torch.contiguous_format)
        for name, tensor in _weights(classifier.module, classifier.parts["model"]).items()
    }
    with replaced(folder / MODEL) as temporary:
        save_file(weights, str(temporary))
    described = {
        "format": FORMAT,
        "textforge": metadata.version("textforge"),
        "labels": list(classifier.labels),
        "decision": classifier.decision.as_json(),
        "facts": _plain_facts(classifier),
        "vectorizer": {
            **named(classifier.parts["vectorizer"]),
            "state": _write_state(classifier, folder),
        },
        "model": named(classifier.parts["model"]),
        "golden": [
            {"text": text, "probabilities": [float(p) for p in row]}
            for text, row in zip(GOLDEN_TEXTS, classifier.predict_proba(GOLDEN_TEXTS), strict=True)
        ],
        "files": {file.name: sha256(file) for file in sorted(folder.iterdir())},
    }
    write_json(folder / DESCRIPTION, {**described, "digest": _digest(described)})


def _refuse_unloadable(classifier: Classifier, folder: Path) -> None:
    """A model that fits itself may keep what it learnt in plain attributes, which no bundle holds."""
    part = classifier.parts["model"]
    if not part.component.fits_itself:
        return
    told = "what it learns must be parameters or buffers whose shapes follow from its facts"
    try:
        again = Classifier(
            classifier.vectorizer, _module(part, classifier.facts, folder), classifier.labels,
            parts=classifier.parts, device=classifier.device, decision=classifier.decision,
        )  # fmt: skip
        _check_golden(again, json.loads((folder / DESCRIPTION).read_text(encoding="utf-8")))
    except BundleError as error:
        raise ComponentError(f"{part_name(part)} answers otherwise once its weights are restored; {told}.") from error
    except ComponentError as error:
        raise ComponentError(f"{' '.join(str(error).split())} ({told})") from error


def _weights(module: torch.nn.Module, part: Part) -> dict[str, torch.Tensor]:
    with blame(part_name(part), "giving its weights"):
        weights = module.state_dict()
    if other := [name for name, value in weights.items() if not isinstance(value, torch.Tensor)]:
        raise ComponentError(
            f"{part_name(part)}: '{other[0]}' in its state_dict() is no tensor, which no bundle holds."
        )
    return weights


def _plain_facts(classifier: Classifier) -> dict[str, Any]:
    """The facts that JSON gives back as they are; others, an array for one, the restored vectorizer gives again."""
    facts = {k: v.item() if isinstance(v, np.generic) else v for k, v in classifier.facts.items()}
    plain = {}
    for name, value in facts.items():
        with suppress(TypeError, ValueError):
            if json.loads(json.dumps(value, allow_nan=False)) == value:
                plain[name] = value
    return plain


def _state(vectorizer: Any, part: Part) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """The arrays and the JSON values of a vectorizer's state.

    Raises:
        ComponentError: it cannot give its state, or gives something else.
    """
    with blame(part_name(part), "giving its state"):
        state: Mapping[str, Any] = vectorizer.state()
    try:
        arrays = {k: np.asarray(v, order="C") for k, v in state.items() if isinstance(v, np.ndarray)}
        values = {k: v for k, v in state.items() if k not in arrays}
        json.dumps(values, allow_nan=False, sort_keys=True, ensure_ascii=False).encode()
        if other := [key for key in state if not isinstance(key, str)]:
            raise TypeError(f"the key {other[0]!r} is not text")
        if other := [k for k, v in arrays.items() if v.dtype.kind not in "biuf" or v.dtype.itemsize > 8]:
            raise TypeError(f"the array '{other[0]}' has the type {arrays[other[0]].dtype}, which no bundle holds")
    except (AttributeError, TypeError, ValueError) as error:
        raise ComponentError(
            f"{part_name(part)}: state() must be a dict of JSON values and arrays of numbers: {error}."
        ) from error
    return arrays, values


def _write_state(classifier: Classifier, folder: Path) -> dict[str, Any]:
    """The vectorizer's arrays go into safetensors, its JSON values into the description."""
    from safetensors import SafetensorError
    from safetensors.numpy import save_file

    part = classifier.parts["vectorizer"]
    arrays, values = _state(classifier.vectorizer, part)
    try:
        with replaced(folder / VECTORIZER) as temporary:
            save_file(arrays, str(temporary))
    except (TypeError, ValueError, SafetensorError) as error:
        raise ComponentError(f"{part_name(part)}: its state cannot be saved: {error}.") from error
    return values


def _digest(described: Mapping[str, Any]) -> str:
    """SHA-256 of a description without its own digest, in canonical JSON."""
    content = {key: value for key, value in described.items() if key != "digest"}
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


# -- reading -----------------------------------------------------------------------------------


def _described(folder: Path) -> dict[str, Any]:
    """The description, once it and every file it names have been found whole."""
    file = folder / DESCRIPTION
    damaged = f"{folder}: damaged: "
    try:
        text = file.read_bytes()
        described = json.loads(text)
        number = described["format"]
    except OSError as error:
        raise BundleError(f"{file}: cannot be read: {error.strerror}.") from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise BundleError(f"{damaged}{DESCRIPTION} is not a bundle's description ({error}).") from error
    if number not in (1, FORMAT):
        raise BundleError(
            f"{folder}: bundle format {number!r}; this textforge ({metadata.version('textforge')}) reads format "
            f"{FORMAT}. It was written by textforge {described.get('textforge', '(unknown)')}: install that version."
        )
    if described.get("digest") != _digest(described) or text != json_text(described).encode():
        raise BundleError(f"{damaged}{DESCRIPTION} is not what was written. Restore the bundle from a copy.")
    for name, digest in described["files"].items():
        if not (folder / name).is_file():
            raise BundleError(f"{damaged}the file '{name}' is missing. Restore the bundle from a copy.")
        if sha256(folder / name) != digest:
            raise BundleError(
                f"{damaged}the file '{name}' is not what was written (its SHA-256 differs). "
                "Restore the bundle from a copy."
            )
    return dict(described)


def _decision(described: Mapping[str, Any], folder: Path) -> Decision:
    try:
        return Decision.from_json(described["decision"]) if "decision" in described else Decision()
    except (KeyError, TypeError, ValueError) as error:
        raise BundleError(f"{folder}: damaged: {DESCRIPTION} holds no decision that can be read ({error}).") from error


def _read_state(folder: Path, values: Mapping[str, Any]) -> dict[str, Any]:
    from safetensors.numpy import load_file

    arrays: dict[str, NDArray[Any]] = load_file(str(folder / VECTORIZER))
    return {**values, **arrays}


def _module(part: Part, facts: Mapping[str, Any], folder: Path) -> torch.nn.Module:
    from safetensors.torch import load_file

    return rebuilt(part, facts, load_file(str(folder / MODEL)))


def _check_golden(classifier: Classifier, described: Mapping[str, Any]) -> None:
    golden = described["golden"]
    expected = np.array([one["probabilities"] for one in golden])
    found = classifier.predict_proba([one["text"] for one in golden])
    if expected.shape != found.shape or not np.allclose(expected, found, atol=TOLERANCE, rtol=0):
        raise BundleError("it predicts otherwise here than where it was made, so it is not to be trusted.")
