"""Split texts into words or characters without making a Python object for each."""

import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from textforge_standard.vectorizers.any_script import END, START, spans
from textforge_standard.vectorizers.folding import Form, folded
from textforge_standard.vectorizers.unit_numbers import UnitNumbers

Positions = NDArray[np.int64]
Cut = Literal["words", "spaces", "any_script", "characters", "characters_in_words"]

CHUNK = 1 << 19
"""Characters to split per chunk; the arrays of a chunk take about 15 MB."""
PADDING = bytes(8)
"""Appended after all units, so that eight bytes can be read from the start of each."""
ASCII_WORDS = bytes(chr(byte).isalnum() or byte == ord("_") for byte in range(128)) + bytes(128)
CHARACTER_BYTES = np.array([1] * 128 + [0] * 64 + [2] * 32 + [3] * 16 + [4] * 16, dtype=np.int64)
"""UTF-8 length of the character that starts with each byte; 0 for continuation bytes."""


@dataclass(frozen=True)
class Units:
    """The units of some texts, as slices of UTF-8.

    Args:
        data: the bytes, with PADDING after the last unit.
        starts: offset of the first byte of each unit.
        ends: offset just past the last byte of each unit.
        texts: offsets of the texts into the units, shape (n_texts + 1,).
        groups: offsets of the groups (texts, or words of texts) that n-grams do not cross.
        inside: mask of the bytes inside units, if it is known and units do not touch.
        pairs: mask of the units that form a feature with the next one even where n-grams have one unit: neighbours in
            a script without spaces. None if there are none.
    """

    data: bytes
    starts: Positions
    ends: Positions
    texts: Positions
    groups: Positions
    inside: NDArray[np.bool_] | None = None
    pairs: NDArray[np.bool_] | None = None

    def only(self, keep: NDArray[np.bool_]) -> "Units":
        """Keep only the units of a mask; their neighbours become adjacent."""
        before = np.concatenate(([0], np.cumsum(keep)))
        pairs = None if self.pairs is None else (self.pairs & np.append(keep[1:], False))[keep]
        texts, groups = before[self.texts], before[self.groups]
        return Units(self.data, self.starts[keep], self.ends[keep], texts, groups, pairs=pairs)

    def room(self) -> Positions:
        """The number of units from each unit to the end of its group, including itself."""
        return np.repeat(self.groups[1:], np.diff(self.groups)) - np.arange(len(self.starts))

    def one_space_apart(self) -> "Units":
        """Copy the units to new bytes with a single space after each."""
        if (self.ends[:-1] == self.starts[1:]).any():
            return self._copied_apart()
        if self.inside is None:
            edges = np.zeros(len(self.data), dtype=np.int8)
            edges[self.starts] += 1
            edges[self.ends + 1] -= 1
            kept = np.cumsum(edges, dtype=np.int8).view(bool)
        else:
            kept = self.inside.copy()
            kept[self.ends] = True
        kept[-len(PADDING) :] = True
        data = np.frombuffer(self.data, dtype=np.uint8)[kept]
        ends = np.cumsum(self.ends - self.starts + 1) - 1
        starts = ends - (self.ends - self.starts)
        data[ends] = ord(" ")
        return Units(data.tobytes(), starts, ends, self.texts, self.groups)

    def _copied_apart(self) -> "Units":
        """Do as `one_space_apart`, for units that touch."""
        sizes = self.ends - self.starts + 1
        ends = np.cumsum(sizes) - 1
        starts = ends - sizes + 1
        data = np.frombuffer(self.data, dtype=np.uint8)[np.repeat(self.starts - starts, sizes) + np.arange(sizes.sum())]
        data[ends] = ord(" ")
        return Units(data.tobytes() + PADDING, starts, ends, self.texts, self.groups, pairs=self.pairs)


