"""Sample large files, so that `textforge init` need not read them whole.

A sample is a smaller file of the same format and name in a temporary folder. Its rows come from places spread evenly
over the file, because files are often sorted by label.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from textforge import TextforgeError
from textforge_standard.commands.init_sample_files import write_sample

LARGE = 1 << 25
"""Size in bytes above which a file is sampled."""
PACKED_LARGE = 1 << 22
"""Size in bytes above which a compressed file is sampled."""


@dataclass
class Sampled:
    """Data to inspect, sampled if they are large.

    Args:
        data: the file or folder to inspect.
        original: the file or folder that `data` is a sample of; `data` itself if nothing was sampled.
        files: the original of each sampled file.
    """

    data: Path
    original: Path
    files: dict[Path, Path] = field(default_factory=dict)

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
        return sum(path.stat().st_size for path in self.files.values()) / seen if seen else 1.0

    def remarks(self) -> list[str]:
        """Sentences about the sample; empty if nothing was sampled."""
        if not self.files:
            return []
        size = sum(path.stat().st_size for path in self.files.values())
        seen = sum(path.stat().st_size for path in self.files)
        return [
            f"The data are large ({size / 1e6:,.0f} MB), so init read a sample of {seen / 1e6:,.0f} MB from places all "
            "over them. The numbers below are those of the sample; a run checks every row. If the data do not fit in "
            "memory, set 'stream: true'."
        ]


@contextmanager
def sampled(data: Path) -> Iterator[Sampled]:
    """Yield a sample of a large file, or of a folder's large files; small data are yielded as they are."""
    inside = sorted(data.iterdir()) if data.is_dir() else [data]
    if not any(map(_is_large, inside)):
        yield Sampled(data, data)
        return
    with tempfile.TemporaryDirectory(prefix="textforge-init-") as folder:
        found = Sampled(Path(folder) / data.name, data)
        if data.is_dir():
            found.data.mkdir()
        for path in inside:
            place = found.data if path == data else found.data / path.name
            if _is_large(path) and (sample := write_sample(path, place)) is not None:
                found.files[sample] = path
            elif data.is_dir():
                place.symlink_to(path.absolute())
        if not data.is_dir():
            found.data = next(iter(found.files), data)
        try:
            yield found
        except TextforgeError as error:
            raise type(error)(found.originals(str(error))) from error


def _is_large(path: Path) -> bool:
    from textforge_standard.datasets.packed import COMPRESSED

    return path.is_file() and path.stat().st_size > (PACKED_LARGE if path.suffix.lower() in COMPRESSED else LARGE)
