"""Sample large files and folders, so that `textforge init` need not read them whole.

A sample is a smaller file of the same format, or a folder of some of the files, in a temporary folder. Its rows come
from places spread evenly over the data, because files are often sorted by label.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from textforge import TextforgeError
from textforge.errors import Scratch
from textforge_standard.commands.init_sample_files import write_sample

LARGE = 1 << 25
"""Size in bytes above which a file is sampled."""
PACKED_LARGE = 1 << 22
"""Size in bytes above which a compressed file is sampled."""
MOST_FILES = 10_000
"""Number of files above which a folder is sampled."""
FEW_FILES = 20
"""Number of files of each inner folder that are always in the sample."""
MOST_LARGE = 16
"""Maximum number of large files of one folder to sample."""


@dataclass
class Sampled:
    """Data to inspect, sampled if they are large.

    Args:
        data: the file or folder to inspect.
        original: the file or folder that `data` is a sample of; `data` itself if nothing was sampled.
        files: the original of each sampled file.
        n_files: number of all files of a folder.
        n_kept: number of those in the sample.
    """

    data: Path
    original: Path
    files: dict[Path, Path] = field(default_factory=dict)
    n_files: int = 1
    n_kept: int = 1

    def originals(self, value: Any) -> Any:
        """Replace the paths of samples with those of the originals, in options and in sentences."""
        if isinstance(value, dict):
            return {key: self.originals(one) for key, one in value.items()}
        if isinstance(value, list):
            return [self.originals(one) for one in value]
        if isinstance(value, Path):
            return Path(self.originals(str(value)))
        if isinstance(value, str):
            kind = type(value)  # a FileUrl stays one
            for sample, original in self.files.items():
                value = value.replace(str(sample), str(original))
            return kind(value.replace(str(self.data), str(self.original)))
        return value

    @property
    def scale(self) -> float:
        """How many times as large as the sample the data are."""
        seen = sum(path.stat().st_size for path in self.files)
        of_files = sum(path.stat().st_size for path in self.files.values()) / seen if seen else 1.0
        return of_files * self.n_files / self.n_kept

    def remarks(self) -> list[str]:
        """Sentences about the sample; empty if nothing was sampled."""
        if self.n_kept < self.n_files:
            return [
                f"The folder has {self.n_files:,} files, so init read a sample of {self.n_kept:,} from places all over "
                "it. The numbers below are those of the sample; a run reads every file."
            ]
        if not self.files:
            return []
        size = sum(path.stat().st_size for path in self.files.values())
        seen = sum(path.stat().st_size for path in self.files)
        return [
            f"The data are large ({size / 1e6:,.0f} MB), so init read a sample of {max(1, seen / 1e6):,.0f} MB from "
            "places all over them. The numbers below are those of the sample; a run checks every row. If the data do "
            "not fit in memory, set 'stream: true'."
        ]


@contextmanager
def sampled(data: Path) -> Iterator[Sampled]:
    """Yield a sample of a large file, or of a folder with large files or with many; others are yielded as they are."""
    tree = [(Path(root), folders, sorted(names)) for root, folders, names in os.walk(data)] if data.is_dir() else []
    n_files = sum(len(names) for _, _, names in tree)
    each = [data] if not tree else [root / name for root, _, names in tree for name in names]
    if n_files <= MOST_FILES and not any(map(_is_large, each)):
        yield Sampled(data, data)
        return
    with Scratch() as scratch:
        found = Sampled(scratch.path / data.name, data)
        with scratch.writing():
            if tree:
                found.n_files, found.n_kept = n_files, 0
                for root, folders, names in tree:
                    _sample_folder(root, folders, _evenly(names, n_files), found)
            elif (sample := write_sample(data, found.data)) is not None:
                found.files[sample] = data
                found.data = sample
            else:
                found.data = data
        try:
            yield found
        except TextforgeError as error:
            raise type(error)(found.originals(str(error))) from error


def _evenly(names: list[str], n_files: int) -> list[str]:
    """The share of a folder's files that is in the sample of `n_files` files."""
    step = -(-n_files // MOST_FILES)
    return names[:: max(1, min(step, len(names) // FEW_FILES))]


def _sample_folder(root: Path, folders: list[str], names: list[str], found: Sampled) -> None:
    """Make a folder of links to some of the files of another, and of samples of the large ones."""
    place = found.data / root.relative_to(found.original)
    place.mkdir()
    for name in folders:
        if (root / name).is_symlink():
            (place / name).symlink_to((root / name).resolve())
    large = [name for name in names if _is_large(root / name)]
    left_out = {*large} - {*large[:: -(-len(large) // MOST_LARGE) or 1]}
    for name in names:
        path = root / name
        if name in left_out:
            continue
        found.n_kept += 1
        if name in large and (sample := write_sample(path, place / name)) is not None:
            found.files[sample] = path
        else:
            (place / name).symlink_to(path.absolute())


def _is_large(path: Path) -> bool:
    from textforge_standard.datasets.packed import COMPRESSED
    from textforge_standard.datasets.table_formats import SPREADSHEET

    packed = path.suffix.lower() in (*COMPRESSED, *SPREADSHEET.suffixes)
    return path.is_file() and path.stat().st_size > (PACKED_LARGE if packed else LARGE)
