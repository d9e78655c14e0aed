"""Dataset `folder`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from annotated_types import MinLen

from textforge_standard.datasets.columns import missing_told
from textforge_standard.datasets.encodings import decodes, detect
from textforge_standard.datasets.files import SPLIT_NAMES, content, decoded, no_such_encoding
from textforge_standard.datasets.splits import Examples, HoldOut, dataset, read_splits
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
    encoding: str = "utf-8",
):
    """One folder a class, one file a text, as scikit-learn's `load_files` reads them.

    Options:
        train: the folder above the classes' folders; or above train/, test/ and valid/ which hold these.
        valid: folder of the validation texts, its classes within.
        test: folder of the test texts; without one test_fraction of train is held out.
        classes: folders to take; null takes all.
        missing: empty files are an error, or are dropped and counted.
        encoding: the files' character encoding.
    """
    found = {name: path for name, path in split_folders(train).items() if name == "train" or classes_in(path)}
    found |= {name: path for name, path in (("valid", valid), ("test", test)) if path is not None}
    splits = read_splits(found, lambda path: _read(path, classes, missing, encoding))
    return dataset(splits, hold_out, seed, missing_test="no test folder")


def split_folders(path: Path) -> dict[str, Path]:
    """The folders of the splits; the folder itself is train where it has no such folders."""
    named = {p.name.lower(): p for p in path.iterdir() if p.is_dir()} if path.is_dir() else {}
    found = {split: named[name] for split, names in SPLIT_NAMES.items() for name in names if name in named}
    inside = "train" in found and {p.name.lower() for p in found.values()} >= {*named}
    return found if inside and classes_in(found["train"]) else {"train": path}


def classes_in(path: Path) -> list[Path]:
    """The folders of classes, by name."""
    return sorted(p for p in path.iterdir() if p.is_dir() and not p.name.startswith("."))


def texts_in(path: Path) -> Iterator[Path]:
    """The files of one class, by name; what a desktop hides there is left alone."""
    return (p for p in sorted(path.iterdir()) if not p.name.startswith(".") and p.is_file())


def _read(path: Path, classes: list[str] | None, missing: str, encoding: str) -> Examples:
    from textforge import DataError
    from textforge.errors import did_you_mean, listed

    if not path.is_dir():
        raise DataError(f"{path}: is {'a file' if path.exists() else 'not there'}; a folder is needed.")
    there = {one.name: one for one in classes_in(path)}
    if absent := next((name for name in classes or () if name not in there), None):
        raise DataError(
            f"{path}: there is no folder '{absent}'. Folders: {listed(there)}.{did_you_mean(absent, there)}"
        )
    if not there:
        raise DataError(f"{path}: has no folders; one folder a class is needed, each with one file a text.")
    found, empty = Examples(), []
    for name in sorted(classes) if classes is not None else there:
        for file in texts_in(there[name]):
            text = decoded(file, content(file), encoding)
            if text.strip():
                found.texts.append(text)
                found.labels.append(name)
            else:
                empty.append(str(file.relative_to(path)))
    if empty:
        n, files = len(found.texts) + len(empty), f"files {listed(empty, limit=8)}"
        found.warnings.append(missing_told(path, n, {"text": len(empty)}, files, missing, called="files"))
    if not found.texts:
        raise DataError(f"{path}: its folders hold no texts.")
    return found


def _look_at(path: Path) -> dict[str, Any] | None:
    """The options for a folder that has folders of texts within; None where they hold something else."""
    from textforge import DataError

    splits = split_folders(path) if path.is_dir() else {}
    if not splits or len(classes_in(splits["train"])) < 2:
        return None
    for encoding, how_sure in _encodings(splits):
        try:
            found = [_read(split, None, "drop", encoding) for split in splits.values() if classes_in(split)]
        except DataError:
            continue
        options, why = {"train": path}, {"train": f"one folder a class; folders of splits: {', '.join(splits)}"}
        if encoding != "utf-8":
            options["encoding"], why["encoding"] = encoding, how_sure
        if any(split.warnings for split in found):
            options["missing"], why["missing"] = "drop", "some files are empty"
        remarks = [f"The files are read as {encoding}: {how_sure}."] if encoding != "utf-8" else []
        return {"options": options, "why": why, "remarks": remarks, "multi_label": False}
    return None


def _encodings(splits: dict[str, Path]) -> Iterator[tuple[str, str]]:
    """UTF-8, and what else the files that are not UTF-8 seem to be, with how sure that is."""
    yield "utf-8", ""
    files = (content(file) for split in splits.values() for place in classes_in(split) for file in texts_in(place))
    if (found := detect(b"\n".join(data for data in files if not decodes(data, "utf-8")))) is not None:
        yield found.name, found.how_sure


folder.look_at = _look_at
