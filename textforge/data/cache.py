"""The folder of everything that textforge computes once and may delete at any time.

An entry is a file or folder `<kind>/<digest of its key>`. It appears when it is complete. One process makes it while
others that want it wait; if that process is killed, the next one makes it. The entries that have not been used for the
longest time are deleted when all together exceed the size limit.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textforge.components.cache_folder import cache_folder as cache_folder
from textforge.data.locks import Lock, alone, lock
from textforge.errors import RecipeError, new_folder, replaced, storage_errors
from textforge.errors.temporaries import delete, is_old, left_behind, take_away

LIMIT = "TEXTFORGE_CACHE_SIZE"
"""Environment variable with the size limit, such as '500 MB', or 'unlimited'."""
DEFAULT_LIMIT = "20 GB"
UNITS = {"": 1, "B": 1} | {f"{p}{b}": n**k for k, p in enumerate("KMGT", 1) for b, n in (("B", 1000), ("IB", 1024))}
_ENTRY = re.compile(r"(?:[0-9a-f]{24}|[0-9a-f]{32})(?:\.\w+)?")
"""Names of entries; those with 24 digits are of `components/plugin_index.py`."""
_LOCK = re.compile(rf"\.{_ENTRY.pattern}\.lock")
_EARLIER = re.compile(r"\.[0-9a-f]{16}\.part")
"""Name of an unfinished file of an earlier version."""


def cache_limit() -> int | None:
    """Return the size limit of the cache in bytes, from TEXTFORGE_CACHE_SIZE; None if it is 'unlimited'.

    Raises:
        RecipeError: the variable holds no size.
    """
    given = os.environ.get(LIMIT) or DEFAULT_LIMIT
    if given.strip().lower() == "unlimited":
        return None
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(\w*)", given.strip())
    if not found or found[2].upper() not in UNITS:
        raise RecipeError(f"{LIMIT}: '{given}' is no size. Write it as '500 MB' or '20 GB', or write 'unlimited'.")
    return int(float(found[1]) * UNITS[found[2].upper()])


@dataclass(frozen=True)
class CacheEntry:
    """A file or folder in the cache that may or may not exist."""

    path: Path

    @classmethod
    def of(cls, kind: str, key: Any, suffix: str = "") -> CacheEntry:
        """The entry of a key.

        Args:
            kind: what it is, such as 'streams': a folder in the cache.
            key: JSON values that identify the content, such as the digest of the source and the relevant options.
            suffix: suffix of the file.
        """
        digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:32]
        return cls(cache_folder() / kind / f"{digest}{suffix}")

    def making(self) -> AbstractContextManager[None]:
        """Let one process after the other run the block; look for the entry in it before you make it."""
        return alone(self.path.with_name(f".{self.path.name}.lock"))

    def used(self) -> Lock | None:
        """Note that the entry is used now. It is not deleted as long as the returned lock is held."""
        with suppress(OSError):
            os.utime(self.path)
        return lock(self.path, shared=True)

    def put(self, write: Callable[[Path], object], *, folder: bool = False) -> None:
        """Make the entry, in place of a damaged one; then delete other entries if the cache is too large.

        Args:
            write: writes the file, or fills the folder, of the given path.
            folder: whether the entry is a folder.

        Raises:
            StorageError: it cannot be written.
            RecipeError: TEXTFORGE_CACHE_SIZE holds no size.
        """
        limit = cache_limit()
        with storage_errors(self.path.parent):
            self.path.parent.mkdir(parents=True, exist_ok=True)
        if not folder:
            with replaced(self.path) as made:
                write(made)
        else:
            with new_folder(self.path) as made:
                write(made)
                if self.path.exists():
                    take_away(self.path)
        for left in left_in_cache():
            delete(left)
        self._evict(limit)

    def remove(self) -> bool:
        """Delete the entry unless a process uses it; return whether it is gone."""
        held = lock(self.path)
        if held is None or not (held.granted or is_old(self.path)):
            return not os.path.lexists(self.path)
        take_away(self.path)
        held.release()
        return not os.path.lexists(self.path)

    @property
    def last_use(self) -> float:
        """When the entry was last used, in seconds since the epoch; 0 if it is gone."""
        try:
            return self.path.stat().st_mtime
        except OSError:
            return 0.0

    @property
    def n_bytes(self) -> int:
        """Size of the file, or of all files in the folder."""
        return size(self.path)

    def _evict(self, limit: int | None) -> None:
        """Delete the entries that have not been used for the longest time until the cache is within its limit."""
        if limit is None:
            return
        sizes = {entry: entry.n_bytes for entries in cache_entries().values() for entry in entries}
        total = sum(sizes.values())
        for entry in sorted(sizes, key=lambda entry: entry.last_use):
            if total <= limit:
                return
            if entry != self and entry.remove():
                total -= sizes[entry]


def cache_entries() -> dict[str, list[CacheEntry]]:
    """All entries of the cache by kind, in order of their names; empty if there is no cache."""
    found = {}
    for folder in _folders():
        entries = [CacheEntry(path) for path in _inside(folder) if _ENTRY.fullmatch(path.name)]
        if entries:
            found[folder.name] = entries
    return found


def cache_kinds() -> list[str]:
    """The kinds that have a folder in the cache, with or without entries."""
    return [folder.name for folder in _folders()]


def left_in_cache() -> list[Path]:
    """What killed processes left unfinished in the cache, and the files of their locks."""
    found = []
    for folder in _folders():
        found += left_behind(folder)
        for path in _inside(folder):
            if _EARLIER.fullmatch(path.name):
                left = is_old(path)
            else:
                left = bool(_LOCK.fullmatch(path.name) and (held := lock(path)) and held.granted)
            if left:
                found.append(path)
    return found


def clear_cache(kind: str | None = None, *, unused_for: float = 0.0) -> tuple[list[CacheEntry], int, int]:
    """Delete entries, and what killed processes left unfinished.

    Args:
        kind: delete only entries of this kind; None deletes all kinds.
        unused_for: delete only entries that have not been used for this number of seconds.

    Returns:
        The entries that stay because they are in use or cannot be deleted, the number of deleted entries, and their
        size in bytes together with that of unfinished files.
    """
    kept, count, freed = [], 0, 0
    for path in left_in_cache():
        if kind in (None, path.parent.name):
            freed += size(path)
            delete(path)
    for name, entries in cache_entries().items():
        for entry in entries:
            if kind not in (None, name) or time.time() - entry.last_use < unused_for:
                continue
            n_bytes = entry.n_bytes
            if entry.remove():
                count, freed = count + 1, freed + n_bytes
            else:
                kept.append(entry)
    return kept, count, freed


def size(path: Path) -> int:
    """Size in bytes of a file, or of all files in a folder; what has just gone counts as nothing."""
    total = 0
    with suppress(OSError):
        total = path.lstat().st_size if not path.is_dir() else 0
    for root, _, names in os.walk(path):
        for name in names:
            with suppress(OSError):
                total += Path(root, name).lstat().st_size
    return total


def not_kept(error: Exception) -> str:
    """The warning that a result could not be put into the cache. It is the same for every entry and error of a run."""
    cause = error.__cause__ if isinstance(error.__cause__, OSError) else error
    reason = getattr(cause, "strerror", None) or cause
    return f"the cache {cache_folder()} cannot be written ({reason}), so the next run is slow, too."


def _folders() -> list[Path]:
    return [path for path in _inside(cache_folder()) if path.is_dir()]


def _inside(folder: Path) -> list[Path]:
    """The content of a folder in order of names; nothing if it is gone or may not be read."""
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []
