"""The values of a card: those of a report, without texts, and a few of the recipe, the data and the bundle."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from textforge.classifiers.bundles.description import DESCRIPTION, read_description
from textforge.components.manager import PluginManager
from textforge.data.labels import label_names
from textforge.errors import RecipeError, TextforgeError
from textforge.insight.handover.languages import languages_of
from textforge.insight.handover.public_recipe import public_recipe, public_text
from textforge.insight.intervals import wilson
from textforge.insight.report.build import gathered
from textforge.insight.report.sources import Sources, read_sources
from textforge.recipes.document import parse
from textforge.recipes.given_data import GIVEN
from textforge.runs import folder as run_folder


def run_values(path: Path, plugins: PluginManager, bundle: Path | None) -> dict[str, Any]:
    """Return what the card of a run, of seeds or of a cross-validation shows.

    Args:
        path: its folder.
        plugins: the plugin manager that looks up its dataset.
        bundle: the bundle that the card is about; by default the run's own, if it has one.

    Raises:
        BundleError: the run or the bundle is unfinished or damaged.
    """
    sources = read_sources(path, plugins)
    found = gathered(sources, reasons=False)
    resolved = sources.text_of(run_folder.RESOLVED)
    own = path / run_folder.MODEL
    if bundle is None and (own / DESCRIPTION).is_file():
        bundle = own
    return {
        "report": {**found, "classes": [_with_interval(one) for one in found["classes"]]},
        "data": _data(sources, resolved),
        "resolved": resolved and _public(resolved),
        "seed": sources.result.get("seed"),
        "seeds": sources.result.get("seeds") if sources.kind == "seeds" else None,
        "folds": sources.result.get("folds") if sources.kind == "cross-validation" else None,
        "environment": sources.environment(),
        "stopped": sources.result.get("stopped"),
        **bundle_values(bundle),
    }


def bundle_values(bundle: Path | None) -> dict[str, Any]:
    """Return what a card shows of a bundle, under `bundle` and `labels`; None for each without one.

    Raises:
        BundleError: the bundle is damaged.
    """
    if bundle is None:
        return {"bundle": None, "labels": None}
    described = read_description(bundle)
    return {
        "labels": label_names(described.labels),
        "bundle": {
            "format": described.format,
            "textforge": described.textforge,
            "vectorizer": described.vectorizer.use,
            "model": described.model.use,
            "n_features": described.facts.n_features,
            "columns": dict(described.columns),
            "decision": described.decision.model_dump(),
            "files": dict(described.files),
            "others": sorted({part.made_with for part in (described.vectorizer, described.model)
                              if part.distribution != "textforge"}),
        },
    }  # fmt: skip


def _with_interval(one: dict[str, Any]) -> dict[str, Any]:
    """The figures of a class with Wilson's interval of its recall; None for weighted texts or none at all."""
    n = one["support"]
    if not n or n != int(n):
        return {**one, "recall_interval": None}
    return {**one, "recall_interval": [*wilson(round(one["recall"] * n), int(n))]}


def _data(sources: Sources, resolved: str | None) -> dict[str, Any]:
    """Name, kind and languages of the data."""
    section: Mapping[str, Any] = {}
    if resolved:
        try:
            section = (parse(resolved, run_folder.RESOLVED).plain() or {}).get("dataset") or {}
        except (RecipeError, AttributeError):
            section = {}
    try:
        languages = languages_of(sources.dataset())
    except TextforgeError:  # the report warns of data that cannot be read
        languages = []
    kind = str(section.get("use") or "unknown")
    named = section.get("name")
    return {
        "name": "data given in code" if kind == GIVEN else _name(section) or kind,
        "type": named if isinstance(named, str) else kind,
        "use": kind,
        "languages": languages,
    }


def _name(section: Mapping[str, Any]) -> str:
    """The name of data: its own, or the names of its files."""
    if isinstance(section.get("name"), str):
        return str(section["name"])
    files = [public_text(str(one)) for key in ("path", "train", "test") for one in _as_list(section.get(key))
             if isinstance(one, str)]  # fmt: skip
    return ", ".join(dict.fromkeys(Path(one).name for one in files))


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _public(resolved: str) -> str | None:
    try:
        return public_recipe(resolved)
    except RecipeError:  # made by other code or by hand: what it holds is unknown
        return None
