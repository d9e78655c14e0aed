"""The n-gram vocabulary of the bags, stored as pairs of numbers."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from textforge_standard.vectorizers.counting import Frequencies, Stream, count
from textforge_standard.vectorizers.interning import UNKNOWN, Interner
from textforge_standard.vectorizers.unit_numbers import UnitNumbers
from textforge_standard.vectorizers.units import Positions, Units


@dataclass(frozen=True)
class Found:
    """The n-grams of one length in some texts.

    Args:
        at: index of the first unit of each n-gram, ascending.
        numbers: number of each n-gram among those of its length.
        whole: mask of the n-grams that make up their whole group (a text or a word).
    """

    at: Positions
    numbers: NDArray[np.int32]
    whole: NDArray[np.bool_]


class NGrams:
    """Map from n-grams to feature columns.

    An n-gram is a pair: the n-gram without its last unit, and that unit. Each length is numbered separately, so two
    numbers make a 64-bit key. The text of an n-gram is built only when `vocabulary` is read.

    Args:
        shortest: minimum number of units of an n-gram.
        longest: maximum number of units of an n-gram.
        between: separator of units in the text of an n-gram.
        short_groups: whether a group of fewer than `shortest` units counts as one n-gram.
        pairs: whether `Units.pairs` are n-grams, even if `longest` is 1.
    """

    def __init__(
        self, shortest: int, longest: int, *, between: str = " ", short_groups: bool = False, pairs: bool = False
    ) -> None:
        self.shortest, self._only_pairs = shortest, pairs and longest == 1
        self.longest = longest + self._only_pairs
        self.between, self.short_groups = between, short_groups
        self._units = UnitNumbers()
        self._pairs = [Interner() for _ in range(self.longest - 1)]
        self._columns: list[NDArray[np.int32]] = []
        self._sorted_units = np.zeros(0, dtype=np.int64)
        self._rows = np.zeros((0, self.longest), dtype=np.int32)
        self._vocabulary: list[str] | None = None
        self._size = 0

    def __len__(self) -> int:
        """The number of columns."""
        return self._size

    @property
    def vocabulary(self) -> list[str]:
        """The text of the n-gram of each column."""
        if self._vocabulary is None:
            names = np.array(["", *(unit.decode() for unit in self._units.texts(self._sorted_units))], dtype=object)
            texts = names[self._rows[:, 0]]
            for units in self._rows.T[1:]:
                more = np.flatnonzero(units)
                texts[more] += self.between + names[units[more]]
            self._vocabulary = texts.tolist()
        return self._vocabulary

    def learn(self, chunks: Iterable[Units]) -> Iterator[list[Stream]]:
        """Make a column for each n-gram, sorted by units; yield the columns that occur in each chunk."""
        streams = [list(self._streams(units, adding=True)) for units in chunks]
        seen = [np.zeros(size, dtype=bool) for size in self._sizes()]
        for found in streams:
            for length, numbers, _ in found:
                seen[length - 1][numbers] = True
        self._sort([np.flatnonzero(numbers) for numbers in seen])
        streams.reverse()
        return (self._as_columns(streams.pop()) for _ in range(len(streams)))  # frees each chunk after it was counted

    def learn_frequencies(self, chunks: Iterable[Units], *, totals: bool) -> Frequencies:
        """Make a column for each n-gram, as `learn` does; return the frequencies of the columns in all chunks.

        Without `totals`, an n-gram counts at most once per text.
        """
        n_texts = 0
        found = [
            np.zeros((2, 0), dtype=np.int64) for _ in range(self.longest)
        ]  # per n-gram: number of texts, and total
        for units in chunks:
            n_texts += len(units.texts) - 1
            for length, numbers, offsets in self._streams(units, adding=True):
                size = self._sizes()[length - 1]
                if size > found[length - 1].shape[1]:  # grow by half more, to copy rarely
                    more = np.zeros((2, size + size // 2 - found[length - 1].shape[1]), dtype=np.int64)
                    found[length - 1] = np.concatenate((found[length - 1], more), axis=1)
                counts = count([[(numbers, offsets)]], size)
                texts_with, total = found[length - 1]
                np.add.at(texts_with, counts.indices, 1)  # a chunk has few of all n-grams
                np.add.at(total, counts.indices, counts.counts.astype(np.int64) if totals else 1)
        seen = [np.flatnonzero(texts_with) for texts_with, _ in found]
        self._sort(seen)
        frequencies = np.zeros((2, len(self)), dtype=np.int64)
        for columns, used, of_length in zip(self._columns, seen, found, strict=True):
            frequencies[:, columns[used]] = of_length[:, used]
        return Frequencies(n_texts, *frequencies)

    def columns(self, units: Units) -> list[Stream]:
        """The columns of the n-grams of texts; UNKNOWN if an n-gram has no column."""
        return self._as_columns(self._streams(units, adding=False))

    def occurrences(self, units: Units) -> tuple[NDArray[np.int32], Positions, Positions]:
        """The column of each n-gram that has one, in every place, and the numbers of its first and last unit."""
        columns, first, last = [np.zeros(0, np.int32)], [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
        for length, found in self._lengths(units, adding=False):
            if length < self.shortest and not self.short_groups:
                continue
            chosen = found.whole if length < self.shortest else np.ones(len(found.at), dtype=bool)
            numbers = self._columns[length - 1].take(found.numbers[chosen])
            known = numbers != UNKNOWN
            columns.append(numbers[known])
            first.append(found.at[chosen][known])
            last.append(first[-1] + (length - 1))
        return np.concatenate(columns), np.concatenate(first), np.concatenate(last)

    def keep(self, keep: NDArray[np.bool_]) -> None:
        """Keep the columns of a mask and renumber them."""
        new = np.append(np.where(keep, np.cumsum(keep) - 1, UNKNOWN), UNKNOWN).astype(np.int32)
        self._columns = [new[columns] for columns in self._columns]
        self._rows, self._vocabulary, self._size = self._rows[keep], None, int(keep.sum())

    def restore(self, vocabulary: list[str], chunks: Iterable[Units]) -> None:
        """Make the columns of a vocabulary; `chunks` are its texts split into units, one n-gram each."""
        self._vocabulary, self._size = vocabulary, len(vocabulary)
        columns: list[list[Any]] = [[] for _ in range(self.longest)]
        before = 0
        for units in chunks:
            for length, found in self._lengths(units, adding=True):
                at, numbers = found.at[found.whole], found.numbers[found.whole]
                columns[length - 1].append((numbers, before + np.searchsorted(units.texts, at)))
            before += len(units.texts) - 1
        self._columns = []
        for size, pairs in zip(self._sizes(), columns, strict=True):
            self._columns.append(np.full(size + 1, UNKNOWN, dtype=np.int32))
            for places, values in pairs:
                self._columns[-1][places] = values

    def _sizes(self) -> list[int]:
        """The number of distinct n-grams of each length, from single units up."""
        return [len(self._units), *map(len, self._pairs)]

    def _as_columns(self, found: Iterable[tuple[int, NDArray[np.int32], Positions]]) -> list[Stream]:
        # UNKNOWN is -1, so it selects the last item of each array, which is UNKNOWN
        return [(self._columns[length - 1].take(numbers), offsets) for length, numbers, offsets in found]

    def _streams(self, units: Units, *, adding: bool) -> Iterator[tuple[int, NDArray[np.int32], Positions]]:
        """Yield the length, the numbers and the text offsets of the n-grams that are features."""
        for length, found in self._lengths(units, adding=adding):
            if length >= self.shortest:
                yield length, found.numbers, np.searchsorted(found.at, units.texts)
            elif self.short_groups:
                yield length, found.numbers[found.whole], np.searchsorted(found.at[found.whole], units.texts)

    def _lengths(self, units: Units, *, adding: bool) -> Iterator[tuple[int, Found]]:
        first = self._units.add(units) if adding else self._units.find(units)
        at, numbers, room = np.arange(len(first)), first, units.room()
        begins = np.zeros(len(first) + 1, dtype=bool)
        begins[units.groups] = True
        yield 1, Found(at, numbers, begins[:-1] & (room == 1))
        for length, pairs in enumerate(self._pairs, start=2):
            going_on = room[at] >= length
            if self._only_pairs and units.pairs is not None:
                going_on &= units.pairs[at]
            if not adding:
                going_on &= numbers != UNKNOWN
            at, numbers = at[going_on], numbers[going_on]
            last = first[at + (length - 1)]
            # add 1 to each number: no key is 0, and no added key has an unknown last unit
            keys = ((numbers + np.int64(1)) << 32 | (last + np.int64(1))).view(np.uint64)
            numbers = pairs.add(keys) if adding else pairs.find(keys)
            yield length, Found(at, numbers, begins[at] & (room[at] == length))

    def _sort(self, seen: list[NDArray[np.int64]]) -> None:
        """Assign columns to the n-grams of all lengths, in the order of the text of their units."""
        keys = [numbers.keys().view(np.int64) for numbers in self._pairs]
        pairs = [((of_length >> 32) - 1, (of_length & (1 << 32) - 1) - 1) for of_length in keys]
        used = np.zeros(len(self._units), dtype=bool)
        used[seen[0]] = True
        for _, last in pairs:
            used[last] = True
        for parents, _ in pairs[:1]:
            used[parents] = True
        self._sorted_units = self._units.sorted(np.flatnonzero(used))
        rank = np.zeros(len(self._units), dtype=np.int32)
        rank[self._sorted_units] = np.arange(1, len(self._sorted_units) + 1, dtype=np.int32)
        of_length = [rank[:, None]]
        for parents, last in pairs:
            of_length.append(np.column_stack((of_length[-1][parents], rank[last])))
        rows = np.zeros((sum(map(len, seen)), self.longest), dtype=np.int32)
        start = 0
        for numbers, ranks in zip(seen, of_length, strict=True):
            rows[start : start + len(numbers), : ranks.shape[1]] = ranks[numbers]
            start += len(numbers)
        by_text = _lexicographic(rows, len(self._sorted_units) + 1)
        column = np.empty(len(rows), dtype=np.int32)
        column[by_text] = np.arange(len(rows), dtype=np.int32)
        self._rows, self._vocabulary, self._size, self._columns, start = rows[by_text], None, len(rows), [], 0
        for numbers, ranks in zip(seen, of_length, strict=True):
            self._columns.append(np.full(len(ranks) + 1, UNKNOWN, dtype=np.int32))
            self._columns[-1][numbers] = column[start : start + len(numbers)]
            start += len(numbers)


def _lexicographic(rows: NDArray[np.int32], base: int) -> NDArray[np.int64]:
    """The lexicographic order of rows; all numbers are below `base`."""
    if base ** rows.shape[1] >= 2**63:
        return np.lexsort(rows.T[::-1])
    key = rows[:, 0].astype(np.int64)
    for column in rows.T[1:]:
        key = key * base + column
    return np.argsort(key)
