"""Cache corpora that are slow to read as columns that are fast to read, in one .npz file each.

A column of texts is its UTF-8 and the offset of each text, as in Arrow. A digest of the source names the file, so
another source makes another file; a damaged file is created again. All files may be deleted at any time.
"""

import hashlib
import zipfile
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FORMAT = 1


@dataclass(frozen=True)
class Column:
    """Texts stored as one UTF-8 buffer and their offsets."""

    data: memoryview
    offsets: Any
    """int64 array, shape (n + 1,)."""

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def take(self, rows: Iterable[int]) -> list[str]:
        """The texts of the given rows, in the given order."""
        starts, data = self.offsets.tolist(), self.data
        return [str(data[starts[row] : starts[row + 1]], "utf-8") for row in rows]


def cached(
    name: str, key: Mapping[str, Any], read: Callable[[], Mapping[str, Sequence[str]]]
) -> tuple[dict[str, Column], list[str]]:
    """Load columns from the cache, or read them and store them there; also return warnings.

    Args:
        name: name of the corpus, a folder in the cache.
        key: JSON values that identify the content: the digest of the source and the relevant options.
        read: reads the columns from the source.
    """
    from textforge import StorageError
    from textforge.data import CacheEntry, not_kept  # late: it loads numpy

    entry = CacheEntry.of(name, [FORMAT, key], ".npz")
    if (found := _load(entry)) is not None:
        return found, []
    with entry.making():
        if (found := _load(entry)) is not None:  # another process has made it meanwhile
            return found, []
        columns = {column: _column(texts) for column, texts in read().items()}
        try:
            entry.put(lambda path: _save(columns, path))
        except StorageError as error:
            return columns, [not_kept(error)]
        return columns, []


def file_digest(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _column(texts: Sequence[str]) -> Column:
    import numpy as np

    encoded = [text.encode() for text in texts]
    return Column(memoryview(b"".join(encoded)), np.cumsum([0, *map(len, encoded)], dtype=np.int64))


def _save(columns: Mapping[str, Column], path: Path) -> None:
    import numpy as np

    arrays: dict[str, Any] = {}
    for name, column in columns.items():
        arrays[f"{name}.utf8"] = np.frombuffer(column.data, dtype=np.uint8)
        arrays[f"{name}.offsets"] = column.offsets
    with path.open("wb") as file:
        np.savez(file, **arrays)


def _load(entry: Any) -> dict[str, Column] | None:
    """Load the columns of a `textforge.data.CacheEntry`; None if it is missing or damaged (its checksums fail)."""
    import numpy as np

    try:
        entry.used()
        with entry.path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            names = [name.removesuffix(".utf8") for name in arrays if name.endswith(".utf8")]
            return {name: Column(memoryview(arrays[f"{name}.utf8"]), arrays[f"{name}.offsets"]) for name in names}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error):
        return None
