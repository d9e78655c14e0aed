"""Paths among the options of a component."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any


def paths_within(value: Any) -> Iterator[Path]:
    """Every path in an option's value: the value itself, or within lists, tuples and mappings."""
    if isinstance(value, Path):
        yield value
    elif isinstance(value, Mapping):
        yield from paths_within(list(value.values()))
    elif isinstance(value, (list, tuple)):
        for one in value:
            yield from paths_within(one)
