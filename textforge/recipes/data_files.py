"""Recognize data given in place of a recipe, as in `textforge run reviews.csv`."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

COMPRESSED = frozenset({".gz", ".zst", ".bz2", ".xz", ".zip"})
TABLES = frozenset({".csv", ".tsv", ".tab", ".jsonl", ".ndjson", ".parquet", ".arrow", ".feather", ".xlsx", ".xls"})
"""Suffixes that only data files have."""
AMBIGUOUS = frozenset({"", ".txt", ".json", ".data", ".dat"})
"""Suffixes that data files and recipes both have; the content decides."""

SIGNATURES = (b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"BZh", b"\xfd7zXZ\x00", b"PK\x03\x04", b"PAR1", b"ARROW1")
"""First bytes of gzip, zstd, bzip2, xz, zip (and xlsx), Parquet and Arrow files."""
DELIMITERS = "\t,;|"
LONGEST_HEAD = 100_000
"""Bytes at the start of a file that decide whether it is data."""


def is_data(path: Path, content: bytes, *, has_section: bool) -> bool:
    """Whether a file holds data rather than a recipe.

    Args:
        path: its suffix, without a compression suffix, decides first.
        content: the bytes of the file, or the first of them.
        has_section: whether the content has a recipe key; such a file is data only by its suffix.
    """
    suffixes = [suffix.lower() for suffix in path.suffixes]
    compressed = bool(suffixes) and suffixes[-1] in COMPRESSED
    suffix = next(iter(suffixes[-2:-1] if compressed else suffixes[-1:]), "")
    if suffix in (".yaml", ".yml"):
        return False
    if suffix in TABLES or compressed:
        return True
    if suffix not in AMBIGUOUS:
        return False
    if content.startswith(SIGNATURES):
        return True
    return not has_section and (suffix == ".txt" or _has_rows(content[:LONGEST_HEAD].decode("utf-8-sig", "replace")))


def _has_rows(text: str) -> bool:
    """Whether text starts with two rows of a table, two lines of JSON, or a line in fastText's format."""
    lines = [line for line in text.splitlines() if line.strip()][:2]
    if any(line.startswith("__label__") for line in lines):
        return True
    if len(lines) < 2:
        return False
    if all(map(_is_json_object, lines)):
        return True
    return any(lines[0].count(delimiter) == lines[1].count(delimiter) > 0 for delimiter in DELIMITERS)


def _is_json_object(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def init_command(path: Path) -> str:
    """The command that writes a recipe for data, quoted for a shell."""
    name = str(path)
    return f"textforge init {shlex.quote(f'./{name}' if name.startswith('-') else name)}"
