"""The folder of answers: which files are answered, by which classifier, and from which input."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from glob import glob, has_magic
from pathlib import Path
from typing import Any

from textforge import DataError, RecipeError
from textforge.errors import replaced

RECORDS = ".textforge-ray"
"""Folder of the records, one for each answered file, and of what is being written."""


@dataclass(frozen=True)
class Source:
    """An input file, with what tells whether it has changed."""

    path: Path
    name: str
    """Name of the answered file, below the output folder."""
    size: int = -1
    changed: int = -1
    """Time of the last change, in nanoseconds."""

    @classmethod
    def of(cls, path: Path, name: str) -> Source:
        """The file as it is now; its size is -1 if it has vanished."""
        try:
            found = path.stat()
        except OSError:
            return cls(path, name)
        return cls(path, name, found.st_size, found.st_mtime_ns)


@dataclass(frozen=True)
class Record:
    """How a file was answered."""

    bundle: str
    """SHA-256 of bundle.json."""
    options: dict[str, Any]
    input: str
    """SHA-256 of the input."""
    input_size: int
    input_changed: int
    output_size: int
    rows: int
    warnings: list[str]


def sources(patterns: Sequence[str], suffix: str | None) -> list[Source]:
    """The files that patterns name, each with the name of its answers.

    Args:
        patterns: paths, or patterns as a shell has them; `**` goes through folders.
        suffix: suffix of the answers; None for that of each file.

    Raises:
        DataError: a pattern names no file, or a folder.
        RecipeError: two files would have the same answers.
    """
    paths = dict[Path, None]()
    for pattern in patterns:
        found = sorted(map(Path, glob(pattern, recursive=True))) if has_magic(pattern) else [Path(pattern)]
        files = [path for path in found if path.is_file()]
        if not files:
            folder = " It is a folder: name the files in it, as in 'folder/*.csv'." if Path(pattern).is_dir() else ""
            raise DataError(f"{pattern}: no such file.{folder}")
        paths |= dict.fromkeys(files)
    absolute = [Path(os.path.abspath(path)) for path in paths]
    common = absolute[0].parent if len(absolute) == 1 else Path(os.path.commonpath([path.parent for path in absolute]))
    named = {path: _answers_name(path.relative_to(common), suffix) for path in absolute}
    if len({*named.values()}) < len(named):
        twice = sorted(name for name in named.values() if [*named.values()].count(name) > 1)
        raise RecipeError(f"several input files would be answered in {twice[0]}. Answer them in runs of their own.")
    return [Source.of(path, name) for path, name in named.items()]


def _answers_name(path: Path, suffix: str | None) -> str:
    return str(path if suffix is None else path.with_name(f"{path.name}{suffix}"))


class AnsweredFiles:
    """The answers in a folder.

    Args:
        folder: the folder; it need not exist.
        bundle: SHA-256 of the classifier's bundle.json.
        options: options of the prediction that change the answers.
    """

    def __init__(self, folder: Path, bundle: str, options: Mapping[str, Any]) -> None:
        self.folder: Path = folder
        self._bundle, self._options = bundle, dict(options)

    def is_done(self, source: Source, *, force: bool) -> bool:
        """Whether a file has its answers.

        Raises:
            RecipeError: there is a file that holds other answers, and `force` is False.
        """
        output, record = self.folder / source.name, self.read(source)
        if not output.exists():
            return False
        if record is None or output.stat().st_size != record.output_size:
            if force:
                return False
            raise RecipeError(
                f"{output}: exists, and was not written by this command or was changed since. Choose another --output, "
                "or overwrite it with --force."
            )
        if (record.bundle, record.options) != (self._bundle, self._options):
            if force:
                return False
            what = "another classifier" if record.bundle != self._bundle else "other options"
            raise RecipeError(f"{output}: holds answers of {what}. Choose another --output, or --force.")
        if (source.size, source.changed) == (record.input_size, record.input_changed):
            return True
        return source.size == record.input_size and digest(source.path) == record.input

    def read(self, source: Source) -> Record | None:
        """The record of a file; None if there is none that can be read."""
        try:
            return Record(**json.loads(self._record(source).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def work_folder(self, source: Source) -> Path:
        """Where the answers of a file are received."""
        return self.folder / RECORDS / f"{source.name}.work"

    def keep(self, source: Source, answered: Path, found: Mapping[str, Any]) -> None:
        """Give received answers their name. The record is written first: it has their size, so it is of no other file.

        Raises:
            StorageError: a file cannot be written.
        """
        output, record = self.folder / source.name, self._record(source)
        whole = Record(
            bundle=self._bundle, options=self._options, output_size=answered.stat().st_size,
            **{name: found[name] for name in ("input", "input_size", "input_changed", "rows", "warnings")},
        )  # fmt: skip
        for parent in (output.parent, record.parent):
            parent.mkdir(parents=True, exist_ok=True)
        with replaced(record) as temporary:
            temporary.write_text(json.dumps(asdict(whole), ensure_ascii=False), encoding="utf-8")
        answered.replace(output)

    def _record(self, source: Source) -> Path:
        return self.folder / RECORDS / f"{source.name}.json"


def digest(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal.

    Raises:
        DataError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}.") from error
