"""Files with columns, turned into a dataset."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from textforge_standard.columns import Columns, Table, examples
from textforge_standard.files import Files
from textforge_standard.splits import Examples, HoldOut, dataset, read_splits

Reader = Callable[[Path, dict[str, str] | None], Table]
"""Reads the columns wanted, each with the option that names it, of one file; all columns where None are named."""


def from_files(files: Files, hold_out: HoldOut, columns: Columns, seed: int, read: Reader) -> Any:
    """A `textforge.Dataset` of the files' rows."""

    def split(paths: list[Path]) -> Examples:
        found = Examples()
        for path in paths:
            found.add(examples(read(path, columns.wanted()), columns))
        return found

    return dataset(read_splits(files.splits(), split), hold_out, seed)
