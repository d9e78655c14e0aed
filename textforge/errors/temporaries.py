"""Write files and folders under temporary names, and delete those that killed processes left behind.

A file or folder appears under its own name only when it is complete. Until then its name is
`.<name>.<maker>-<random>.tmp`, where the maker is the process that writes it (see `makers.py`). Whoever writes to the
same folder next deletes what processes left that no longer run.

What was written must last through a power failure. The content of a file lasts once the file is synced, and its name
once its folder is synced, so both are. `benchmarks/attacks/power.py` tests this.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

from textforge.errors.exceptions import StorageError, TextforgeError
from textforge.errors.makers import is_running, maker

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""Error numbers that mean that no more data can be written: disk full, quota or file size exceeded."""
LEFT_FOR = 2 * 24 * 3600
"""Seconds without a change after which a temporary file counts as left behind, if its maker cannot be looked up."""
LONGEST = 255
"""Largest length of a file name in bytes."""
_NAME = re.compile(r"\..*\.(?P<maker>[0-9a-f]{8}-\d+-\w+)-\w+\.tmp", re.DOTALL)
_EARLIER = re.compile(r"\..*\.[0-9a-f]{12}\.tmp(?:\.old)?", re.DOTALL)
"""Names that earlier versions gave; they do not name their maker."""


@contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """Yield a temporary path in the folder of `path`; at the end, sync the file, rename it to `path`, sync the folder.

    So files appear on the disk in the order in which they were written, also if power fails. In the temporary folder of
    `new_folder`, which is synced at its end, the order does not matter.

    Symbolic links are followed. A device or a pipe cannot be replaced, so its own path is yielded.

    Raises:
        StorageError: the file cannot be written. An existing file at `path` is unchanged.
    """
    named = path
    if is_stream(path):
        yield path
        return
    with storage_errors(named):
        try:
            path = path.resolve()
        except RuntimeError as error:  # circular links
            raise StorageError(f"{named}: cannot be written: {error}.") from error
        temporary = temporary_beside(path)
        try:
            temporary.touch(exist_ok=False)  # not mkstemp: its mode 0600 would make a shared run unreadable
            sweep(path.parent)
            mode = temporary.stat().st_mode
            yield temporary
            temporary.chmod(mode)  # safetensors replaces the file by one with mode 0600
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
            temporary.replace(path)
            if not _NAME.fullmatch(path.parent.name):
                sync(path.parent)
        finally:
            with suppress(OSError):
                temporary.unlink()


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Yield a temporary folder beside `path`; at the end, rename it to `path`, which must not exist.

    Raises:
        StorageError: the folder cannot be written. Nothing is left of it.
    """
    temporary = temporary_beside(path)
    try:
        with storage_errors(path):
            if not path.parent.exists():
                make_folders(path.parent)
            temporary.mkdir()
            sweep(path.parent)
            yield temporary
            sync(temporary)
            temporary.rename(path)
            sync(path.parent)
    except StorageError as error:  # of a file in the folder: show its final path
        raise StorageError(str(error).replace(str(temporary), str(path))) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


class Scratch:
    """A private folder for intermediate files, among the temporary files of the system.

    It is deleted at the end of a `with` block or with this object, and by a later process if this one is killed.

    Raises:
        OSError: no folder for temporary files can be written.
    """

    def __init__(self) -> None:
        import tempfile  # late: few commands need it

        place = Path(tempfile.gettempdir())
        self.path: Path = temporary_beside(place / "textforge")
        self.path.mkdir(mode=0o700)
        self.close: Callable[[], object] = weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)
        sweep(place)

    def __enter__(self) -> Scratch:
        return self

    def writing(self) -> AbstractContextManager[None]:
        """Raise a `StorageError` if the files that are written in the block do not fit."""
        return storage_errors(self.path, "set TMPDIR to another folder")

    def __exit__(self, *_: object) -> None:
        self.close()


def temporary_beside(path: Path) -> Path:
    """Return an unused path in the same folder, whose name says that this process is making `path`."""
    end = f".{maker()}-{secrets.token_hex(3)}.tmp"
    name = os.fsencode(path.name)[: LONGEST - 1 - len(end)].decode(errors="ignore")
    return path.with_name(f".{name}{end}")


def sweep(folder: Path) -> None:
    """Delete what killed processes left in a folder. What cannot be deleted stays, without an error."""
    for path in left_behind(folder):
        delete(path)


def sweep_all(folder: Path) -> None:
    """Delete all temporary files and folders in a folder in which no other process works, whoever made them."""
    for path in folder.glob(".*"):
        if _NAME.fullmatch(path.name) or _EARLIER.fullmatch(path.name):
            delete(path)


def left_behind(folder: Path) -> list[Path]:
    """Return the temporary files and folders in a folder whose makers no longer run.

    If a maker cannot be looked up, for example on another host that shares the file system, its files count as left
    behind once nothing in them has changed for `LEFT_FOR` seconds.
    """
    found = []
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name[0] != "." or not entry.name.endswith((".tmp", ".old")):
                continue
            named = _NAME.fullmatch(entry.name)
            if named is None and not _EARLIER.fullmatch(entry.name):
                continue
            running = is_running(named["maker"]) if named else None
            if running is False or (running is None and is_old(Path(entry.path))):
                found.append(Path(entry.path))
    return found


def is_old(path: Path) -> bool:
    """Whether neither a file or folder nor anything in it has changed for `LEFT_FOR` seconds."""
    try:
        changed = path.lstat().st_mtime
        for root, folders, files in os.walk(path):
            changed = max(changed, *(Path(root, name).lstat().st_mtime for name in (*folders, *files)), 0.0)
    except OSError:  # it has just changed
        return False
    return time.time() - changed > LEFT_FOR


def delete(path: Path) -> None:
    """Delete a file, link or folder as far as possible."""
    with suppress(OSError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink()


def make_folders(path: Path) -> None:
    """Create a folder and those above it that are missing, so that they last through a power failure.

    Raises:
        OSError: one cannot be created, or is a file.
    """
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    path.mkdir(parents=True, exist_ok=True)
    for folder in missing:
        sync(folder.parent)


def sync(path: Path) -> None:
    """Sync a file, or the names in a folder, so that they last through a power failure.

    Does nothing where it cannot be opened, as a folder on Windows.
    """
    with suppress(OSError):
        number = os.open(path, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)


def take_away(path: Path) -> None:
    """Delete a file or folder as far as possible. It loses its name first, so that nobody finds a part of it."""
    away = temporary_beside(path)
    with suppress(OSError):
        path.rename(away)
        delete(away)


def is_stream(path: Path) -> bool:
    """Whether a path is a device, a pipe, or an open file under /dev or /proc, which can only be written to."""
    if str(path.absolute()).startswith(("/dev/", "/proc/")):
        return True
    return os.path.exists(path) and not (os.path.isfile(path) or os.path.isdir(path))


@contextmanager
def storage_errors(path: Path, otherwise: str = "write elsewhere") -> Iterator[None]:
    """Raise a `StorageError` that names `path` for an error of the file system in the block.

    A TextforgeError passes unchanged, and so does an exception that is not about files.

    Args:
        path: what is written.
        otherwise: what to do if it is full, and no space can be freed.
    """
    try:
        yield
    except TextforgeError:
        raise
    except Exception as error:
        number = _errno(error)
        if number is None:
            raise
        reason = os.strerror(number) if number else str(error)
        advice = f" Free some space, or {otherwise}." if number in FULL else ""
        raise StorageError(f"{path}: cannot be written: {reason}.{advice}") from error


def _errno(error: Exception) -> int | None:
    """Return the operating system's error number, or None; Rust libraries give it only in the error message."""
    if isinstance(error, OSError):
        return error.errno or 0
    if found := re.search(r"\(os error (\d+)\)|\bcode: (\d+)", str(error)):
        return int(found[1] or found[2])
    return None
