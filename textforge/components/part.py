"""A component with checked options: what a section of a recipe becomes, ready to be built."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Annotated, Any

from textforge.components.component import Component
from textforge.components.kinds import DEFAULT_GIVES, EVERY_FACT, fact_text
from textforge.components.nested import AnyPart, OptionPath, PartOf, parts_within
from textforge.components.options import jsonable
from textforge.components.settings import result_key
from textforge.errors import ComponentError, PluginError, RecipeError, TextforgeError


@dataclass(frozen=True)
class Part(AnyPart):
    """A component with checked options: one section of a recipe, ready to be built.

    Calling it with facts by name builds it, so a part serves wherever a factory does.
    """

    component: Component
    options: dict[str, Any] = field(default_factory=dict)
    written_at: str = ""
    """Where the recipe names it (`recipe.yaml:3:1`), for messages; empty in code."""

    @property
    def label(self) -> str:
        return self.component.label

    @property
    def all_options(self) -> dict[str, Any]:
        """The options, and the defaults of those that are not given."""
        return {**self.component.options.defaults(), **self.options}

    @property
    def parts(self) -> list[tuple[OptionPath, Part]]:
        """The parts among its options, each with its place; not the parts within those parts."""
        return list(parts_within(self.options))

    def _declared(self, attribute: str, default: Any, doing: str) -> Any:
        """What the factory says of itself by an attribute, which may be a function of the options."""
        value = self.component.declared(attribute, default)
        if not callable(value):
            return value
        with plugin_errors(part_name(self), doing, self.written_at):
            return value(**self.all_options)

    @property
    def streams(self) -> bool:
        """Whether a dataset gives a `Stream` to train on, with these options: its factory's `streams(**options)`."""
        return self._declared("streams", False, "saying whether it streams") is True

    @property
    def fits_itself(self) -> bool:
        """Whether a model is fitted by its own `fit`: its factory's attribute `fits_itself`."""
        return self._declared("fits_itself", False, "saying whether it fits itself") is True

    @property
    def fits_chunks(self) -> bool:
        """Whether a vectorizer may be fitted chunk by chunk: as far as its class tells, and that of all within it."""
        within = [part for _, part in self.parts if part.component.kind == self.component.kind]
        return self.component.fits_chunks and all(part.fits_chunks for part in within)

    @property
    def gives(self) -> tuple[str, ...]:
        """Facts that a vectorizer gives to models: its factory's attribute `gives`, else n_features."""
        return self.component.names_of_facts(self._declared("gives", DEFAULT_GIVES, "saying which facts it gives"))

    @property
    def takes_sparse_gradients(self) -> bool:
        """Whether an optimizer takes sparse gradients: its factory's attribute `sparse_gradients`.

        True, the name of the option that says so, or a function of the options.

        Raises:
            PluginError: it names an option that the factory does not have.
        """
        told = self._declared("sparse_gradients", False, "saying whether it takes sparse gradients")
        if isinstance(told, str):
            if told not in self.component.options.defaults():
                raise PluginError(
                    f"{self.label} from {self.component.origin}: its attribute 'sparse_gradients' names '{told}', "
                    "which is no option of it that has a default. Name one that is false or true, or give True."
                )
            return bool(self.all_options[told])
        return told is True

    def unmet_facts(self, known: Container[str]) -> Iterator[tuple[tuple[Part, ...], str]]:
        """Each fact that it, or a part of its kind within it, asks for and that is not known; with the way to it."""
        asked = self.component.options
        for fact in asked.facts:
            if fact not in known and fact not in asked.fact_defaults and fact != EVERY_FACT:
                yield (self,), fact
        for _, part in self.parts:
            if part.component.kind == self.component.kind:
                yield from (((self, *way), fact) for way, fact in part.unmet_facts(known))

    def as_recipe(self) -> dict[str, Any]:
        """The section as YAML would hold it: `{use: name, option: value, …}`."""
        return {"use": self.component.name, **jsonable(self.options)}

    def build(self, facts: Mapping[str, Any]) -> Any:
        """What the factory makes of the facts that it asks for and the options.

        Raises:
            PluginError: a fact is not known here.
            ComponentError: the factory raised something that is not a TextforgeError.
        """
        asked = self.component.options
        known = {**asked.fact_defaults, **facts, EVERY_FACT: dict(facts)}
        missing = [fact for fact in asked.facts if fact not in known]
        if missing:
            raise PluginError(f"{self.label} needs {fact_text(missing[0])}, which is not known here.")
        arguments = [known[fact] for fact in asked.facts]
        with plugin_errors(part_name(self), "being built", self.written_at):
            return self.component.factory(*arguments, **self.options)


Vectorizer = Annotated[Part, PartOf("vectorizer")]
Model = Annotated[Part, PartOf("model")]
Optimizer = Annotated[Part, PartOf("optimizer")]
Scheduler = Annotated[Part, PartOf("scheduler")]
Loss = Annotated[Part, PartOf("loss")]
Metric = Annotated[Part, PartOf("metric")]
Preprocessor = Annotated[Part, PartOf("preprocessor")]
"""Annotations of options that are parts of a kind; also within lists, dicts and unions."""


def parts_of(given: Mapping[str, Any]) -> dict[str, Part]:
    """The parts among what is given for each kind.

    Raises:
        RecipeError: one stands in the place of another kind.
    """
    parts = {kind: part for kind, part in given.items() if isinstance(part, Part)}
    for kind, part in parts.items():
        if part.component.kind.name != kind:
            raise RecipeError(f"{part.label} is no {kind}.")
    return parts


def listed_names(parts: Sequence[Part]) -> list[str]:
    """How results name the parts of a list; one that stands there twice has the options that set it apart."""
    keys = [result_key(part.component.name) for part in parts]
    named = []
    for key, part in zip(keys, parts, strict=True):
        defaults = part.component.options.defaults()
        own = [f"{name}={value}" for name, value in part.options.items() if defaults.get(name) != value]
        named.append(f"{key}({', '.join(own)})" if keys.count(key) > 1 and own else key)
    return named


_CPP_TRACE = re.compile(r"\n(?:Exception raised from|frame #)")
"""Where torch's messages go on with a stack of C++ calls."""


def part_name(part: Part | None, otherwise: str = "") -> str:
    """How messages call a component: what it is and which distribution it comes from."""
    return f"{part.label} from {part.component.origin}" if part else otherwise


@contextmanager
def plugin_errors(who: str, doing: str, place: str = "") -> Iterator[None]:
    """Turn what another's code raises into one sentence that names it; our own errors pass.

    Where `place` is known it leads the message of our own errors too.
    """
    try:
        yield
    except TextforgeError as error:
        if not error.place and not isinstance(error, RecipeError):  # a recipe's mistakes have places of their own
            error.place = place
        raise
    except (MemoryError, KeyboardInterrupt, GeneratorExit):
        raise
    except BaseException as error:  # a panic in a Rust extension, or sys.exit, which would end a run as if it were done
        text = _CPP_TRACE.split(str(error))[0]
        if "can't allocate memory" in text or "out of memory" in text:  # torch has no error of its own for it
            raise MemoryError(text) from error
        told = ComponentError(f"{who} failed while {doing}: {type(error).__name__}: {text}".rstrip(": "))
        told.place = place
        raise told from error
