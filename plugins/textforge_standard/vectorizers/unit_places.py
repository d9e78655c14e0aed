"""Where the units of one text stand in it."""

from typing import Any

import numpy as np

from textforge_standard.vectorizers.units import Positions, Units, between_spaces, code_points, is_space


def places(kind: str, text: str, units: Units, before: int) -> tuple[Positions, Positions]:
    """The first character of each unit, and the one after its last.

    The space around a word of `characters_in_words`, and marks of the ends of a text, are empty spans beside it.

    Args:
        kind: how the text was split; see `Cutter`.
        text: the text, after normalization and folding of case; without lone surrogates.
        units: all units of the text.
        before: number of characters that were added before the text.
    """
    if kind == "characters":
        space = is_space(text)
        starts = np.flatnonzero(~(space & np.concatenate(([False], space[:-1]))) if len(text) else space)
        return starts, np.append(starts[1:], len(text))[: len(starts)]
    if kind == "characters_in_words":
        return _in_words(text)
    data: Any = np.frombuffer(units.data, dtype=np.uint8)
    character = np.cumsum((data & 0xC0) != 0x80) - 1  # number of the character that each byte belongs to
    found = ((character[at] - before).clip(0, len(text)) for at in (units.starts, units.ends))
    return next(found), next(found)


def _in_words(text: str) -> tuple[Positions, Positions]:
    """Words with a space on each side, character by character."""
    starts, ends = between_spaces(code_points(f"\n{text}\n"))
    starts, ends = starts - 1, ends - 1
    lengths = ends - starts + 2
    offsets = np.cumsum(lengths) - lengths
    at = np.arange(lengths.sum()) + np.repeat(starts - 1 - offsets, lengths)
    low, high = np.repeat(starts, lengths), np.repeat(ends, lengths)
    return at.clip(low, high), (at + 1).clip(low, high)
