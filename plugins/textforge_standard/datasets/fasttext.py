"""Dataset `fasttext`."""

import re
from pathlib import Path
from typing import Annotated, Any, Literal

from annotated_types import MinLen

from textforge_standard.datasets.columns import Columns, Table, examples
from textforge_standard.datasets.encodings import UTF_8, detect
from textforge_standard.datasets.files import Files, content, data_files, no_such_encoding, text_of
from textforge_standard.datasets.label_forms import SimilarLabels
from textforge_standard.datasets.splits import Examples, HoldOut, dataset, read_splits
from textforge_standard.declare import declare
from textforge_standard.option_groups import with_groups


@with_groups(no_such_encoding)
def fasttext(
    seed: int,
    files: Files,
    hold_out: HoldOut,
    /,
    *,
    prefix: Annotated[str, MinLen(1)] = "__label__",
    multi_label: bool | None = None,
    missing: Literal["error", "drop"] = "error",
    similar_labels: SimilarLabels = "keep",
    encoding: str = "utf-8",
) -> Any:
    """Lines in fastText's format: `__label__space the text __label__news` (Joulin et al. 2017).

    Every word that starts with the prefix is a label, wherever it occurs in the line; the other words are the text.

    Options:
        prefix: prefix of every label.
        multi_label: whether a text may have several labels or none; null means yes if any line has several.
        missing: treat lines without text or label as an error, or drop and count them.
        similar_labels: labels that look alike, such as 'café' with a composed and a decomposed accent, stay separate
            classes (keep), become one (join), or become one regardless of case (ignore_case).
        encoding: character encoding of the files.
    """
    lines = {name: [(path, _lines(path, prefix, encoding)) for path in paths] for name, paths in files.splits().items()}
    if multi_label is None:
        every = (labels for split in lines.values() for _, rows in split for _, labels, _ in rows)
        multi_label = any(len(labels) > 1 for labels in every)

    columns = Columns(missing=missing, similar_labels=similar_labels)

    def split(of: list[tuple[Path, list[tuple[int, list[str], str]]]]) -> Examples:
        found = Examples()
        for path, rows in of:
            found.add(_examples(path, rows, multi_label, columns))
        return found

    return dataset(read_splits(lines, split), hold_out, seed)


SPACE = " \t\r\v\f"
"""Characters that end a word in fastText; a no-break space, for example, does not."""


def _lines(path: Path, prefix: str, encoding: str) -> list[tuple[int, list[str], str]]:
    """The number, the labels and the text of each non-blank line.

    A word is a label if it starts with the prefix, as in fastText's `Dictionary::getLine` and `getType`.
    """
    found, label = [], re.compile(f"(?<![^{SPACE}]){re.escape(prefix)}([^{SPACE}]*)[{SPACE}]*")
    for number, line in enumerate(text_of(path, encoding).split("\n"), start=1):
        if line := line.strip(SPACE):
            labels = dict.fromkeys(filter(None, label.findall(line)))
            found.append((number, list(labels), label.sub("", line).rstrip(SPACE)))
    return found


def _examples(path: Path, rows: list[tuple[int, list[str], str]], multi_label: bool, options: Columns) -> Examples:
    from textforge import DataError

    if not multi_label and (several := next((number for number, labels, _ in rows if len(labels) > 1), None)):
        raise DataError(f"{path}: line {several} has several labels, but dataset.multi_label is false.")
    if rows and not any(labels for _, labels, _ in rows):
        raise DataError(f"{path}: no line has a label, as in '__label__space the text'. Is dataset.prefix right?")
    columns: dict[str, list[Any]] = {
        "text": [text for *_, text in rows],
        "label": [labels if multi_label else next(iter(labels), None) for _, labels, _ in rows],
    }
    table = Table(path, columns, called="lines {}", numbers=[number for number, *_ in rows])
    return examples(table, options)


def _look_at(path: Path) -> dict[str, Any] | None:
    """The options for a file whose first line has a label; None for any other."""
    from textforge import DataError

    paths = data_files(path, ("", ".txt", ".ft", ".fasttext", ".train", ".valid", ".test"))
    try:
        detected = (detect(b"\n".join(map(content, paths.values()))) if paths else None) or UTF_8
        read = {split: _lines(file, "__label__", detected.name) for split, file in paths.items()}
    except DataError:
        return None
    if not read or not read["train"] or not read["train"][0][1]:
        return None
    rows = [row for split in read.values() for row in split]
    multi_label = any(len(labels) > 1 for _, labels, _ in rows)
    options: dict[str, Any] = dict(paths)
    why: dict[str, str] = {}
    remarks: list[str] = []
    if detected.name != "utf-8":
        options["encoding"], why["encoding"] = detected.name, detected.how_sure
        remarks.append(f"It is read as {detected.name}: {detected.how_sure}.")
    if incomplete := sum(not text.strip() or not (labels or multi_label) for _, labels, text in rows):
        options["missing"], why["missing"] = "drop", f"{incomplete} lines have no text or no label"
    return {"options": options, "why": why, "remarks": remarks, "multi_label": multi_label}


declare(fasttext, look_at=_look_at)
