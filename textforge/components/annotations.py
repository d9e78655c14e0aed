"""Options as people read them: a type annotation in words, and the line of documentation of each option."""

from __future__ import annotations

import dataclasses
import inspect
import re
import types
import typing
from pathlib import Path
from typing import Any

from textforge.components.nested import PartOf


def documented(docstring: str) -> dict[str, str]:
    """Documentation of each parameter, from the `Options:` (or `Args:`) section of a docstring."""
    section = re.search(r"^(?:Options|Args):\n((?:[ \t]+.*\n?|\n)+)", docstring, re.MULTILINE)
    if not section:
        return {}
    lines = inspect.cleandoc("\n" + section[1]).splitlines()
    docs: dict[str, str] = {}
    name = ""
    for line in lines:
        if entry := re.match(r"(\w+):\s*(.*)", line):
            name = entry[1]
            docs[name] = entry[2].strip()
        elif name and line.strip():
            docs[name] = f"{docs[name]} {line.strip()}".strip()
    return docs


def annotation_text(annotation: Any) -> str:
    """Write a type annotation as shown to users, including its range."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        if kinds := [mark.kind for mark in arguments[1:] if isinstance(mark, PartOf)]:
            return kinds[0]
        ranges = ", ".join(filter(None, map(_range_text, arguments[1:])))
        return f"{annotation_text(arguments[0])} {ranges}".rstrip()
    if origin is typing.Literal:
        return " | ".join(repr(value) for value in arguments)
    if origin in (typing.Union, types.UnionType):
        return " | ".join("null" if a is type(None) else annotation_text(a) for a in arguments)
    if origin is not None:
        inner = ", ".join("..." if a is ... else annotation_text(a) for a in arguments)
        return f"{getattr(origin, '__name__', origin)}[{inner}]"
    if dataclasses.is_dataclass(annotation):
        hints = typing.get_type_hints(annotation, include_extras=True)
        named = [f"{field.name}: {annotation_text(hints[field.name])}" for field in dataclasses.fields(annotation)]
        return f"{{{', '.join(named)}}}"
    return "path" if annotation is Path else getattr(annotation, "__name__", str(annotation))


def _range_text(constraint: Any) -> str:
    symbols = {"gt": ">", "ge": ">=", "lt": "<", "le": "<=", "min_length": "length >=", "max_length": "length <="}
    inner = getattr(constraint, "metadata", None)  # pydantic's FieldInfo holds a list of constraints
    parts = [_range_text(part) for part in inner] if inner else []
    parts += [f"{symbol} {getattr(constraint, name)}" for name, symbol in symbols.items()
              if not inner and getattr(constraint, name, None) is not None]  # fmt: skip
    return ", ".join(filter(None, parts))
