"""Write text and JSON atomically, and compute digests of files. Standard library only."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from textforge.errors.temporaries import replaced, storage_errors


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text atomically."""
    with replaced(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def append_text(path: Path, text: str) -> None:
    """Append UTF-8 text to a file, such as a log. It may be lost in a power failure until the file is synced.

    Raises:
        StorageError: the file cannot be written.
    """
    with storage_errors(path), path.open("a", encoding="utf-8", newline="\n") as file:
        file.write(text)


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
