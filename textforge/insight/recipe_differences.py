"""The options in which the recipes of two runs differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from textforge.recipes.document import read_document
from textforge.runs import folder as run_folder


def recipe_differences(first: Path, other: Path, *, without: tuple[str, ...] = ()) -> dict[str, dict[str, Any]]:
    """Compare the resolved recipes of two runs option by option.

    Args:
        first, other: the run folders.
        without: keys to leave out, such as the seed.

    Returns:
        The dotted key of each differing option to its values `first` and `other`; an option that a recipe lacks has
        no such value.

    Raises:
        RecipeError: a resolved recipe is missing or damaged.
    """
    flat = [dict(_flat(read_document(path / run_folder.RESOLVED)[1].plain())) for path in (first, other)]
    keys = [key for key in {**flat[0], **flat[1]} if key not in without]
    return {
        key: {name: options[key] for name, options in zip(("first", "other"), flat, strict=True) if key in options}
        for key in keys
        if key not in flat[0] or key not in flat[1] or flat[0][key] != flat[1][key]
    }


def _flat(value: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the options of nested sections with their dotted keys; a list of plain values is one value."""
    if isinstance(value, Mapping) and value:
        pairs: Iterator[tuple[Any, Any]] = iter(value.items())
    elif isinstance(value, list) and any(isinstance(item, (Mapping, list)) for item in value):
        pairs = iter(enumerate(value))
    else:
        yield key, value
        return
    for inner, item in pairs:
        yield from _flat(item, f"{key}.{inner}" if key else str(inner))
