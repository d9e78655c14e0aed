"""Read training rows chunk by chunk: the option `stream` of the table datasets."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

from textforge_standard.datasets.columns import Columns, Incomplete, Table
from textforge_standard.datasets.corpus_cache import file_digest
from textforge_standard.datasets.row_store import FORMAT, Rows, Store, stored
from textforge_standard.datasets.splits import Examples, HoldOut, mixed_labels
from textforge_standard.datasets.unlabelled import only_labelled

MOST_HELD_OUT = 20_000
"""Maximum number of rows of a stream to hold out for test or validation; they stay in memory."""
MOST_HELD_BYTES = 1 << 27
READERS = 2
"""Version of the readers; raise it when they read other rows from the same file, to invalidate stores."""
UNKNOWN_SIZE = 1 << 30
"""Size to assume for a source that is no file."""
UNPACKED = 5
"""Rough ratio of the decompressed to the compressed size."""

PLAIN = (".csv", ".tsv", ".tab", ".txt", ".jsonl", ".ndjson", ".json")

BlockReader = Callable[..., Iterator[Table]]
"""Yields the wanted columns of one file, block by block."""


@dataclass(frozen=True, kw_only=True)
class Streaming:
    """How to read train.

    Options:
        stream: read train in chunks, so that it need not fit in memory (test and validation data must); its rows are
            shuffled once into a store in the cache folder and then read from there, chunk by chunk.
    """

    stream: bool = False


def streams(*, stream: bool, **_: Any) -> bool:
    """Whether train is a `textforge.Stream`; for the attribute `streams` of a factory."""
    return stream


def groups_are_wrong(*, stream: bool, group: str | None, **_: Any) -> str | None:
    """The error message for groups in a stream, or None; for check_options."""
    if stream and group is not None:
        return "group has no effect on a stream, whose hold-outs ignore it; leave out group or stream."
    return None


@dataclass(frozen=True)
class Tables:
    """Sources of tables, such as files, and how to read them block by block."""

    paths: Sequence[Path | str]
    """Files, or other sources that `blocks` reads."""
    columns: Columns
    blocks: BlockReader
    options: Mapping[str, Any]
    """Options for `blocks`."""
    digest: Callable[[Any], Any] = file_digest
    """Digest of the content of a source."""


def streamed(train: Tables, others: Mapping[str, Examples], hold_out: HoldOut, seed: int) -> Any:
    """Make a `textforge.Dataset` whose train is a stream.

    Args:
        train: the sources of train.
        others: examples of the other splits.
        hold_out: fractions to hold out of train for missing splits.
        seed: seed of the hold-out.
    """
    from textforge import Dataset

    store = _store(train)
    for name, split in others.items():
        if isinstance(split.labels[0], list) != store.survey["multi_label"]:
            raise mixed_labels("train" if store.survey["multi_label"] else name)
    others = only_labelled(others, store.survey["label_counts"], train.columns.missing)
    held = HeldOut(store, seed)
    splits: dict[str, Any] = {name: (split.texts, split.labels) for name, split in others.items()}
    weights = {name: split.weights for name, split in others.items()}
    warnings = [f"{train.paths[source]}: {told}" for source, told in store.warnings]
    warnings += [warning for split in others.values() for warning in split.warnings]
    for name, fraction, told in hold_out.wanted(others):
        *splits[name], weights[name] = held.take(fraction)
        warnings.append(told.format(len(splits[name][0]), store.survey["n_texts"], "drawn at random"))
    own = {name: some for name, some in weights.items() if some is not None}
    return Dataset(train=held.rest(), **splits, warnings=tuple(warnings), weights=own or None)


def _store(tables: Tables) -> Store:
    """Open the store of the rows of these files; create it if it does not exist."""
    from textforge import DataError
    from textforge.data import CacheEntry

    paths, columns = tables.paths, tables.columns
    try:
        # Folders named key=value are columns of Parquet files.
        sources = [[tables.digest(path), *(part for part in Path(path).parent.parts if "=" in part)] for path in paths]
        sizes = [_n_bytes(path) for path in paths]
    except OSError as error:
        raise DataError(f"{error.filename}: cannot be read: {error.strerror}.") from error
    later = ("weight", "columns")  # options of later versions: stores of earlier ones keep their names
    read = {name: value for name, value in asdict(columns).items() if value is not None or name not in later}
    key = [FORMAT, READERS, tables.blocks.__name__, sources, read, dict(tables.options)]
    warnings: list[tuple[int, str]] = []

    def rows() -> Iterator[Rows]:
        kinds = set()
        for source, path in enumerate(paths):
            file = Incomplete(path, columns)
            for table in tables.blocks(path, columns.wanted(), **tables.options):
                found = file.complete(table)
                kinds |= {*map(type, found.labels)}
                if len(kinds) > 1:
                    raise mixed_labels("train")
                yield found.texts, found.labels, found.weights
            warnings.extend((source, told.removeprefix(f"{path}: ")) for told in file.told())

    return stored(CacheEntry.of("streams", key), sum(sizes), rows, lambda: warnings, columns.columns)


def _n_bytes(path: Path | str) -> int:
    """Approximate size of the rows of a source."""
    if isinstance(path, str):
        return UNKNOWN_SIZE
    return path.stat().st_size * (1 if path.suffix.lower() in PLAIN else UNPACKED)


class HeldOut:
    """Rows of a store that are held out of training.

    The rows of a store are shuffled, so consecutive rows are a random sample. The seed chooses the first row.
    """

    def __init__(self, store: Store, seed: int) -> None:
        import numpy as np

        self.store, self.n_rows = store, sum(chunk.n_rows for chunk in store.chunks)
        self._starts = np.cumsum([0, *(chunk.n_rows for chunk in store.chunks)]).tolist()
        self._taken: Counter[str] = Counter()
        self._first = self._next = int(np.random.default_rng([seed, 0x5EED]).integers(self.n_rows))

    def take(self, fraction: float) -> Rows:
        """Hold out the next round(fraction * rows) rows: at least one, at most `MOST_HELD_OUT` or `MOST_HELD_BYTES`."""
        n_bytes = sum(chunk.n_bytes for chunk in self.store.chunks)
        n = min(max(1, round(fraction * self.n_rows)), MOST_HELD_OUT)
        n = min(n, max(1, MOST_HELD_BYTES * self.n_rows // n_bytes))
        begin, end = self._next, self._next + n
        self._next = end
        parts: list[Rows] = []
        for lap in (0, self.n_rows):  # continue from the last row to the first
            for number in range(len(self.store.chunks)):
                start = self._starts[number] + lap
                first, last = max(begin, start) - start, min(end, self._starts[number + 1] + lap) - start
                if first < last:
                    parts.append(_ranges(self.store.read(number), [(first, last)]))
        texts, labels, weights = _joined(parts)
        several = self.store.survey["multi_label"]
        self._taken.update(chain.from_iterable(labels) if several else labels)
        return texts, labels, weights

    def rest(self) -> Any:
        """The stream of the remaining rows.

        Raises:
            DataError: a label has no row left.
        """
        from textforge import DataError, Stream, Survey

        known = Survey(**self.store.survey)
        if n := self._next - self._first:
            left = {name: count - self._taken[name] for name, count in known.label_counts.items()}
            if lost := [name for name, count in left.items() if count < 1]:
                raise DataError(
                    f"every text of the label '{lost[0]}' would be held out. Give a test file, hold out fewer rows, or "
                    "add more texts of this label."
                )
            if known.weight is not None:  # differences of sums of weights are inexact: survey the rows that are left
                return Stream(len(self.store.chunks), self._read, columns=self.store.columns)
            part = hashlib.sha256(f"{known.fingerprint} without {n} rows from {self._first}".encode()).hexdigest()
            known = replace(known, n_texts=known.n_texts - n, label_counts=left, fingerprint=part)
        return Stream(len(self.store.chunks), self._read, known=known, columns=self.store.columns)

    def _kept(self, number: int) -> list[tuple[int, int]]:
        """The half-open row ranges of a chunk that remain in train."""
        start, end = self._starts[number], self._starts[number + 1]
        kept = [(0, end - start)]
        for lap in (0, self.n_rows):
            first, last = max(self._first - lap, start) - start, min(self._next - lap, end) - start
            if first < last:
                kept = [part for a, b in kept for part in ((a, min(b, first)), (max(a, last), b)) if part[0] < part[1]]
        return kept

    def _read(self, number: int) -> Rows:
        rows, kept = self.store.read(number), self._kept(number)
        return rows if kept == [(0, len(rows[0]))] else _ranges(rows, kept)


def _ranges(rows: Rows, ranges: Sequence[tuple[int, int]]) -> Rows:
    """The rows in half-open ranges."""
    return _joined([(rows[0][a:b], rows[1][a:b], rows[2][a:b] if rows[2] is not None else None) for a, b in ranges])


def _joined(parts: Sequence[Rows]) -> Rows:
    texts = [text for part in parts for text in part[0]]
    labels = [label for part in parts for label in part[1]]
    weighted = bool(parts) and parts[0][2] is not None
    return texts, labels, [weight for part in parts for weight in part[2] or ()] if weighted else None
