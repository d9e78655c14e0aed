"""Files that are written whole or not at all, and their digests. Standard library only."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from textforge.errors import StorageError

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`; what is written there is synced and renamed at the end.

    Raises:
        StorageError: the file cannot be written; what was at `path` is untouched.
    """
    temporary = None
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
        os.close(handle)
        temporary = Path(name)
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.chmod(0o666 & ~_umask())  # mkstemp gives 0600: others could not read a shared run
        temporary.replace(path)
    except Exception as error:
        number = _errno(error)
        if number is None:
            raise
        raise StorageError(f"{path}: cannot be written: {_why(number, error)}") from error
    finally:
        if temporary is not None:
            with suppress(FileNotFoundError):
                temporary.unlink()


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text whole or not at all."""
    with replaced(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def write_json(path: Path, value: Any) -> None:
    """Write a value as readable JSON, whole or not at all. No NaN: other readers have no such number."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _errno(error: Exception) -> int | None:
    """The operating system's error number; libraries written in Rust hide it in their message."""
    if isinstance(error, OSError):
        return error.errno or 0
    if found := re.search(r"\(os error (\d+)\)|\bcode: (\d+)", str(error)):
        return int(found[1] or found[2])
    return None


def _why(number: int, error: Exception) -> str:
    if number in _FULL:
        return f"{os.strerror(number)}. Free some space, or write elsewhere with --out."
    return f"{os.strerror(number) if number else error}."


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
