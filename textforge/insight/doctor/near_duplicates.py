"""Texts that share most of their runs of characters: MinHash with locality-sensitive hashing (Broder 1997), by rensa.

Candidates come from signatures of 128 hashes in 32 bands of 4. Their similarity is then computed exactly, so MinHash
may miss a pair but never makes one up.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from textforge.components.manager import PluginManager
from textforge.insight.doctor.duplicate_groups import duplicate_findings
from textforge.insight.doctor.exact_duplicates import equal_groups
from textforge.insight.doctor.examined import Examined
from textforge.insight.doctor.finding import Finding

ALIKE = 0.8
"""Jaccard similarity of the sets of character runs from which on texts are near duplicates."""
RUN = 5
"""Length of a run of characters."""
FEWEST = 8
"""Number of different runs below which texts are not compared: very short texts are alike by chance."""
HASHES, BANDS = 128, 32
"""With 4 hashes a band, a pair of similarity 0.8 is missed once in 20 million times, one of 0.5 found 7 times of 8."""


def near_duplicates(data: Examined, plugins: PluginManager) -> Iterator[Finding]:
    """Yield a finding for each way in which similar texts, not only equal ones, repeat."""
    yield from duplicate_findings(data, similar_groups(data), "near")


def similar_groups(data: Examined) -> list[list[int]]:
    """The positions of similar texts, in groups of two or more; of equal texts, a group has only the first.

    A group holds a text and later ones that are similar to it, so that no chain of small changes joins texts that
    differ.
    """
    repeated = {n for group in equal_groups(data) for n in group[1:]}
    positions, sets = [], []
    for n, text in enumerate(data.texts):
        if n not in repeated and len(runs := character_runs(text)) >= FEWEST:
            positions.append(n)
            sets.append(runs)
    groups: dict[int, list[int]] = {}
    for n, first in enumerate(_first_similar(sets)):
        groups.setdefault(first, []).append(positions[n])
    return [group for group in groups.values() if len(group) > 1]


def character_runs(text: str) -> NDArray[np.uint64]:
    """Hashes of the different runs of characters of a text, sorted; case and spaces do not count.

    A run is hashed as a polynomial modulo 2**64, all runs of a text at once, and mixed (Steele et al. 2014).
    """
    codes = np.frombuffer(" ".join(text.casefold().split()).encode("utf-32-le", "surrogatepass"), np.uint32)
    found = np.zeros(max(0, len(codes) - RUN + 1), np.uint64)
    for n in range(RUN):
        found = found * np.uint64(0x100000001B3) + codes[n : n + len(found)]
    found ^= found >> np.uint64(30)
    found *= np.uint64(0xBF58476D1CE4E5B9)
    found ^= found >> np.uint64(27)
    return np.unique(found)


def similarity(one: NDArray[np.uint64], other: NDArray[np.uint64]) -> float:
    """The Jaccard similarity of two sets of hashes: the share of their union that both have."""
    shared = len(np.intersect1d(one, other, assume_unique=True))
    return shared / max(1, len(one) + len(other) - shared)


def _first_similar(sets: list[NDArray[np.uint64]]) -> Iterator[int]:
    """For each set, the number of the first set that is similar to it and is similar to no earlier one; else its own.

    Sets are compared with such first sets only, so that many repeats of one text cost no more than different texts.
    """
    index: list[dict[bytes, list[int]]] = [{} for _ in range(BANDS)]
    for n, bands in enumerate(_signatures(sets)):
        keys = [band.tobytes() for band in bands]
        candidates = sorted({m for key, bucket in zip(keys, index, strict=True) for m in bucket.get(key, ())})
        first = next((m for m in candidates if similarity(sets[m], sets[n]) >= ALIKE), n)
        if first == n:
            for key, bucket in zip(keys, index, strict=True):
                bucket.setdefault(key, []).append(n)
        yield first


def _signatures(sets: list[NDArray[np.uint64]]) -> NDArray[np.uint32]:
    """MinHash signatures, shape (n, BANDS, HASHES // BANDS)."""
    from rensa import RMinHash

    if not sets:
        return np.empty((0, BANDS, HASHES // BANDS), np.uint32)
    ends = np.cumsum([0, *map(len, sets)], dtype=np.uint64)
    matrix = RMinHash.digest_matrix_from_flat_token_hashes(np.concatenate(sets), ends, HASHES, 0)
    return np.array(matrix.to_rows(), np.uint32).reshape(len(sets), BANDS, HASHES // BANDS)
