"""Options that are parts: the annotation that says so, and where parts stand in an option's value.

An option is a part when its annotation is `PartOf(kind)`, as in `Annotated[Part, PartOf("vectorizer")]`, alone or
within `list`, `tuple`, `dict` and unions, to any depth.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from textforge.errors import Mistake

OptionPath = tuple[str | int, ...]
"""Where in the options a value stands: `("of", 0)`."""

OptionMistake = tuple[OptionPath, str | Mistake]
"""A place in the options, and what is wrong there; a `Mistake` also knows its place in a file."""

Resolver = Callable[[str, Any, OptionPath], "tuple[AnyPart | None, list[OptionMistake]]"]
"""Turns a kind, a section and its place into a part (None if it is wrong) and the mistakes in the section."""

SLOT = "$part"
"""Key of the placeholder that stands for a part while pydantic checks the values around it."""
SCHEMA_SLOT = "x-textforge-part"
"""Key by which a JSON Schema marks a value that is a part, until it is replaced by a reference."""


class AnyPart:
    """Base of `Part`, by which options recognize a part without knowing more of it."""

    def as_recipe(self) -> dict[str, Any]:
        """The part as a section of a recipe."""
        raise NotImplementedError


@dataclass(frozen=True)
class PartOf:
    """Marks an annotation: the value is a part of this kind."""

    kind: str

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        return core_schema.with_info_plain_validator_function(_resolved)

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        return {SCHEMA_SLOT: self.kind}


def _resolved(value: Any, info: Any) -> Any:
    """The part that a placeholder stands for."""
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


def part_kinds(annotation: Any) -> Iterator[str]:
    """The kinds of the parts that a value of this type may hold."""
    if typing.get_origin(annotation) is typing.Annotated:
        yield from (mark.kind for mark in typing.get_args(annotation)[1:] if isinstance(mark, PartOf))
    for inner in typing.get_args(annotation):
        yield from part_kinds(inner)


def part_places(annotation: Any, value: Any, at: OptionPath = ()) -> Iterator[tuple[OptionPath, str]]:
    """The place and the kind of each part in a value of this type, whatever else is wrong with the value."""
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
    """The member of a union that a value with parts belongs to, or None."""
    able = [member for member in members if holds_parts(member)]
    wanted = typing.Annotated if _may_be_part(value) else None
    for member in able:
        origin = typing.get_origin(member)
        if origin is typing.Annotated and wanted is None:
            continue
        if wanted is None and not (isinstance(value, (list, tuple, Mapping)) and isinstance(origin, type)):
            continue
        if wanted is not None and origin is not typing.Annotated:
            continue
        return member
    return None


def _may_be_part(value: Any) -> bool:
    return isinstance(value, str) or (isinstance(value, Mapping) and "use" in value) or isinstance(value, AnyPart)


def value_at(value: Any, place: OptionPath) -> Any:
    """The value at a place within nested lists and mappings."""
    for step in place:
        value = value[step]
    return value


def with_value(value: Any, place: OptionPath, new: Any) -> Any:
    """A copy of nested lists and mappings with another value at a place."""
    if not place:
        return new
    step, rest = place[0], place[1:]
    if isinstance(value, Mapping):
        return {key: with_value(item, rest, new) if key == step else item for key, item in value.items()}
    return [with_value(item, rest, new) if number == step else item for number, item in enumerate(value)]


def sections(value: Any) -> Any:
    """A copy of nested lists and mappings with each part as a section of a recipe."""
    if isinstance(value, AnyPart):
        return value.as_recipe()
    if isinstance(value, Mapping):
        return {key: sections(item) for key, item in value.items()}
    if type(value) in (list, tuple):
        return type(value)(map(sections, value))
    return value


def parts_within(value: Any, at: OptionPath = ()) -> Iterator[tuple[OptionPath, Any]]:
    """Each part in nested lists and mappings, with its place; not the parts within those parts."""
    if isinstance(value, AnyPart):
        yield at, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from parts_within(item, (*at, key))
    elif isinstance(value, (list, tuple)):
        for number, item in enumerate(value):
            yield from parts_within(item, (*at, number))


def schema_with_references(schema: Any) -> Any:
    """A JSON Schema whose values that are parts refer to the definition of their kind."""
    if isinstance(schema, dict):
        if SCHEMA_SLOT in schema:
            rest = {key: value for key, value in schema.items() if key != SCHEMA_SLOT}
            return {"$ref": f"#/$defs/{schema[SCHEMA_SLOT]}", **rest}
        return {key: schema_with_references(value) for key, value in schema.items()}
    if isinstance(schema, list):
        return [schema_with_references(value) for value in schema]
    return schema
