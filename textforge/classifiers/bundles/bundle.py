"""A trained classifier on disk: `bundle.json` and safetensors files. No pickle anywhere.

A bundle is written completely or not at all. `bundle.json` holds the SHA-256 of every file and of itself. Loading
repeats a few golden predictions, so that a bundle whose predictions have changed is rejected.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from enum import Enum
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from textforge.classifiers.bundles.description import (
    DESCRIPTION,
    FORMAT,
    VECTORIZER,
    WITH_COLUMNS,
    Description,
    checked,
    content_digest,
    digest as _digest,
    read_description,
)
from textforge.classifiers.bundles.golden import golden_texts
from textforge.classifiers.bundles.named_parts import changed_versions, named, saved_part
from textforge.classifiers.bundles.seal import refuse_broken_seal, seal_of_arrays
from textforge.classifiers.bundles.state import Arrays, State, join_state, split_state
from textforge.classifiers.classifier import Classifier, computed_by
from textforge.classifiers.decision import Decision
from textforge.classifiers.engines.choice import Choice, chosen, opened
from textforge.classifiers.engines.engine import EngineName, ModelPart
from textforge.classifiers.storage import json_text, sha256, write_json
from textforge.classifiers.vectorizing import given_facts, vectorized
from textforge.components.manager import PluginManager
from textforge.components.part import Part, part_name, plugin_errors, why_unsavable
from textforge.components.rows import ColumnKinds, Row
from textforge.data.labels import as_members, label_names, label_value
from textforge.errors import BundleError, ComponentError, TextforgeError
from textforge.errors.temporaries import new_folder, replaced

if TYPE_CHECKING:
    import torch

TOLERANCE = 1e-3
"""Largest allowed difference of a golden probability; processors round differently."""


def save(classifier: Classifier, path: str | Path, *, state: State | None = None) -> Path:
    """Write a bundle folder atomically: its files appear together or not at all.

    Args:
        classifier: the classifier; its vectorizer and model must be named components.
        path: the folder to create.
        state: the vectorizer's state, if `refuse_unsavable` returned it already.

    Returns:
        The path of the folder.

    Raises:
        BundleError: `path` exists, or the vectorizer or the model is not a named component.
        ComponentError: the vectorizer's `state()` is not JSON values and arrays, or a model that fits itself has
            learned something that is not in its weights.
        StorageError: the folder cannot be written.
    """
    path = Path(path)
    if path.exists():
        raise BundleError(f"{path}: exists already; bundles are never overwritten.")
    if reason := why_unsavable(classifier.parts):
        raise BundleError(reason)
    with new_folder(path) as temporary:
        _write(classifier, temporary, state or _state(classifier.vectorizer, classifier.parts["vectorizer"]))
        _refuse_unloadable(classifier, temporary)
    return path


def refuse_unsavable(
    vectorizer: Any, module: torch.nn.Module, parts: Mapping[str, Part], columns: ColumnKinds | None = None
) -> State:
    """Reject, before training, a vectorizer or module that could not be saved after it.

    Args:
        vectorizer: the fitted vectorizer.
        module: the module.
        parts: the named components of both.
        columns: the columns that the vectorizer reads, with their kinds.

    Returns:
        The vectorizer's state, for `save`.

    Raises:
        ComponentError: the fitted vectorizer cannot return its state, or fails on a golden text (one of them is
            empty), or the module's `state_dict()` holds a value that is not a tensor.
    """
    state = _state(vectorizer, parts["vectorizer"])
    vectorized(vectorizer, golden_texts(columns or {}), part_name(parts["vectorizer"]))
    from textforge.classifiers.engines.torch_engine import weights_of

    weights_of(module, part_name(parts["model"]))
    return state


def read_bundle(
    path: str | Path,
    *,
    plugins: PluginManager | None = None,
    device: str = "cpu",
    engine: EngineName = "auto",
    check: bool = True,
    label_type: type[Enum] | None = None,
) -> Classifier:
    """Load a classifier from a bundle.

    Args:
        path: a bundle folder.
        plugins: the plugins to look up components in; by default all installed ones.
        device: 'cpu', 'cuda' or 'auto'.
        engine: what computes the model: 'torch', 'numpy' or 'onnx'; 'auto' takes the lightest that can.
        check: whether to repeat the golden predictions and compare them.
        label_type: the Enum whose members to use as labels.

    Raises:
        RecipeError: the device is not available, or the engine cannot compute the model.
        DataError: `label_type` is not an Enum that has a member for each label.
        BundleError: the bundle is missing, incomplete, damaged or of an unknown format, or it needs a plugin that is
            not installed; the message then names the distribution to install.
    """
    folder, plugins = Path(path), plugins or PluginManager()
    described = read_description(folder)
    members = None if label_type is None else as_members(described.labels, label_type)
    parts = {
        "vectorizer": saved_part("vectorizer", described.vectorizer, plugins, folder),
        "model": saved_part("model", described.model, plugins, folder),
    }
    choice = chosen(parts["model"], described.engine, engine, device)
    try:
        classifier = _restored(folder, described, parts, choice)
        golden = [Row(one.text, one.columns.values(), described.columns) for one in described.golden]
        features = classifier.features(golden if described.columns else [*map(str, golden)])
        _refuse_other_size(features.n_features, classifier.facts, part_name(parts["vectorizer"]))
        if check:
            _check_golden(described, classifier.probabilities(features))
    except TextforgeError as error:
        reason = " ".join(str(error).split())  # torch reports mismatched weights on many lines
        raise BundleError(f"{folder}: {reason} {changed_versions(described, parts)}".rstrip()) from error
    if members is not None:
        classifier.labels = members
    return classifier


# -- writing -----------------------------------------------------------------------------------


def _write(classifier: Classifier, folder: Path, state: State) -> None:
    engine, part = classifier.engine, classifier.parts["model"]
    with replaced(folder / engine.file) as temporary:
        engine.write(temporary)
    labels = [label_value(label) for label in classifier.labels]
    arrays, values = state
    golden = golden_texts(classifier.columns)
    exported = engine.described()
    described: dict[str, Any] = {
        "format": _format(labels, exported=bool(exported), columns=bool(classifier.columns)),
        "textforge": metadata.version("textforge"),
        "labels": labels,
        "decision": classifier.decision.as_json(),
        "facts": _plain_facts(classifier),
        **({"columns": classifier.columns} if classifier.columns else {}),
        "vectorizer": {**named(classifier.parts["vectorizer"]), "state": values},
        "model": named(part),
        **({"engine": exported} if exported else {}),
        "golden": [
            {
                "text": text,
                **({"columns": text.columns} if isinstance(text, Row) else {}),
                "probabilities": [float(p) for p in row],
            }
            for text, row in zip(golden, classifier.predict_proba(golden), strict=True)
        ],
    }
    content = f"{content_digest(json.loads(json_text(described)))} {sha256(folder / engine.file)}"
    seal = seal_of_arrays(content, arrays)
    _write_arrays(arrays, seal, part_name(classifier.parts["vectorizer"]), folder)
    described["files"] = {file.name: sha256(file) for file in sorted(folder.iterdir())}
    signed = {**described, "digest": _digest(described)}
    checked(json.loads(json_text(signed)))  # never save a bundle that cannot be loaded
    write_json(folder / DESCRIPTION, signed)


def _format(labels: list[Any], *, exported: bool, columns: bool) -> int:
    """The number of the earliest format that has all that a bundle needs."""
    if exported or columns:
        return FORMAT if exported else WITH_COLUMNS
    return 2 if isinstance(labels[0], str) else 3


def _refuse_unloadable(classifier: Classifier, folder: Path) -> None:
    """Reject a model that predicts differently once it is loaded.

    One that fits itself may keep what it learned in plain attributes, which a bundle does not store; one that can be
    computed in numpy may compute something else there.
    """
    part = classifier.parts["model"]
    if classifier.engine.described() or not (part.fits_itself or part.in_numpy):
        return
    rule = "what it learns must be parameters or buffers whose shapes follow from its facts"
    try:
        choice = chosen(part, None, "auto", classifier.engine.device)
        engine = opened(folder, classifier.engine.model, None, choice)
        again = computed_by(
            engine, classifier.vectorizer, classifier.labels,
            parts=classifier.parts, columns=classifier.columns, decision=classifier.decision,
        )  # fmt: skip
        _check_golden(read_description(folder), again.predict_proba(golden_texts(classifier.columns)))
    except BundleError as error:
        raise ComponentError(f"{part_name(part)} predicts differently once its weights are loaded; {rule}.") from error
    except ComponentError as error:
        raise ComponentError(f"{' '.join(str(error).split())} ({rule})") from error


def _plain_facts(classifier: Classifier) -> dict[str, Any]:
    """Return the facts that survive JSON unchanged; the restored vectorizer gives the others, such as arrays, again."""
    facts = {k: v.item() if isinstance(v, np.generic) else v for k, v in classifier.facts.items()}
    given = classifier.parts["vectorizer"].gives
    if "labels" not in given:  # the bundle has them anyway
        facts.pop("labels", None)
    if "class_counts" in facts and "class_counts" not in given:
        facts["class_counts"] = facts["class_counts"].tolist()
    plain = {}
    for name, value in sorted(facts.items()):
        with suppress(TypeError, ValueError):
            if json.loads(json.dumps(value, allow_nan=False)) == value:
                plain[name] = value
    return plain


def _state(vectorizer: Any, part: Part) -> State:
    """Return the arrays and the JSON values of a vectorizer's state.

    Raises:
        ComponentError: `state()` raised, or did not return a dict of JSON values and arrays of numbers.
    """
    with plugin_errors(part_name(part), "giving its state"):
        state: Mapping[str, Any] = vectorizer.state()
    try:
        return split_state(state)
    except (AttributeError, TypeError, ValueError) as error:
        raise ComponentError(
            f"{part_name(part)}: state() must be a dict of JSON values and arrays of numbers: {error}."
        ) from error


def _write_arrays(arrays: Arrays, seal: dict[str, str], who: str, folder: Path) -> None:
    """Write the arrays of the vectorizer's state."""
    from safetensors import SafetensorError
    from safetensors.numpy import save_file

    try:
        with replaced(folder / VECTORIZER) as temporary:
            save_file(arrays, str(temporary), metadata=seal)
    except (TypeError, ValueError, SafetensorError) as error:
        raise ComponentError(f"{who}: its state cannot be saved: {error}.") from error


