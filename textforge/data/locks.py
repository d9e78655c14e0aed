"""Locks between processes, which the operating system releases when their holder ends, however it ends.

A system or file system without such locks (Windows, some network file systems) grants every lock, so that nothing waits
there. Whoever uses a lock must therefore be correct without it too, if slower.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

try:
    import fcntl

    LOCKS = True
except ImportError:  # Windows
    LOCKS = False

TAKEN = (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES)


class Lock:
    """A lock on a file or folder, held until `release` or until this object is deleted."""

    def __init__(self, file: int | None = None, granted: bool = False) -> None:
        self._file = file
        self.granted = granted
        """Whether the system gave the lock, and not only found that it has none to give."""

    def release(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def __del__(self) -> None:
        self.release()

    def __reduce__(self) -> tuple[type[Lock], tuple[()]]:
        return Lock, ()  # a copy, or the same object in another process, holds nothing


def lock(path: Path, *, shared: bool = False) -> Lock | None:
    """Lock an existing file or folder without waiting.

    Args:
        path: the file or folder.
        shared: allow other shared locks at the same time, but no exclusive one.

    Returns:
        The lock; None if another holder, in this process or another, excludes it, or if there is no such path.
    """
    try:
        file = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return None
    except OSError:  # a folder on Windows, or no right to read
        return Lock()
    return _locked(file, path, shared=shared, wait=False)


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Let one process after the other run the block; `path` is a file that exists only meanwhile.

    If the file cannot be created, for example in a read-only folder, the block runs without a lock.
    """
    held = None
    while held is None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            file = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError:
            break
        held = _locked(file, path, shared=False, wait=True)
    try:
        yield
    finally:
        if held is not None:
            with suppress(OSError):
                path.unlink()
            held.release()


def _locked(file: int, path: Path, *, shared: bool, wait: bool) -> Lock | None:
    """Lock an opened file; None if the lock is taken, or if `path` has meanwhile become another file."""
    if not LOCKS:
        return Lock(file)
    try:
        fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if wait else fcntl.LOCK_NB))
        if os.path.samestat(os.fstat(file), path.stat()):
            return Lock(file, True)
    except FileNotFoundError:
        pass
    except OSError as error:
        if error.errno not in TAKEN:  # the file system has no locks
            return Lock(file)
    except BaseException:  # interrupted while waiting
        os.close(file)
        raise
    os.close(file)
    return None
