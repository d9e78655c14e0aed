"""Atomic file writes, and digests of files. Standard library only."""

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
"""Error numbers that mean that no more data can be written: disk full, quota or file size exceeded."""


@contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """Yield a temporary path in the folder of `path`; at the end, sync the file and rename it to `path`.

    Symbolic links are followed. A device or a pipe cannot be replaced, so its own path is yielded.

    Raises:
        StorageError: the file cannot be written. An existing file at `path` is unchanged.
    """
    named = path
    if is_stream(path):
        yield path
        return
    try:
        path = path.resolve()
    except (OSError, RuntimeError) as error:  # circular links
        raise StorageError(f"{named}: cannot be written: {error}.") from error
    temporary = temporary_beside(path)
    try:
        temporary.touch(exist_ok=False)  # not mkstemp: its mode 0600 would make a shared run unreadable
        mode = temporary.stat().st_mode
        yield temporary
        temporary.chmod(mode)  # safetensors replaces the file by one with mode 0600
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    except TextforgeError:  # raised by the caller's block; its message is complete
        raise
    except Exception as error:
        number = _errno(error)
        if number is None:
            raise
        raise StorageError(f"{named}: cannot be written: {_reason(number, error)}") from error
    finally:
        with suppress(OSError):
            temporary.unlink()


def sync_folder(path: Path) -> None:
    """Sync a folder, so that names in it last through a power failure; do nothing where a folder cannot be opened."""
    with suppress(OSError):
        number = os.open(path, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)


def is_stream(path: Path) -> bool:
    """Whether a path is a device, a pipe, or an open file under /dev or /proc, which can only be written to."""
    if str(path.absolute()).startswith(("/dev/", "/proc/")):
        return True
    return os.path.exists(path) and not (os.path.isfile(path) or os.path.isdir(path))


def temporary_beside(path: Path) -> Path:
    """Return an unused random path in the same folder."""
    return path.with_name(f".{path.name}.{secrets.token_hex(6)}.tmp")


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text atomically."""
    with replaced(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def append_text(path: Path, text: str) -> None:
    """Append UTF-8 text to a file, such as a log.

    Raises:
        StorageError: the file cannot be written.
    """
    try:
        with path.open("a", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except OSError as error:
        raise StorageError(f"{path}: cannot be written: {_reason(error.errno or 0, error)}") from error


def write_json(path: Path, value: Any) -> None:
    """Write a value as JSON, atomically."""
    write_text(path, json_text(value))


def json_text(value: Any) -> str:
    """Format a value as indented JSON.

    Raises:
        ValueError: it holds NaN or an infinite number, which JSON does not define.
    """
    return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _errno(error: Exception) -> int | None:
    """Return the operating system's error number, or None; Rust libraries give it only in the error message."""
    if isinstance(error, OSError):
        return error.errno or 0
    if found := re.search(r"\(os error (\d+)\)|\bcode: (\d+)", str(error)):
        return int(found[1] or found[2])
    return None


def _reason(number: int, error: Exception) -> str:
    if number in FULL:
        return f"{os.strerror(number)}. Free some space, or write elsewhere."
    return f"{os.strerror(number) if number else error}."
