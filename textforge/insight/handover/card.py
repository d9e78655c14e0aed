"""The model card of a run or a bundle: what its run knows, and marked gaps for what its author knows."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from textforge.components.manager import PluginManager
from textforge.errors import RecipeError
from textforge.insight.handover.card_values import bundle_values, run_values
from textforge.insight.handover.front_matter import front_matter
from textforge.insight.handover.kept_sections import Kept, kept_of, write
from textforge.insight.handover.limits import limits
from textforge.insight.handover.rendering import render
from textforge.runs import folder as run_folder

CLASSES, PAIRS = 60, 10
"""Numbers of classes, those with the lowest F1, and of confused pairs that a card shows."""
PACKAGES = ("textforge", "torch", "numpy", "scikit-learn")
"""Packages whose versions are on the card itself; environment.json has all of them."""


def card(
    path: str | Path,
    out: str | Path | None = None,
    *,
    bundle: str | Path | None = None,
    force: bool = False,
    plugins: PluginManager | None = None,
) -> str:
    """Write the model card of a run, as README.md with the front matter of the Hugging Face hub.

    If a card is at `out` already, the sections that its author filled in and the front matter that they wrote are kept.

    Args:
        path: a run folder, a folder of `run --seeds`, a cross-validation, or a bundle. The bundle of a run folder has
            the card of its run; of another bundle the card says what is not known.
        out: the file to write; None writes none.
        bundle: the bundle that the card is about, such as an export of the run. Defaults to the run's own.
        force: overwrite a file that is no card, or a card that was edited outside of its author's sections.
        plugins: the plugin manager that looks up the dataset. Defaults to everything installed.

    Returns:
        The card in Markdown. It never has a text of the data.

    Raises:
        BundleError: the run or the bundle is unfinished or damaged.
        RecipeError: the file at `out` would lose what somebody wrote.
        StorageError: the file cannot be written.
    """
    kept = Kept() if out is None else kept_of(Path(out), force=force)
    values = card_values(path, plugins or PluginManager(), bundle)
    if values["report"] is None and "model-index" in kept.front and not force:
        raise RecipeError(
            f"{out}: was written from the run of this bundle and has its figures, which a card of the bundle alone "
            "would lose. Name another file, or overwrite it with --force."
        )
    text = card_text(values, kept)
    if out is not None:
        from textforge.classifiers.storage import write_text

        write_text(Path(out), text)
    return text


def card_file(path: Path) -> Path:
    """The place of the card of a run or a bundle: README.md in the folder of its run, else in that of the bundle."""
    return (_run_of(path) or path) / run_folder.CARD


def card_values(path: str | Path, plugins: PluginManager, bundle: str | Path | None = None) -> dict[str, Any]:
    """Return the values that a card shows; see `card`."""
    path = Path(path)
    run = _run_of(path)
    if run is None:
        own = Path(bundle or path)
        return {"name": path.resolve().name, "place": own.resolve().name, "report": None, **bundle_values(own)}
    found = run_values(run, plugins, None if bundle is None else Path(bundle))
    source = run if bundle is None else Path(bundle)
    return {"name": str(found["report"]["recipe_name"]), "place": source.resolve().name, **found}


def card_text(values: Mapping[str, Any], kept: Kept, *, repository: str | None = None) -> str:
    """Return a card.

    Args:
        values: those of `card_values`.
        kept: what the author of an earlier card wrote.
        repository: the name on the hub that the card is pushed to, with its recipe beside it.
    """
    report, bundle = values["report"], values["bundle"]
    name = repository.rpartition("/")[2] if repository else values["name"]
    place = f"hf://{repository}" if repository else values["place"]
    shown: dict[str, Any] = {"seeds": None, "folds": None, "data": None, **values}
    shown |= {
        "name": name,
        "source": shlex.quote(place),
        "quoted": json.dumps(place),
        "repository": repository,
        "pushed_recipe": repository is not None and values.get("resolved") is not None,
        "multi_label": bundle is not None and bundle["decision"]["multi_label"],
        "columns_needed": [*bundle["columns"]] if bundle else [],
        "n_classes": CLASSES,
        "n_pairs": PAIRS,
    }
    if report is not None:
        classes = report["classes"]
        if len(classes) > CLASSES:
            classes = sorted(classes, key=lambda one: (one["f1"], -one["support"]))[:CLASSES]
        environment = values["environment"]
        versions = {name: environment.get("packages", {}).get(name) for name in PACKAGES}
        shown |= {
            "limits": limits(report),
            "classes": classes,
            "splits": [key for key in (report["data"]["classes"] or [{}])[0] if key != "label"],
            "known_splits": _known_splits(environment),
            "sizes": report["environment"]["sizes"],
            "seconds": report["environment"]["seconds"],
            "packages": ", ".join(f"{name} {version}" for name, version in versions.items() if version),
        }
    front = front_matter(name, report, shown["data"])
    return write(front, render("card.md", **shown), kept)


def _run_of(path: Path) -> Path | None:
    """The folder of a run that `path` is, or whose bundle it is; None for a bundle without a run."""
    if not (path / "bundle.json").is_file():
        return path
    run = path.resolve().parent
    return run if path.resolve().name == run_folder.MODEL and run_folder.is_finished(run) else None


def _known_splits(environment: Mapping[str, Any]) -> dict[str, int]:
    """The number of texts of each split, as the run recorded it."""
    data = environment.get("data") or {}
    splits = {name: one["texts"] for name, one in (data.get("splits") or {}).items() if "texts" in one}
    return {**({"train": data["train"]} if "train" in data else {}), **splits}
