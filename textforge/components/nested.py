"""Options that are parts: how to annotate them, and how to locate parts in an option's value.

The annotation `Annotated[Part, PartOf("vectorizer")]` makes an option a part of that kind. It can be nested in `list`,
`tuple`, `dict` and unions, to any depth.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from textforge.errors import Mistake

OptionPath = tuple[str | int, ...]
"""Path of a value in the options: `("of", 0)`."""

OptionMistake = tuple[OptionPath, str | Mistake]
"""A path in the options and the error message; a `Mistake` also holds the position in the file."""

Resolver = Callable[[str, Any, OptionPath], "tuple[AnyPart | None, list[OptionMistake]]"]
"""Function from kind, section and path to the part (None if the section is wrong) and the section's mistakes."""

SLOT = "$part"
"""Key of the placeholder that replaces a part while pydantic validates the values around it."""
SCHEMA_SLOT = "x-textforge-part"
"""Key that marks a part in a JSON Schema until a reference replaces it."""


class AnyPart:
    """Base class of `Part`, so that options can recognize a part without importing `Part`."""

    def as_recipe(self) -> dict[str, Any]:
        """The part as a section of a recipe."""
        raise NotImplementedError


@dataclass(frozen=True)
class PartOf:
    """Annotation mark: the value is a part of this kind."""

    kind: str

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        return core_schema.with_info_plain_validator_function(_resolved)

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        return {SCHEMA_SLOT: self.kind}


def _resolved(value: Any, info: Any) -> Any:
    """Replace a placeholder by its part, which the validation context holds."""
    from pydantic_core import PydanticCustomError

    if isinstance(value, dict) and value.keys() == {SLOT}:
        return info.context[value[SLOT]]
    raise PydanticCustomError("part_type", "a name or a mapping with 'use'")


def holds_parts(annotation: Any) -> bool:
    """Whether a value of this type is a part or may hold parts."""
    if typing.get_origin(annotation) is typing.Annotated:
        inner, *marks = typing.get_args(annotation)
        return any(isinstance(mark, PartOf) for mark in marks) or holds_parts(inner)
    return any(map(holds_parts, typing.get_args(annotation)))


def part_places(annotation: Any, value: Any, at: OptionPath = ()) -> Iterator[tuple[OptionPath, str]]:
    """Yield the path and kind of each part in a value of this type; the rest of the value need not be valid."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        kinds = [mark.kind for mark in arguments[1:] if isinstance(mark, PartOf)]
        if kinds:
            yield at, kinds[0]
        else:
            yield from part_places(arguments[0], value, at)
    elif origin in (typing.Union, types.UnionType):
        if (member := _member(arguments, value)) is not None:
            yield from part_places(member, value, at)
    elif isinstance(value, (list, tuple)) and isinstance(origin, type) and issubclass(origin, Sequence):
        fixed = origin is tuple and arguments[1:] != (...,)
        for number, item in enumerate(value):
            inner = arguments[number] if fixed and number < len(arguments) else arguments[0]
            yield from part_places(inner, item, (*at, number))
    elif isinstance(value, Mapping) and isinstance(origin, type) and issubclass(origin, Mapping):
        for key, item in value.items():
            yield from part_places(arguments[1], item, (*at, key))


def _member(members: Sequence[Any], value: Any) -> Any:
    """The member of a union that matches a value with parts, or None."""
    origins = [(typing.get_origin(member), member) for member in members if holds_parts(member)]
    if _may_be_part(value):
        return next((member for origin, member in origins if origin is typing.Annotated), None)
    if isinstance(value, (list, tuple, Mapping)):
        return next((member for origin, member in origins if _is_container(origin)), None)
    return None


def _is_container(origin: Any) -> bool:
    return isinstance(origin, type) and origin is not typing.Annotated  # itself a class before Python 3.13


def _may_be_part(value: Any) -> bool:
    """Whether a value has the form of a part: a name, a mapping with 'use', or a `Part`."""
    return isinstance(value, str) or (isinstance(value, Mapping) and "use" in value) or isinstance(value, AnyPart)


def value_at(value: Any, place: OptionPath) -> Any:
    """The value at a path in nested lists and mappings."""
    for step in place:
        value = value[step]
    return value


def with_value(value: Any, place: OptionPath, new: Any) -> Any:
    """Copy nested lists and mappings, with a new value at one path."""
    if not place:
        return new
    step, rest = place[0], place[1:]
    if isinstance(value, Mapping):
        return {key: with_value(item, rest, new) if key == step else item for key, item in value.items()}
    return [with_value(item, rest, new) if number == step else item for number, item in enumerate(value)]


def sections(value: Any) -> Any:
    """Copy nested lists and mappings, with each part written as a section of a recipe."""
    if isinstance(value, AnyPart):
        return value.as_recipe()
    if isinstance(value, Mapping):
        return {key: sections(item) for key, item in value.items()}
    if type(value) in (list, tuple):
        return type(value)(map(sections, value))
    return value


def parts_within(value: Any, at: OptionPath = ()) -> Iterator[tuple[OptionPath, Any]]:
    """Yield each part in nested lists and mappings with its path; parts inside those parts are not included."""
    if isinstance(value, AnyPart):
        yield at, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from parts_within(item, (*at, key))
    elif isinstance(value, (list, tuple)):
        for number, item in enumerate(value):
            yield from parts_within(item, (*at, number))


def schema_with_references(schema: Any) -> Any:
    """Copy a JSON Schema, with each marked part replaced by a reference to the definition of its kind."""
    if isinstance(schema, dict):
        if SCHEMA_SLOT in schema:
            rest = {key: value for key, value in schema.items() if key != SCHEMA_SLOT}
            return {"$ref": f"#/$defs/{schema[SCHEMA_SLOT]}", **rest}
        return {key: schema_with_references(value) for key, value in schema.items()}
    if isinstance(schema, list):
        return [schema_with_references(value) for value in schema]
    return schema
