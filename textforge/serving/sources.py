"""Where models come from: a run, a bundle, or a folder of them, whose newest of each name counts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from textforge.classifiers.bundles.description import DESCRIPTION
from textforge.errors import BundleError, RecipeError
from textforge.runs.folder import MODEL, RESULT, bundle_folder, is_finished
from textforge.serving.models import default_name

Signature = tuple[tuple[str, int, int], ...]
"""Name, size and time of each file of a bundle: changes when one of them does."""


@dataclass(frozen=True)
class Candidate:
    """A bundle that a source offers.

    Args:
        path: the run or the bundle.
        name: the name of the model.
        signature: the state of its files.
    """

    path: Path
    name: str
    signature: Signature


@dataclass(frozen=True)
class Source:
    """A path given to the server.

    Args:
        path: a run, a bundle, or a folder of them.
        name: the name of the model; None for that of its run or folder.
    """

    path: Path
    name: str | None = None

    @classmethod
    def given(cls, written: str) -> Source:
        """Read `PATH` or `NAME=PATH`.

        Raises:
            RecipeError: the name is empty, or has a character that cannot be in one.
        """
        name, equals, path = written.partition("=")
        if not equals or Path(written).exists():
            return cls(Path(written))
        if not name or not path or any(mark in name for mark in "@/?&#") or not name.isprintable():
            raise RecipeError(f"{written!r}: give NAME=PATH, with a name without @, /, ?, & and #.")
        return cls(Path(path), name)

    def candidates(self, *, may_be_empty: bool = False) -> list[Candidate]:
        """Return the newest bundle of each name.

        Args:
            may_be_empty: whether a folder may have none yet.

        Raises:
            BundleError: there is none.
        """
        if not self.path.is_dir() or _is_one(self.path):
            bundle = bundle_folder(self.path)
            return [Candidate(self.path, self.name or default_name(self.path), signature(bundle))]
        newest: dict[str, tuple[float, Path]] = {}
        for path in _below(self.path):
            try:
                name = self.name or default_name(path)
                found = (_time(path), path)
            except (OSError, BundleError):  # being written, or deleted
                continue
            newest[name] = max(newest.get(name, found), found)
        if not newest and not may_be_empty:
            bundle_folder(self.path)  # raises, and says what it is
        return [Candidate(path, name, signature(bundle_folder(path))) for name, (_, path) in newest.items()]


def signature(bundle: Path) -> Signature:
    """Return the state of the files of a bundle."""
    found = []
    try:
        for file in sorted(bundle.iterdir()):
            state = file.stat()
            found.append((file.name, state.st_size, state.st_mtime_ns))
    except OSError as error:
        raise BundleError(f"{bundle}: cannot be read: {error.strerror}.") from error
    return tuple(found)


def _is_one(path: Path) -> bool:
    return (path / DESCRIPTION).is_file() or is_finished(path)


def _below(folder: Path) -> Iterator[Path]:
    """The runs and bundles in a folder, and in the folders of it: `runs/NAME/TIME-ID`."""
    for child in sorted(folder.iterdir()):
        if not child.is_dir() or child.name.startswith("."):
            continue
        if _is_one(child):
            yield child
        else:
            for path in sorted(child.iterdir()):
                if path.is_dir() and not path.name.startswith(".") and path.name != MODEL and _is_one(path):
                    yield path


def _time(path: Path) -> float:
    file = path / RESULT if is_finished(path) else path / DESCRIPTION
    return file.stat().st_mtime
