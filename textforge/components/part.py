"""A component with checked options: what a section of a recipe becomes, ready to be built."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from textforge.components.component import Component
from textforge.components.kinds import fact_text
from textforge.components.options import jsonable
from textforge.components.settings import result_key
from textforge.errors import ComponentError, PluginError, RecipeError, TextforgeError


@dataclass(frozen=True)
class Part:
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
    def streams(self) -> bool:
        """Whether a dataset gives a `Stream` to train on, with these options: its factory's `streams(**options)`."""
        told_by = getattr(self.component.factory, "streams", None)
        with blame(part_name(self), "saying whether it streams", self.written_at):
            return callable(told_by) and told_by(**self.all_options) is True

    def as_recipe(self) -> dict[str, Any]:
        """The section as YAML would hold it: `{use: name, option: value, …}`."""
        return {"use": self.component.name, **jsonable(self.options)}

    @property
    def takes_sparse_gradients(self) -> bool:
        """Whether an optimizer with these options takes sparse gradients."""
        told = self.component.sparse_gradients
        if isinstance(told, str):
            return bool(self.all_options[told])
        return told is True

    def build(self, facts: Mapping[str, Any]) -> Any:
        """What the factory makes of the facts that it asks for and the options.

        Raises:
            PluginError: a fact is not known here.
            ComponentError: the factory raised something that is not a TextforgeError.
        """
        asked = self.component.options
        known = {**asked.fact_defaults, **facts}
        missing = [fact for fact in asked.facts if fact not in known]
        if missing:
            raise PluginError(f"{self.label} needs {fact_text(missing[0])}, which is not known here.")
        arguments = [known[fact] for fact in asked.facts]
        with blame(part_name(self), "being built", self.written_at):
            return self.component.factory(*arguments, **self.options)


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
def blame(who: str, doing: str, place: str = "") -> Iterator[None]:
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