class Cutter:
    """Splitter of texts into units, as the options of a vectorizer say; see `TextOptions`."""

    def __init__(
        self,
        cut: Cut,
        *,
        lowercase: bool = False,
        strip_accents: bool = False,
        stop_words: Sequence[str] = (),
        unicode: Form | None = None,
        punctuation: bool = False,
        ends: bool = False,
    ) -> None:
        self.lowercase, self.strip_accents, self.unicode = lowercase, strip_accents, unicode
        cuts: dict[Cut, Callable[[list[str]], Units]] = {
            "words": _words,
            "spaces": _spaces,
            "any_script": partial(_any_script, punctuation=punctuation, ends=ends),
            "characters": _characters,
            "characters_in_words": _characters_in_words,
        }
        self._kind, self._before = cut, 3 if ends else 1
        self._cut = cuts[cut]
        self._stop_words, self._stops = UnitNumbers(), np.zeros(1, dtype=bool)
        if stop_words:
            numbers = self._stop_words.add(_units_of(stop_words))
            self._stops = np.zeros(len(self._stop_words) + 1, dtype=bool)  # the last entry is for UNKNOWN
            self._stops[numbers] = True

    def chunks(self, texts: Sequence[str]) -> Iterator[Units]:
        """Yield the units of the texts, chunk by chunk."""
        return map(self._units, _chunks(texts))

    def runs(self, texts: Sequence[str]) -> Iterator[Units]:
        """Yield the white-space separated words of the prepared texts, chunk by chunk, whatever the units are."""
        for chunk in _chunks(texts):
            yield _runs(self._prepared(chunk))

    def placed(self, text: str) -> tuple[Units, Positions, Positions]:
        """The units of one text, the first character of each in the text, and the one after its last."""
        from textforge_standard.vectorizers.alignment import aligned
        from textforge_standard.vectorizers.unit_places import places

        prepared, alignment = aligned(text, lambda one: self._prepared([one])[0])
        units = self._cut([prepared])
        starts, ends = alignment.spans(*places(self._kind, encodable([prepared])[0], units, self._before))
        if not len(self._stop_words):
            return units, starts, ends
        kept = ~self._stops[self._stop_words.find(units)]
        return units.only(kept), starts[kept], ends[kept]

    def _prepared(self, texts: list[str]) -> list[str]:
        """The texts after normalization, case folding and removal of accents."""
        if self.unicode is not None:
            texts = [folded(text, self.unicode, self.lowercase) for text in texts]
        elif self.lowercase:
            texts = [text.lower() for text in texts]
        if self.strip_accents:
            texts = [text if text.isascii() else _without_accents(text) for text in texts]
        return texts

    def _units(self, texts: list[str]) -> Units:
        units = self._cut(self._prepared(texts))
        if not len(self._stop_words):
            return units
        return units.only(~self._stops[self._stop_words.find(units)])


def _chunks(texts: Sequence[str]) -> Iterator[list[str]]:
    """Parts of the texts of about `CHUNK` characters each."""
    chunk: list[str] = []
    size = 0
    for text in texts:
        chunk.append(text)
        size += len(text)
        if size >= CHUNK:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _words(texts: list[str]) -> Units:
    """Split into words of two or more letters, digits or underscores: scikit-learn's `(?u)\\b\\w\\w+\\b`."""
    encoded = _encoded(texts)
    data = b"\n" + b"\n".join(encoded) + b"\n" + PADDING
    inside = _word_bytes(data)
    edges = np.flatnonzero(inside[1:] != inside[:-1]) + 1
    starts, ends = edges[::2], edges[1::2]
    offsets = np.searchsorted(starts, _offsets([len(text) + 1 for text in encoded]) + 1)
    return Units(data, starts, ends, offsets, offsets, inside)


def _spaces(texts: list[str]) -> Units:
    """Split at each single space, as str.split(' ') does."""
    encoded = _encoded(texts)
    data = b" " + b" ".join(encoded) + b" "
    edges = np.flatnonzero(np.frombuffer(data, dtype=np.uint8) == ord(" "))
    starts, ends = edges[:-1] + 1, edges[1:]
    offsets = np.searchsorted(starts, _offsets([len(text) + 1 for text in encoded]) + 1)
    return Units(data + PADDING, starts, ends, offsets, offsets)


def _any_script(texts: list[str], *, punctuation: bool, ends: bool) -> Units:
    """Split into words of letters and digits, symbols, and single characters of scripts without spaces."""
    texts = encodable(texts)
    if ends:
        texts = [f"{START} {text} {END}" for text in texts]
    joined = "\n" + "\n".join(texts) + "\n"
    first, last, pairs = spans(code_points(joined), punctuation)
    return _slices(joined, first, last, texts, pairs)


def _runs(texts: list[str]) -> Units:
    """Split at white space."""
    texts = encodable(texts)
    joined = "\n" + "\n".join(texts) + "\n"
    return _slices(joined, *between_spaces(code_points(joined)), texts)


def between_spaces(points: NDArray[np.uint32]) -> tuple[Positions, Positions]:
    """The starts and ends of the runs without white space; the first and the last point must be white space."""
    inside = ~_table("isspace").take(points)
    edges = np.flatnonzero(inside[1:] != inside[:-1]) + 1
    return edges[::2], edges[1::2]


def _slices(
    joined: str, first: Positions, last: Positions, texts: list[str], pairs: NDArray[np.bool_] | None = None
) -> Units:
    """Units of texts that were joined by newlines, from the positions of their characters."""
    offsets = np.searchsorted(first, _offsets([len(text) + 1 for text in texts]) + 1)
    data = joined.encode()
    if len(data) > len(joined):
        at = np.append(_first_bytes(data), len(data))
        first, last = at[first], at[last]
    return Units(data + PADDING, first, last, offsets, offsets, pairs=pairs)


