"""The models of a server, by name and version."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from textforge.classifiers.storage import sha256
from textforge.data.labels import label_value
from textforge.errors import BundleError, did_you_mean, listed
from textforge.runs.folder import CARD, MODEL, RESULT, bundle_folder, is_finished, read_result
from textforge.runs.loading import load

if TYPE_CHECKING:
    from textforge.classifiers.classifier import Classifier

VERSION = 12
"""Length of a version, in hexadecimal digits."""
TIME = "%Y-%m-%dT%H:%M:%SZ"


class UnknownModel(LookupError):  # noqa: N818  (as LookupError itself)
    """There is no model of this name or version; the message is a sentence."""


@dataclass(frozen=True, eq=False)
class ServedModel:
    """A classifier with its name and version.

    Args:
        name: the name that requests give.
        version: what tells it from others of the same name.
        classifier: the classifier.
        about: what `GET /models` says of it beside the two, as JSON values.
        card: its card, Markdown; None if it has none.
        path: the run or the bundle that it was loaded from; None for a classifier that was given.
    """

    name: str
    version: str
    classifier: Classifier
    about: dict[str, Any]
    card: str | None = None
    path: Path | None = None

    @cached_property
    def key(self) -> str:
        """`name@version`."""
        return f"{self.name}@{self.version}"

    @cached_property
    def opening(self) -> str:
        """The beginning of every answer, JSON."""
        return f'{{"model": {json.dumps(self.name)}, "version": {json.dumps(self.version)}, '

    def as_json(self) -> dict[str, Any]:
        """What `GET /models` says of the model."""
        return {"name": self.name, "version": self.version, **self.about}


def load_model(path: Path, name: str | None = None, *, device: str = "cpu") -> ServedModel:
    """Load the classifier of a run or a bundle, and compare its golden predictions.

    Args:
        path: the folder of a run or of a bundle.
        name: the model's name; by default that of the run's recipe, or of the folder.
        device: 'cpu', 'cuda' or 'auto'.

    Raises:
        BundleError: there is none, or it is damaged.
        RecipeError: the device is not available.
    """
    bundle = bundle_folder(path)
    version = version_of(bundle)
    classifier = load(bundle, device=device)
    if version_of(bundle) != version:
        raise BundleError(f"{path}: was replaced while it was read.")
    run = bundle.parent if bundle.name == MODEL and is_finished(bundle.parent) else None
    result = None if run is None else read_result(run)
    card = next((file for folder in (bundle, run) if folder and (file := folder / CARD).is_file()), None)
    name = name or default_name(path)
    about = {**_about(classifier), "run": run and result and _about_run(run, result)}
    about["card"] = None if card is None else f"card?model={name}@{version}"
    text = None if card is None else card.read_text(encoding="utf-8", errors="replace")
    return ServedModel(name, version, classifier, about, text, path)


def served(given: str | Path | Classifier, name: str | None = None, *, device: str = "cpu") -> ServedModel:
    """Load a model, or take a classifier as one; its version is then 'memory'. Raises as `load_model`."""
    if isinstance(given, (str, Path)):
        return load_model(Path(given), name, device=device)
    return ServedModel(name or "classifier", "memory", given, {**_about(given), "run": None, "card": None})


def default_name(path: Path) -> str:
    """The name of a model without a given one: that of its run's recipe, or of its folder.

    Raises:
        BundleError: the result of the run is damaged.
    """
    recipe = read_result(path).get("recipe") if is_finished(path) else None
    return str(recipe) if recipe else path.resolve().name


def version_of(bundle: Path) -> str:
    """The version of a bundle: the beginning of the SHA-256 of its description, which has those of the other files."""
    try:
        return sha256(bundle / "bundle.json")[:VERSION]
    except OSError as error:
        raise BundleError(f"{bundle}: cannot be read: {error.strerror}.") from error


def _about(classifier: Classifier) -> dict[str, Any]:
    """What a classifier is, as JSON values."""
    return {
        "labels": [*map(label_value, classifier.labels)],
        "multi_label": classifier.decision.multi_label,
        "columns": dict(classifier.columns),
        **{kind: part.component.name for kind, part in classifier.parts.items()},
        "engine": getattr(getattr(classifier, "engine", None), "name", "torch"),
        "abstain": classifier.decision.abstain,
        "loaded": datetime.now(UTC).strftime(TIME),
    }


def _about_run(run: Path, result: dict[str, Any]) -> dict[str, Any]:
    """What a run's result says for a reader who chooses a model."""
    finished = datetime.fromtimestamp((run / RESULT).stat().st_mtime, UTC)
    test = result.get("test") or {}
    figures = {key: value for key, value in test.items() if isinstance(value, (int, float, np.number))}
    return {
        "recipe": result.get("recipe"),
        "finished": finished.strftime(TIME),
        "n_train": result.get("n_train"),
        "test": figures or None,
    }


class Models:
    """The models of a server. The first is the default; of models of one name, the last added is."""

    def __init__(self, models: Sequence[ServedModel] = ()) -> None:
        self._models: dict[str, ServedModel] = {}
        self._by_name: dict[str, ServedModel] = {}
        self.default: ServedModel | None = None
        for model in models:
            self.add(model)

    def __iter__(self) -> Iterator[ServedModel]:
        return iter([*self._models.values()])

    def __len__(self) -> int:
        return len(self._models)

    def add(self, model: ServedModel, instead_of: ServedModel | None = None) -> None:
        """Add a model, and take out the one that it replaces. Requests that have the earlier one finish with it."""
        models = {key: one for key, one in self._models.items() if one is not instead_of}
        models[model.key] = model
        by_name = {one.name: one for one in models.values()}
        default = self.default if self.default is not None and self.default.name in by_name else model
        self._models, self._by_name, self.default = models, by_name, by_name[default.name]

    def find(self, wanted: str | None) -> ServedModel:
        """Return a model by `name` or `name@version`; without either, the default.

        Raises:
            UnknownModel: there is none; the message suggests the nearest name.
        """
        if wanted is None:
            if self.default is None:
                raise UnknownModel("the server has no model yet. Try again.")
            return self.default
        found = self._by_name.get(wanted) or self._models.get(wanted)
        if found is not None:
            return found
        name, at, version = wanted.rpartition("@")
        if at and name in self._by_name:
            versions = [one.version for one in self if one.name == name]
            raise UnknownModel(f"no version '{version[:80]}' of model '{name}'. Its versions: {listed(versions)}.")
        names = [*self._by_name]
        raise UnknownModel(f"no model '{wanted[:80]}'.{did_you_mean(wanted, names)} The models: {listed(names)}.")
