"""Store labelled rows on disk, shuffled, in chunks.

Rows that do not fit in memory are shuffled in two passes: assign each row to a random bucket, then shuffle each bucket
(Rao 1961; Sandelius 1962). The random numbers are the same every time.

A store is an entry of the cache: a folder of Arrow files and `store.json`. It is complete or absent, and a damaged one
is created again. While a process reads it, other processes do not delete it.
"""

import io
import json
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from textforge_standard.datasets.row_columns import Kinds, restored_rows, stored_columns

FORMAT = 1
ABOUT = "store.json"
ADVICE = "A stream is stored there; the environment variable TEXTFORGE_CACHE names another folder."
BUCKET = 1 << 23
"""Approximate bytes of source data per bucket; more if `MOST_BUCKETS` limits the number of buckets."""
MOST_BUCKETS = 512
CHUNK_ROWS = 1 << 16
CHUNK_BYTES = 1 << 24
"""Approximate bytes of text per chunk."""

Rows = tuple[list[str], list[Any], list[float] | None]
"""Texts, labels, and weights if rows have any."""


@dataclass(frozen=True)
class Chunk:
    """One file of a store."""

    name: str
    n_rows: int
    n_bytes: int
    crc: int


@dataclass(frozen=True)
class Store:
    """An opened store."""

    folder: Path
    chunks: list[Chunk]
    survey: dict[str, Any]
    """Fields of the `textforge.Survey` of all rows."""
    warnings: list[tuple[int, str]] = field(default_factory=list)
    """Pairs of the number of a source and a warning about it."""
    held: Any = field(default=None, repr=False, compare=False)
    """The lock that keeps others from deleting the store."""
    columns: Kinds = field(default_factory=dict)
    """The columns of the texts, with their kinds."""

    def read(self, number: int) -> Rows:
        """The texts, labels and weights of a chunk.

        Raises:
            DataError: the chunk is missing or damaged.
        """
        from textforge import DataError
        from textforge_standard.checked_polars import pl

        path = self.folder / self.chunks[number].name
        try:
            frame = pl.read_ipc(io.BytesIO(path.read_bytes()))
        except (OSError, pl.exceptions.PolarsError) as error:
            raise DataError(f"{path}: is missing or damaged. Run again to create it again.") from error
        weights = frame["weight"].to_list() if "weight" in frame.columns else None
        return restored_rows(frame["text"].to_list(), frame, self.columns), frame["label"].to_list(), weights


def stored(
    entry: Any,
    n_bytes: int,
    rows: Callable[[], Iterator[Rows]],
    warnings: Callable[[], list[tuple[int, str]]],
    columns: Kinds | None = None,
) -> Store:
    """Open a store; create it if it is missing or damaged.

    Args:
        entry: the `textforge.data.CacheEntry` of the store.
        n_bytes: approximate size of all rows.
        rows: yields all rows, block by block.
        warnings: returns the warnings; called after all rows were read.
        columns: the columns of the texts, with their kinds.

    Raises:
        StorageError: the store cannot be written.
    """
    from textforge import StorageError

    if (store := _used(entry)) is not None:
        return store
    try:
        with entry.making():
            if _opened(entry.path) is None:
                entry.put(lambda folder: _make(folder, n_bytes, rows(), warnings, columns or {}), folder=True)
    except StorageError as error:
        if isinstance(error.__cause__, OSError | StorageError):
            error.add_note(ADVICE)
        raise
    if (store := _used(entry)) is None:
        raise StorageError(f"{entry.path}: reading back the written data gives other bytes. Is the disk faulty?")
    return store


def _used(entry: Any) -> Store | None:
    """The store of an entry, which is not deleted as long as the store is in use; None if it is missing or damaged."""
    held = entry.used()  # before it is opened, so that it is not deleted in between
    store = _opened(entry.path)
    return store and replace(store, held=held)