def _characters(texts: list[str]) -> Units:
    """Split into characters; a run of white space becomes one space, as in scikit-learn."""
    texts = encodable(texts)
    points = code_points("".join(texts))
    space = _table("isspace").take(points)
    offsets = _offsets([len(text) for text in texts])
    first = np.zeros(len(points) + 1, dtype=bool)  # first character of each text; and the end
    first[offsets] = True
    after_space = np.concatenate(([False], space[:-1])) & ~first[:-1]
    before_space = np.concatenate((space[1:], [False])) & ~first[1:]
    points = np.where(space & before_space, ord(" "), points)
    keep = ~(space & after_space)
    offsets = np.concatenate(([0], np.cumsum(keep)))[offsets]
    return _each_a_unit(points[keep], offsets, offsets)


def _characters_in_words(texts: list[str]) -> Units:
    """Split into the characters of each white-space separated word, padded with a space on each side."""
    texts = encodable(texts)
    points = code_points("\n" + "\n".join(texts) + "\n")
    starts, ends = between_spaces(points)
    starts, ends = starts - 1, ends + 1
    groups = _offsets(ends - starts)
    points = points[np.repeat(starts - groups[:-1], ends - starts) + np.arange(groups[-1])]
    points[groups[:-1]] = points[groups[1:] - 1] = ord(" ")
    words = np.searchsorted(starts, _offsets([len(text) + 1 for text in texts]))
    return _each_a_unit(points, groups[words], groups)


def _units_of(units: Sequence[str]) -> Units:
    """Units of strings, one unit each."""
    encoded = _encoded(units)
    at = _offsets([len(unit) for unit in encoded])
    offsets = np.arange(len(encoded) + 1)
    return Units(b"".join(encoded) + PADDING, at[:-1], at[1:], offsets, offsets)


def _each_a_unit(points: NDArray[np.uint32], texts: Positions, groups: Positions) -> Units:
    data = points.tobytes().decode("utf-32-le").encode()
    at = np.append(_first_bytes(data), len(data))
    return Units(data + PADDING, at[:-1], at[1:], texts, groups)


def _word_bytes(data: bytes) -> NDArray[np.bool_]:
    """Mask of the UTF-8 bytes in runs of two or more \\w characters; the first and last byte must not be in one."""
    inside = np.frombuffer(data.translate(ASCII_WORDS), dtype=bool)
    if not data.isascii():
        inside = inside.copy()
        places = np.flatnonzero(np.frombuffer(data, dtype=np.uint8) >= 0x80)
        others = np.frombuffer(data, dtype=np.uint8)[places]
        points = code_points(others.tobytes().decode())
        sizes = CHARACTER_BYTES[others]
        first, sizes = places[sizes > 0], sizes[sizes > 0]
        inside[places] = np.repeat(_table("isalnum")[points], sizes)
        inside[places] &= np.repeat(inside[first - 1] | inside[first + sizes], sizes)
    found = inside.copy()
    found[1:-1] &= inside[:-2] | inside[2:]  # drop single characters
    return found


def _first_bytes(data: bytes) -> Positions:
    """Offsets of the first byte of each UTF-8 character."""
    return np.flatnonzero(np.frombuffer(data, dtype=np.uint8) & 0xC0 != 0x80)


def code_points(text: str) -> NDArray[np.uint32]:
    return np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32)


@lru_cache
def _table(method: Literal["isalnum", "isspace"]) -> NDArray[np.bool_]:
    """The result of a str method for every character."""
    table: NDArray[np.bool_] = getattr(np.char, method)(np.arange(0x110000, dtype=np.uint32).view("U1"))
    return table


def is_space(text: str) -> NDArray[np.bool_]:
    """Mask of the white space in a text without lone surrogates."""
    return _table("isspace").take(code_points(text))


def _offsets(lengths: Any) -> Positions:
    return np.concatenate(([0], np.cumsum(lengths, dtype=np.int64)))


def encodable(texts: Sequence[str]) -> list[str]:
    """Replace lone surrogates, which UTF-8 cannot encode, by U+FFFD."""
    try:
        "".join(texts).encode()
    except UnicodeEncodeError:
        return ["".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in text) for text in texts]
    return list(texts)


def _encoded(texts: Sequence[str]) -> list[bytes]:
    """Encode `encodable` texts as UTF-8; tries without the replacement first, which is the common case."""
    try:
        return [text.encode() for text in texts]
    except UnicodeEncodeError:
        return [text.encode() for text in encodable(texts)]


def _without_accents(text: str) -> str:
    """Remove combining marks after decomposing the text (NFKD)."""
    apart = unicodedata.normalize("NFKD", text)
    for mark in filter(unicodedata.combining, set(apart)):
        apart = apart.replace(mark, "")
    return apart
