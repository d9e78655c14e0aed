"""Dataset `folder`."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from annotated_types import MinLen

from textforge_standard.datasets.columns import missing_warning, what_is_missing
from textforge_standard.datasets.encodings import decodes, detect
from textforge_standard.datasets.files import SPLIT_NAMES, no_such_encoding, text_of
from textforge_standard.datasets.label_forms import SimilarLabels, in_common_form
from textforge_standard.datasets.packed import content
from textforge_standard.datasets.splits import Examples, HoldOut, dataset, read_splits
from textforge_standard.datasets.table import SHOWN
from textforge_standard.declare import declare
from textforge_standard.option_groups import with_groups


@with_groups(no_such_encoding)
def folder(
    seed: int,
    hold_out: HoldOut,
    /,
    *,
    train: Path,
    valid: Path | None = None,
    test: Path | None = None,
    classes: Annotated[list[str], MinLen(2)] | None = None,
    missing: Literal["error", "drop"] = "error",
    similar_labels: SimilarLabels = "keep",
    encoding: str = "utf-8",
) -> Any:
    """One folder per class, one file per text, as in scikit-learn's `load_files`.

    Warnings list everything that is not read: class folders without texts, and files that are hidden, in sub-folders,
    or beside the class folders.

    Options:
        train: folder of the class folders, or of train/, test/ and valid/ which contain the class folders.
        valid: folder of the class folders of the validation texts.
        test: folder of the class folders of the test texts; without it, test_fraction of train is held out.
        classes: class folders to read; null reads all.
        missing: treat empty files as an error, or drop and count them.
        similar_labels: classes that look alike, such as 'café' with a composed and a decomposed accent, stay separate
            (keep), become one (join), or become one regardless of case (ignore_case).
        encoding: character encoding of the files.
    """
    from textforge import DataError
    from textforge.errors import listed

    found = {name: path for name, path in split_folders(train).items() if name == "train" or classes_in(path)}
    found |= {name: path for name, path in (("valid", valid), ("test", test)) if path is not None}

    def read(path: Path) -> Examples:
        examples, empty = _read(path, classes, encoding)
        if empty:
            n = len(examples.texts) + len(empty)
            lacking = what_is_missing(n, {"text": len(empty)}, called="files")
            where = f"files {listed(empty, limit=SHOWN)}"
            examples.warnings.append(missing_warning(f"{path}: {lacking} ({where})", missing))
        if not examples.texts:
            raise DataError(" ".join([f"{path}: its folders contain no texts.", *examples.warnings]))
        examples.labels = in_common_form(examples.labels, similar_labels)
        return examples

    return dataset(read_splits(found, read), hold_out, seed, missing_test="no test folder")


def split_folders(path: Path) -> dict[str, Path]:
    """The folders of the splits; a folder without split folders is itself train."""
    named = {p.name.lower(): p for p in path.iterdir() if p.is_dir()} if path.is_dir() else {}
    found = {split: named[name] for split, names in SPLIT_NAMES.items() for name in names if name in named}
    inside = "train" in found and {p.name.lower() for p in found.values()} >= {*named}
    return found if inside and classes_in(found["train"]) else {"train": path}


def classes_in(path: Path) -> list[Path]:
    """The class folders, sorted by name."""
    return sorted(p for p in path.iterdir() if p.is_dir() and not p.name.startswith("."))


JUNK = re.compile(r"\._.*|\.(DS_Store|git.*|keep|ipynb_checkpoints|svn|directory)")
"""Hidden files and folders of desktops and version control, which are never texts."""


def _contents(path: Path) -> list[Path]:
    """The entries of a folder without `JUNK`, sorted by name.

    Raises:
        DataError: the folder cannot be read.
    """
    from textforge import DataError

    try:
        return [one for one in sorted(path.iterdir()) if not JUNK.fullmatch(one.name)]
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}.") from error


def texts_in(path: Path) -> Iterator[Path]:
    """The text files of one class, sorted by name."""
    return filter(_is_text, _contents(path))


def _is_text(path: Path) -> bool:
    return path.is_file() and not path.name.startswith(".")


def _read(path: Path, classes: list[str] | None, encoding: str) -> tuple[Examples, list[str]]:
    """Read the texts of all class folders, with warnings about unread files; also return the empty files."""
    from textforge import DataError
    from textforge.errors import did_you_mean, listed

    if not path.is_dir():
        raise DataError(f"{path}: {'is a file' if path.exists() else 'does not exist'}; a folder is required.")
    there = {one.name: one for one in classes_in(path)}
    if absent := next((name for name in classes or () if name not in there), None):
        raise DataError(f"{path}: no folder '{absent}'. Folders: {listed(there)}.{did_you_mean(absent, there)}")
    if not there:
        raise DataError(f"{path}: has no folders; it must have one folder per class, with one file per text.")
    found, empty, others = Examples(), [], _Unread(path)
    if classes is None:
        others.add(one for one in _contents(path) if one.name not in there)
    for name in sorted(classes) if classes is not None else there:
        others.add(one for one in _contents(there[name]) if not _is_text(one))
        for file in texts_in(there[name]):
            if (text := text_of(file, encoding)).strip():
                found.texts.append(text)
                found.labels.append(name)
            else:
                empty.append(str(file.relative_to(path)))
    if without := sorted({*(classes or there)} - {*found.labels}):
        found.warnings.append(f"{path}: folders without a text are not classes: {listed(without)}.")
    found.warnings += others.warnings()
    return found, empty


class _Unread:
    """Files that are not read, collected into one warning per kind."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.files: dict[str, list[Path]] = {}

    def add(self, found: Iterable[Path]) -> None:
        """Add entries of a folder, and everything below them."""
        for one in found:
            below = one.relative_to(self.path).parts
            if one.name.startswith("."):
                kind = "hidden; rename files that should be read"
            elif one.is_dir() and not one.is_symlink():  # links may form cycles
                self.add(_contents(one))
                continue
            elif not one.is_file() and not one.is_dir():
                kind = "not regular files, such as broken links"
            elif len(below) > 2:
                kind = "in sub-folders; move those that should be read into the folder of their class"
            else:
                kind = "beside the class folders"
            self.files.setdefault(kind, []).append(one)

    def warnings(self) -> Iterator[str]:
        from textforge.errors import listed

        for kind, files in self.files.items():
            shown = listed((str(file.relative_to(self.path)) for file in files), limit=SHOWN)
            yield f"{self.path}: {len(files)} files are not read ({shown}): {kind}."


def _look_at(path: Path) -> dict[str, Any] | None:
    """The options for a folder of class folders; None if it holds something else."""
    from textforge import DataError

    splits = split_folders(path) if path.is_dir() else {}
    if not splits or len(classes_in(splits["train"])) < 2:
        return None
    for encoding, how_sure in _encodings(splits):
        try:
            found = [_read(split, None, encoding) for split in splits.values() if classes_in(split)]
        except DataError:
            continue
        options: dict[str, Any] = {"train": path}
        why = {"train": f"one folder per class; folders of splits: {', '.join(splits)}"}
        if encoding != "utf-8":
            options["encoding"], why["encoding"] = encoding, how_sure
        if any(empty for _, empty in found):
            options["missing"], why["missing"] = "drop", "some files are empty"
        remarks = [f"The files are read as {encoding}: {how_sure}."] if encoding != "utf-8" else []
        return {"options": options, "why": why, "remarks": remarks, "multi_label": False}
    return None


def _encodings(splits: dict[str, Path]) -> Iterator[tuple[str, str]]:
    """Yield UTF-8, then the likely encoding of the files that are not UTF-8, each with the confidence."""
    yield "utf-8", ""
    files = (content(file) for split in splits.values() for place in classes_in(split) for file in texts_in(place))
    if (found := detect(b"\n".join(data for data in files if not decodes(data, "utf-8")))) is not None:
        yield found.name, found.how_sure


declare(folder, look_at=_look_at)