# -- reading -----------------------------------------------------------------------------------


def _restored(folder: Path, described: Description, parts: Mapping[str, Part], choice: Choice) -> Classifier:
    """Rebuild the classifier, without comparing the golden predictions."""
    saved, who = described.facts.given(), part_name(parts["vectorizer"])
    vectorizer = parts["vectorizer"].build({"seed": described.facts.seed})
    with plugin_errors(who, "restoring its state"):
        vectorizer = vectorizer.from_state(_read_state(folder, described))
    for name in parts["vectorizer"].gives:
        with plugin_errors(who, f"giving the fact '{name}'"):
            stated, found = saved.get(name), getattr(vectorizer, name, None)
        if isinstance(stated, int) and isinstance(found, (int, np.integer)) and found not in (0, stated):
            raise BundleError(f"{who} has {name} {found} with its saved state, but the bundle's facts have {stated}.")
    facts = {**saved, **given_facts(vectorizer, parts["vectorizer"], saved)}
    facts.setdefault("multi_label", described.decision.multi_label)  # missing in format 1
    facts.setdefault("labels", tuple(label_names(described.labels)))
    if isinstance(facts.get("class_counts"), list):
        facts["class_counts"] = np.array(facts["class_counts"])
    engine = opened(folder, ModelPart(parts["model"], facts, len(described.labels)), described.engine, choice)
    decision = Decision.from_json(described.decision.model_dump())
    return computed_by(
        engine, vectorizer, described.labels,
        facts=facts, parts=parts, columns=described.columns, decision=decision,
    )  # fmt: skip


def _read_state(folder: Path, described: Description) -> dict[str, Any]:
    from safetensors.numpy import load_file

    arrays: Arrays = load_file(str(folder / VECTORIZER))
    content = f"{described.content} {described.files[described.model_file]}"
    required = described.engine is not None  # bundles of weights had no seal at first
    refuse_broken_seal(folder / VECTORIZER, seal_of_arrays(content, arrays), required=required)
    return join_state(described.vectorizer.state, arrays)


def _refuse_other_size(n_features: int, facts: Mapping[str, Any], who: str) -> None:
    """Reject a vectorizer whose features the model has no weights for, before the model looks them up."""
    if facts.get("n_features") not in (None, n_features):
        raise BundleError(f"{who} gives {n_features} features, but the bundle's facts have {facts['n_features']}.")


def _check_golden(described: Description, found: NDArray[np.float32]) -> None:
    expected = np.array([one.probabilities for one in described.golden])
    if expected.shape != found.shape or not np.allclose(expected, found, atol=TOLERANCE, rtol=0):
        raise BundleError("it predicts differently here than when it was made, so it cannot be trusted.")