def _make(
    folder: Path,
    n_bytes: int,
    rows: Iterable[Rows],
    warnings: Callable[[], list[tuple[int, str]]],
    columns: Kinds,
) -> None:
    """Write a store into an empty folder."""
    buckets = _scatter(folder, n_bytes, rows)
    chunks = [chunk for number, bucket in enumerate(buckets) for chunk in _shuffled(folder, bucket, number)]
    store = Store(folder, chunks, {}, warnings(), columns=columns)
    about: dict[str, Any] = {
        "format": FORMAT,
        "chunks": [asdict(chunk) for chunk in chunks],
        "survey": _surveyed(store),
        "warnings": store.warnings,
        **({"columns": columns} if columns else {}),
    }
    (folder / ABOUT).write_text(json.dumps(about, ensure_ascii=False), encoding="utf-8")


def _opened(folder: Path) -> Store | None:
    """Open a store and verify every byte; None if it is missing or damaged."""
    try:
        about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
        chunks = [Chunk(**chunk) for chunk in about["chunks"]]
        if about["format"] != FORMAT or any(_crc(folder / one.name) != (one.n_bytes, one.crc) for one in chunks):
            return None
        warnings = [(source, warning) for source, warning in about["warnings"]]
        return Store(folder, chunks, about["survey"], warnings, columns=about.get("columns", {}))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _crc(path: Path) -> tuple[int, int]:
    """Size and CRC-32 of a file."""
    size = crc = 0
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            size, crc = size + len(piece), zlib.crc32(piece, crc)
    return size, crc


def _scatter(folder: Path, n_bytes: int, rows: Iterable[Rows]) -> list[Path]:
    """Append each row to a random bucket; return the bucket files."""
    import numpy as np

    from textforge_standard.checked_polars import pl

    n_buckets = min(MOST_BUCKETS, -(-n_bytes // BUCKET) or 1)
    files = [folder / f"bucket-{number}" for number in range(n_buckets)]
    generator = np.random.default_rng(FORMAT)
    for texts, labels, weights in rows:
        if not texts:
            continue
        bucket = generator.integers(n_buckets, size=len(texts))
        order = np.argsort(bucket, kind="stable")
        ends = np.searchsorted(bucket[order], np.arange(n_buckets + 1)).tolist()
        kind = pl.List(pl.String) if isinstance(labels[0], list) else pl.String
        frame = pl.DataFrame({"text": texts, "label": labels}, schema={"text": pl.String, "label": kind})
        if weights is not None:
            frame = frame.with_columns(weight=pl.Series(weights, dtype=pl.Float64))
        frame = frame.with_columns(**stored_columns(texts))[order]
        for path, start, end in zip(files, ends, ends[1:], strict=False):
            if start < end:
                data = _arrow(frame[start:end].write_ipc_stream)
                with path.open("ab") as file:
                    file.write(len(data).to_bytes(8, "little") + data)
    return files


def _shuffled(folder: Path, bucket: Path, number: int) -> Iterator[Chunk]:
    """Shuffle the rows of a bucket and write them as chunks."""
    import numpy as np

    from textforge_standard.checked_polars import pl

    if not bucket.exists():
        return
    with bucket.open("rb") as file:
        parts = []
        while size := file.read(8):
            parts.append(pl.read_ipc_stream(io.BytesIO(file.read(int.from_bytes(size, "little")))))
    frame = pl.concat(parts)
    order = np.random.default_rng([FORMAT, number]).permutation(len(frame))
    n_chunks = max(-(-len(frame) // CHUNK_ROWS), -(-bucket.stat().st_size // CHUNK_BYTES))
    for rows in np.array_split(order, n_chunks):
        if len(rows):
            path = folder / f"{number:05d}-{rows[0]}.arrow"
            data = _arrow(frame[rows].rechunk().write_ipc)
            path.write_bytes(data)
            yield Chunk(path.name, len(rows), len(data), zlib.crc32(data))
    bucket.unlink()


def _arrow(write: Callable[[io.BytesIO], Any]) -> bytes:
    """The bytes that polars writes; writing files ourselves keeps the error of a full disk an OSError."""
    data = io.BytesIO()
    write(data)
    return data.getvalue()


def _surveyed(store: Store) -> dict[str, Any]:
    from textforge import DataError, Stream

    if not store.chunks:
        raise DataError("train: has no texts.")
    return asdict(Stream(len(store.chunks), store.read, columns=store.columns).survey())
