"""Which parts do not go together, told before anything is loaded."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from textforge.components.component import Component
from textforge.components.kinds import fact_text
from textforge.components.manager import PluginManager
from textforge.components.part import Part
from textforge.components.settings import TrainerSettings
from textforge.errors import PluginError, did_you_mean, listed

Incompatibility = tuple[str, str, str]
"""A section of the recipe, the key in it, and what is wrong."""


def incompatibilities(
    parts: Mapping[str, Part | None], trainer: TrainerSettings | None, plugins: PluginManager
) -> Iterator[Incompatibility]:
    """What is wrong with a recipe whose sections are each right by themselves."""
    vectorizer, model, dataset = parts["vectorizer"], parts["model"], parts["dataset"]
    if vectorizer and model:
        yield from _facts_nobody_gives(vectorizer, model, plugins)
    if dataset and dataset.streams:
        yield from _without_all_texts(dataset, vectorizer, model, trainer, plugins)


def _facts_nobody_gives(vectorizer: Part, model: Part, plugins: PluginManager) -> Iterator[Incompatibility]:
    """A model's facts must be known to the framework or given by the vectorizer; likewise those of parts within it."""
    given = (*model.component.kind.facts, *vectorizer.gives)
    for way, fact in model.unmet_facts(given):
        helpful = _vectorizers_where(plugins, lambda component, fact=fact: fact in component.gives)  # type: ignore[misc]
        use = f" Use the vectorizer {' or '.join(map(repr, helpful))}." if helpful else (
            f" No installed vectorizer gives that.{did_you_mean(fact, given)}")  # fmt: skip
        gives = " and ".join(fact_text(f) for f in vectorizer.gives)
        who = " holds ".join([way[0].label, *(f"'{part.component.name}'" for part in way[1:])])
        which = f", which needs {fact_text(fact)}" if len(way) > 1 else f" needs {fact_text(fact)}"
        yield "model", "use", f"{who}{which}; {vectorizer.label} gives {gives}.{use}"


def _without_all_texts(
    dataset: Part,
    vectorizer: Part | None,
    model: Part | None,
    trainer: TrainerSettings | None,
    plugins: PluginManager,
) -> Iterator[Incompatibility]:
    """On a stream nothing can learn that has to see all texts at once."""
    but = f"but {dataset.label} gives a stream of them"
    if vectorizer and not vectorizer.fits_chunks:
        able = _vectorizers_where(
            plugins, lambda component: isinstance(component.factory, type) and component.fits_chunks
        )
        told = f"{vectorizer.label} learns from all texts at once, {but}. Use a vectorizer that can: {listed(able)}."
        yield "vectorizer", "use", told
    if model and model.fits_itself:
        yield (
            "model",
            "use",
            f"{model.label} fits itself on all texts at once, {but}. Use one that an optimizer trains.",
        )
    if trainer and trainer.validation:
        told = f"trainer.validation holds out of texts in memory, {but}. Let the dataset bring validation texts."
        yield "trainer", "validation", told


def _vectorizers_where(plugins: PluginManager, fits: Callable[[Component], bool]) -> list[str]:
    """The installed vectorizers of which that is true; a broken one is no suggestion."""
    found = []
    for component in plugins.components("vectorizer"):
        try:
            if fits(component):
                found.append(component.name)
        except PluginError:
            continue
    return found
