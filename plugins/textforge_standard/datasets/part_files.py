"""Folders of Parquet files that are parts of one table."""

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from textforge_standard.datasets.files import SPLIT_NAMES, Files, Paths, suffix

PARTS = (".parquet", ".pq")


@dataclass(frozen=True, kw_only=True)
class PartFiles(Files):
    # Accepts folders in place of their files; the option docs are the same for all formats.
    __doc__ = Files.__doc__

    folders: ClassVar[bool] = True

    def splits(self) -> dict[str, list[Path]]:
        """The files of each split that is given; files of a folder are sorted by path.

        Raises:
            DataError: a glob or a folder has no files, or a folder is not a plain table.
        """
        named = {name: _without_folders(paths) for name, paths in vars(self).items() if paths is not None}
        return Files.splits(replace(self, **named))


def _without_folders(paths: Paths) -> list[Path]:
    found: list[Path] = []
    for path in [paths] if isinstance(paths, Path) else paths:
        found += _table_parts(path) if path.is_dir() else [path]
    return found


def _table_parts(folder: Path) -> list[Path]:
    from textforge import DataError
    from textforge.errors import listed

    if (folder / "_delta_log").is_dir():
        raise DataError(f"{folder}: is a Delta table, which may contain deleted rows. Export it to Parquet files.")
    if not (parts := parts_of(folder)):
        raise DataError(f"{folder}: has no .parquet files.")
    if len(splits := split_globs(folder)) > 1:
        named = listed(f"{split}: {glob}" for split, glob in splits.items())
        raise DataError(f"{folder}: contains the files of several splits. Name the files of each: {named}.")
    return parts


def parts_of(folder: Path) -> list[Path]:
    """The Parquet files in and below a folder, sorted; skips names that start with '.' or '_'."""
    return [
        path
        for path in sorted(folder.rglob("*"))
        if suffix(path) in PARTS
        and path.is_file()
        and not any(part.startswith((".", "_")) for part in path.relative_to(folder).parts)
    ]


def split_globs(folder: Path) -> dict[str, Path]:
    """A glob or a folder for each split that prefixes names in a folder, as in `train-00000-of-00002.parquet`."""
    tops = {path.relative_to(folder).parts[0]: path for path in parts_of(folder)}
    found = {}
    for split, names in SPLIT_NAMES.items():
        for top, path in tops.items():
            begin = re.split(r"[-_.]", top)[0]
            if begin.lower() in names:
                found[split] = folder / (top if path.parent != folder else f"{begin}*{path.suffix}")
    return found
