"""Remember what an installed distribution offers, so that its plugins need not be imported to list it.

The cache folder has one JSON file for each distribution. It holds the key under which it was written; with another
key, or if it is damaged, it counts as absent. It may be deleted at any time.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from importlib import metadata
from importlib.machinery import EXTENSION_SUFFIXES, SOURCE_SUFFIXES
from importlib.util import find_spec
from typing import Any

from textforge.components.cache_folder import cache_folder
from textforge.components.hookspecs import PLUGIN_API
from textforge.errors.temporaries import sweep, temporary_beside

FORMAT = 1
"""Version of the files' content."""
_SUFFIXES = (*SOURCE_SUFFIXES, *EXTENSION_SUFFIXES)


class IndexEntry:
    """The place of a distribution in the index.

    The key is made of the distribution's RECORD (its METADATA, if it has none), its entry points, and the time and
    size of the module of each plugin. RECORD has the version and the digest of every file; if it does not list the
    module, the installation is editable, and every file of the module's package counts.

    Args:
        distribution: an installed distribution.
        entry_points: those of its entry points that name plugins.
    """

    def __init__(self, distribution: metadata.Distribution, entry_points: Sequence[metadata.EntryPoint]) -> None:
        record = distribution.read_text("RECORD") or ""
        described = record or distribution.read_text("METADATA") or distribution.read_text("PKG-INFO") or ""
        points = sorted((one.group, one.name, one.value) for one in entry_points)
        modules = {one.module.partition(".")[0] for one in entry_points}
        self._stamps = sorted(stamp for module in modules for stamp in _stamps(module, record, distribution))
        self._asked = time.time()
        where = str(distribution.locate_file(""))
        self.key: str = _digest([FORMAT, PLUGIN_API, sys.implementation.cache_tag, described, points, self._stamps])
        self._path = cache_folder() / "plugins" / f"{_digest([sys.implementation.cache_tag, where, points])[:24]}.json"

    def load(self) -> dict[str, Any] | None:
        """The remembered values; None if there are none for this key."""
        try:
            kept = json.loads(self._path.read_bytes())
            return kept["found"] if kept["key"] == self.key and isinstance(kept["found"], dict) else None
        except (OSError, ValueError, LookupError, TypeError, RecursionError):
            return None

    def save(self, found: dict[str, Any]) -> None:
        """Remember JSON values, by one rename. Nothing happens if the cache folder cannot be written.

        A file that changed a moment ago may change again with the same time and size, so nothing is remembered then.
        """
        if any(_may_change_unseen(changed, self._asked) for _, changed, _ in self._stamps):
            return
        temporary = temporary_beside(self._path)  # not `replaced`: what power failures damage counts as absent anyway
        try:
            temporary.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_text(json.dumps({"key": self.key, "found": found}), encoding="utf-8")
            temporary.replace(self._path)
            sweep(self._path.parent)
        except OSError:
            with suppress(OSError):
                temporary.unlink()


def installed_digest() -> str:
    """A digest that changes whenever something is installed into, or removed from, a folder of `sys.path`."""
    return _digest([_stamp(path or ".") for path in sys.path])


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode("utf-8", "backslashreplace")).hexdigest()


Stamp = tuple[str, int, int]
"""Path, time of the last change in nanoseconds, and size of a file."""


def _stamps(module: str, record: str, distribution: metadata.Distribution) -> Iterator[Stamp]:
    """The stamps of the files that decide what a plugin in a top-level module offers."""
    listed = [path for path in (f"{module}.py", f"{module}/__init__.py") if f"\n{path}," in f"\n{record}"]
    if listed:
        yield from map(_stamp, (str(distribution.locate_file(path)) for path in listed))
        return
    try:
        spec = find_spec(module)  # imports nothing: the module is at the top level
    except (ImportError, ValueError, AttributeError):
        return
    folders = (spec.submodule_search_locations or ()) if spec else ()
    for folder in folders:
        yield from _in_folder(folder)
    if spec and spec.origin and not folders:
        yield _stamp(spec.origin)


def _in_folder(folder: str) -> Iterator[Stamp]:
    """The stamps of all modules in a folder and those below it."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.endswith(_SUFFIXES):
                yield _stamp(entry.path)
            elif entry.name != "__pycache__" and "." not in entry.name and entry.is_dir():
                yield from _in_folder(entry.path)


def _stamp(path: str) -> Stamp:
    with suppress(OSError):
        found = os.stat(path)
        return path, found.st_mtime_ns, found.st_size
    return path, 0, 0


def _may_change_unseen(changed: int, asked: float) -> bool:
    """Whether a file could change again without a new time: within the resolution of the file system's clock."""
    resolution = 0.05 if changed % 1_000_000_000 else 2.0  # some file systems keep whole seconds only
    return asked - changed / 1e9 < resolution
