"""Make datasets from table files, and inspect table files for `textforge init`."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from textforge_standard.datasets.columns import Columns, Table, examples
from textforge_standard.datasets.files import Files, data_files
from textforge_standard.datasets.splits import Examples, HoldOut, dataset, read_splits
from textforge_standard.datasets.streamed import BlockReader, Streaming, Tables, streamed
from textforge_standard.datasets.unlabelled import label_set, only_labelled

Reader = Callable[..., Table]
"""Reads the wanted columns of one file (a map from column to option); all columns for None."""


@dataclass(frozen=True)
class Format:
    """How to read the files of a format: at once, or block by block, with the same options."""

    read: Reader
    blocks: BlockReader
    options: Mapping[str, Any] = field(default_factory=dict)

    def dataset(self, seed: int, files: Files, hold_out: HoldOut, columns: Columns, streaming: Streaming) -> Any:
        """Make a `textforge.Dataset` of the rows of files, from the option groups that all table datasets share."""

        def split(paths: list[Path]) -> Examples:
            found = Examples()
            for path in paths:
                found.add(examples(self.read(path, columns.wanted(), **self.options), columns))
            return found

        sources = files.splits()
        if streaming.stream:
            others = read_splits({name: paths for name, paths in sources.items() if name != "train"}, split)
            return streamed(Tables(sources["train"], columns, self.blocks, self.options), others, hold_out, seed)
        splits = read_splits(sources, split)
        return dataset(only_labelled(splits, label_set(splits["train"]), columns.missing), hold_out, seed)


Looked = tuple[Table, dict[str, Any], dict[str, str]]
"""All columns of a file, the options needed to read it, and the reason for each option."""


def look_at_files(
    *suffixes: str,
    read: Callable[[Path], Looked],
    read_with: Callable[..., Table],
    find: Callable[[Path, Collection[str]], dict[str, Path]] = data_files,
) -> Callable[[Path], dict[str, Any] | None]:
    """Make the `look_at` of a table dataset, which finds the options for a file or a folder of splits.

    Args:
        suffixes: suffixes of the format.
        read: reads a file without knowing its options, and finds them.
        read_with: reads a file with the options that `read` found.
        find: finds the file of each split.
    """

    def look_at(path: Path) -> dict[str, Any] | None:
        from textforge import DataError
        from textforge_standard.datasets.guess import guess

        paths = find(path, suffixes)
        if not paths:
            return None
        table, own, why = read(paths["train"])
        found = guess(table)
        if "encoding" in why:
            found.remarks.append(f"It is read as {own['encoding']}: {why['encoding']}.")
        columns = Columns(**found.options, missing="drop")
        options: dict[str, Any] = {}
        incomplete = 0
        multi_label = False
        known: set[str] = set()
        for split, file in paths.items():
            try:
                rows = table if split == "train" else read_with(file, columns.wanted(), **own)
                kept = only_labelled({split: examples(rows, columns)}, known, columns.missing)[split]
                if not kept.texts:
                    raise DataError(" ".join(kept.warnings))
            except DataError as error:
                if split == "train":
                    raise
                found.remarks.append(f"{file.name} is skipped: {error}")
                continue
            options[split] = file
            known |= label_set(kept) if split == "train" else set()
            incomplete += len(next(iter(rows.columns.values()))) - len(kept.texts)
            multi_label |= isinstance(kept.labels[0], list)
        options |= {**found.options, **own}
        if incomplete:
            options["missing"] = "drop"
            why["missing"] = f"{incomplete} rows have no text or no label"
        return {
            "options": options,
            "why": {**found.why, **why},
            "remarks": found.remarks,
            "multi_label": multi_label,
        }

    return look_at
