"""Files that are written whole or not at all, and their digests. Standard library only."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from textforge.errors import StorageError, TextforgeError

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""Error numbers of a place that takes no more."""


@contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`; what is written there is synced and renamed at the end.

    A link is followed; a device or a pipe, which cannot be replaced, is given as it is.

    Raises:
        StorageError: the file cannot be written; what was at `path` is untouched.
    """
    named = path
    if is_stream(path):
        yield path
        return
    try:
        path = path.resolve()
    except (OSError, RuntimeError) as error:  # links that lead in a circle
        raise StorageError(f"{named}: cannot be written: {error}.") from error
    temporary = temporary_beside(path)
    try:
        temporary.touch(exist_ok=False)  # not by mkstemp: it gives 0600, and others could not read a shared run
        mode = temporary.stat().st_mode
        yield temporary
        temporary.chmod(mode)  # safetensors puts a file of its own there, with 0600
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    except TextforgeError:  # of whoever writes: says what is wrong already
        raise
    except Exception as error:
        number = _errno(error)
        if number is None:
            raise
        raise StorageError(f"{named}: cannot be written: {_why(number, error)}") from error
    finally:
        with suppress(OSError):
            temporary.unlink()


def is_stream(path: Path) -> bool:
    """A device or a pipe, or an open file by its name in /dev or /proc: written to, never replaced."""
    if str(path.absolute()).startswith(("/dev/", "/proc/")):
        return True
    return os.path.exists(path) and not (os.path.isfile(path) or os.path.isdir(path))


def temporary_beside(path: Path) -> Path:
    """A name in the same folder that nobody has."""
    return path.with_name(f".{path.name}.{secrets.token_hex(6)}.tmp")


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text whole or not at all."""
    with replaced(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def append_text(path: Path, text: str) -> None:
    """Add text to a file that grows, such as a log.

    Raises:
        StorageError: it cannot be written.
    """
    try:
        with path.open("a", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except OSError as error:
        raise StorageError(f"{path}: cannot be written: {_why(error.errno or 0, error)}") from error


def write_json(path: Path, value: Any) -> None:
    """Write `json_text` of a value, whole or not at all."""
    write_text(path, json_text(value))


def json_text(value: Any) -> str:
    """A value as readable JSON. No NaN: other readers have no such number."""
    return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


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
    if number in FULL:
        return f"{os.strerror(number)}. Free some space, or write elsewhere."
    return f"{os.strerror(number) if number else error}."
