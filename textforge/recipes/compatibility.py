"""Find incompatible parts of a recipe before any data are loaded."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from textforge.components.columns import READS, column_mistakes
from textforge.components.component import Component
from textforge.components.kinds import fact_text
from textforge.components.manager import PluginManager
from textforge.components.nested import OptionPath
from textforge.components.part import Part
from textforge.components.requirements import missing_dependencies
from textforge.components.settings import TrainerSettings
from textforge.errors import PluginError, did_you_mean, listed

Incompatibility = tuple[str, OptionPath, str]
"""A section of the recipe, the path of a key in it, and the error message."""


def incompatibilities(
    sections: Mapping[str, Part | tuple[Part, ...] | None], trainer: TrainerSettings | None, plugins: PluginManager
) -> Iterator[Incompatibility]:
    """Yield the conflicts between sections that are valid by themselves, and parts that lack what they depend on.

    Args:
        sections: section to part, or to its list of parts; None for a part that is missing or invalid.
        trainer: trainer settings; None if they are invalid.
        plugins: source of the alternatives that messages suggest.
    """
    yield from _missing_dependencies(sections)
    vectorizer, model, dataset = (
        part if isinstance(part := sections[kind], Part) else None for kind in ("vectorizer", "model", "dataset")
    )
    if vectorizer and model:
        yield from _missing_facts(vectorizer, model, plugins)
    if dataset and dataset.streams:
        yield from _need_all_texts(dataset, vectorizer, model, trainer, plugins)
    if dataset and vectorizer and (brought := dataset.brings_columns) is not None:
        for path, message in column_mistakes(vectorizer, brought):
            yield "vectorizer", path, message


def _missing_dependencies(sections: Mapping[str, Part | tuple[Part, ...] | None]) -> Iterator[Incompatibility]:
    """Yield each part, or part within a part, whose distribution lacks a dependency."""
    for section, found in sections.items():
        parts = found if isinstance(found, tuple) else (found,) if found else ()
        for place, part in enumerate(parts):
            for one in part.with_inner_parts():
                if missing := missing_dependencies(one.component.origin.distribution):
                    yield section, (place if isinstance(found, tuple) else "use",), f"{one.label} cannot run: {missing}"


def _missing_facts(vectorizer: Part, model: Part, plugins: PluginManager) -> Iterator[Incompatibility]:
    """Yield each fact that the model, or a model inside it, needs and neither textforge nor the vectorizer gives."""
    given = (*model.component.kind.facts, *vectorizer.gives)
    for way, fact in model.unmet_facts(given):
        helpful = _vectorizers_where(plugins, lambda component, fact=fact: fact in component.gives)  # type: ignore[misc]
        use = f" Use the vectorizer {' or '.join(map(repr, helpful))}." if helpful else (
            f" No installed vectorizer provides it.{did_you_mean(fact, given)}")  # fmt: skip
        gives = " and ".join(fact_text(f) for f in vectorizer.gives)
        who = " holds ".join([way[0].label, *(f"'{part.component.name}'" for part in way[1:])])
        which = f", which needs {fact_text(fact)}" if len(way) > 1 else f" needs {fact_text(fact)}"
        yield "model", ("use",), f"{who}{which}; {vectorizer.label} gives {gives}.{use}"


def _need_all_texts(
    dataset: Part,
    vectorizer: Part | None,
    model: Part | None,
    trainer: TrainerSettings | None,
    plugins: PluginManager,
) -> Iterator[Incompatibility]:
    """Yield the parts and settings that need all texts in memory, when the dataset is a stream."""
    but = f"but {dataset.label} gives a stream of them"
    if vectorizer and not vectorizer.fits_chunks:
        streaming = _vectorizers_where(
            plugins, lambda component: isinstance(component.factory, type) and component.fits_chunks
        )
        message = (
            f"{vectorizer.label} learns from all texts at once, {but}. Use a vectorizer that can: {listed(streaming)}."
        )
        yield "vectorizer", ("use",), message
    if model and model.fits_itself:
        yield (
            "model",
            ("use",),
            f"{model.label} fits itself on all texts at once, {but}. Use one that an optimizer trains.",
        )
    if trainer and trainer.validation:
        message = f"trainer.validation needs all texts in memory, {but}. Give the dataset a validation split."
        yield "trainer", ("validation",), message


def _vectorizers_where(plugins: PluginManager, fits: Callable[[Component], bool]) -> list[str]:
    """Names of the installed vectorizers of texts that satisfy a condition; broken ones are skipped."""
    found = []
    for name, component in plugins.named("vectorizer").items():
        try:
            if fits(component) and component.declared(READS, None) is None:
                found.append(name)
        except PluginError:
            continue
    return found
