"""The options in which the recipes of two runs differ."""

from __future__ import annotations

import json
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


def shown_differences(differing: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, str, str]]:
    """Yield key, first and other value of each differing option as a person wants to read them.

    Of a part that was swapped only the name counts, and settings that one of the recipes lacks altogether are joined.
    """
    joined = _without_sections(differing)
    swapped = [key.removesuffix("use") for key in joined if key.endswith(".use")]
    for key, values in joined.items():
        if not any(key.startswith(part) and key != f"{part}use" for part in swapped):
            yield key, _option(values, "first"), _option(values, "other")


def _without_sections(differing: Mapping[str, Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Join the options of settings, such as the trainer's, that one of the recipes lacks altogether."""
    found = dict(differing)
    for section in ("trainer", "decision"):
        options = {key: values for key, values in differing.items() if key.startswith(f"{section}.")}
        for name in ("first", "other"):
            if len(options) > 1 and all([*values] == [name] for values in options.values()):
                found = {key: values for key, values in found.items() if key not in options}
                found[section] = {name: {key.partition(".")[2]: one[name] for key, one in options.items()}}
    return found


def _option(values: Mapping[str, Any], name: str) -> str:
    if name not in values:
        return "(absent)"
    value = values[name]
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


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
