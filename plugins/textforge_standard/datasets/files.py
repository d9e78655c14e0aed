"""Find and read the files that a recipe names: paths or globs, compressed or not, in any encoding."""

import codecs
import glob
import gzip
import zlib
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, ClassVar

from textforge_standard.datasets.encodings import detect

Paths = Path | list[Path]
GLOB = "*?["
COMPRESSED = (".gz", ".zst")
PIECE = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Files:
    """The files of each split.

    Options:
        train: training data: a file, a list of files, or a glob such as data/*.csv; .gz and .zst are decompressed.
        valid: validation data, in the same form as train.
        test: test data, in the same form as train; without it, test_fraction of train is held out.
    """

    folders: ClassVar[bool] = False
    """Whether a folder is accepted in place of its files."""

    train: Paths
    valid: Paths | None = None
    test: Paths | None = None

    def wrong(self) -> str | None:
        for name, paths in vars(self).items():
            if paths == []:
                return f"{name} is an empty list; name at least one file."
            for path in [paths] if isinstance(paths, Path) else paths or ():
                if path.is_dir() and not self.folders:
                    return f"{name}: {path} is a folder. Name the files in it, such as {path.name}/*."
        return None

    def splits(self) -> dict[str, list[Path]]:
        """The files of each split that is given.

        Raises:
            DataError: a glob matches nothing.
        """
        return {name: expanded(paths, name) for name, paths in vars(self).items() if paths is not None}


def expanded(paths: Paths, option: str) -> list[Path]:
    """Expand globs into sorted files; drop duplicates.

    Raises:
        DataError: a glob matches no file, or a path is a pipe or a device.
    """
    from textforge import DataError

    found: dict[Path, None] = {}
    for path in [paths] if isinstance(paths, Path) else paths:
        is_glob = any(c in str(path) for c in GLOB) and not path.exists()
        matches = [Path(match) for match in sorted(glob.glob(str(path), recursive=True))] if is_glob else [path]
        files = [match for match in matches if not (is_glob and match.is_dir())]
        if not files:
            only = f", only folders; {path / '*'} matches the files in them" if matches else ""
            raise DataError(f"{path}: no file matches this pattern{only}. Correct dataset.{option}.")
        for file in files:
            if file.exists() and not (file.is_file() or file.is_dir()):  # opening a pipe may block forever
                raise DataError(f"{file}: is a pipe or a device. Data are read more than once, so save them to a file.")
        found |= dict.fromkeys(files)
    return list(found)


def suffix(path: Path) -> str:
    """The suffix of a file without its compression suffix: `.csv` for `reviews.csv.gz`."""
    return Path(path.stem if path.suffix.lower() in COMPRESSED else path.name).suffix.lower()


SPLIT_NAMES = {
    "train": ("train", "training"),
    "valid": ("valid", "validation", "val", "dev"),
    "test": ("test", "testing"),
}
"""Usual names of the files and folders of each split."""


def data_files(path: Path, suffixes: Collection[str]) -> dict[str, Path]:
    """Find data files by suffix: a file is train, a folder may hold one per split; empty if none match."""
    if path.is_file():
        return {"train": path} if suffix(path) in suffixes else {}
    if not path.is_dir():
        return {}
    there = [one for one in sorted(path.iterdir()) if one.is_file() and suffix(one) in suffixes]
    by_name = {one.name.partition(".")[0].lower(): one for one in there}
    found = {
        split: by_name[name] for split, names in SPLIT_NAMES.items() for name in reversed(names) if name in by_name
    }
    if "train" in found:
        return found
    return {"train": there[0]} if len(there) == 1 else {}


def content(path: Path) -> bytes:
    """Read a file and decompress it.

    Raises:
        DataError: the file cannot be read or is damaged.
    """
    from textforge import DataError

    if path.suffix.lower() not in COMPRESSED:
        with _opened(path) as file:
            return file.read()
    found = []
    for piece in pieces(path):
        if len(piece) >= PIECE and not piece.strip(b"\0"):  # highly compressed zeros could fill the memory
            raise DataError(f"{path}: contains a megabyte of NUL bytes. The file is damaged; export it again.")
        found.append(piece)
    return b"".join(found)


def text_of(path: Path, encoding: str | None) -> str:
    """Read, decompress and decode a file; fails before decompressing all of it if it is not text.

    Raises:
        DataError: the file cannot be read, is damaged, or is not text in this encoding.
    """
    packed = path.suffix.lower() in COMPRESSED
    found = decoded_pieces(path, pieces(path) if packed else [content(path)], encoding)
    return "".join(filter(None, found))  # a single piece is not copied


def pieces(path: Path) -> Iterator[bytes]:
    """Read and decompress a file in pieces of a few megabytes at most.

    Raises:
        DataError: the file cannot be read or is damaged.
    """
    with _opened(path) as file:
        yield from unpacked(file, path, path.suffix.lower())


def unpacked(file: BinaryIO, name: Path | str, kind: str = "") -> Iterator[bytes]:
    """Read and decompress an open file; `kind` is the suffix of its compression.

    Raises:
        DataError: the file cannot be read or is damaged.
    """
    read = (gzip.GzipFile(fileobj=file) if kind == ".gz" else file).read
    try:
        raw = iter(lambda: read(PIECE), b"")
        yield from _unzstd(raw) if kind == ".zst" else raw
    except (OSError, EOFError, zlib.error) as error:
        raise _damaged(name, error) from error


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    from textforge import DataError

    try:
        with path.open("rb") as file:
            yield file
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}.") from error


def _damaged(path: Path | str, error: Exception) -> Exception:
    from textforge import DataError

    return DataError(f"{path}: cannot be decompressed: {error}. Is it complete? Copy or download it again.")


PACKED_PIECE = 512
"""Bytes of a .zst file to decompress per step: 4 bytes may expand to 128 KiB (RFC 8878), so a step to 16 MiB."""


def _unzstd(packed: Iterable[bytes]) -> Iterator[bytes]:
    """Decompress all frames of a .zst file, in pieces of at most PIECE + 16 MiB.

    zstandard's own reader across frames does not detect a truncated frame.
    """
    import zstandard

    frame, empty = None, True
    found: list[bytes] = []
    size = 0
    for piece in packed:
        for start in range(0, len(piece), PACKED_PIECE):
            rest, empty = piece[start : start + PACKED_PIECE], False
            while rest:
                frame = frame or zstandard.ZstdDecompressor().decompressobj()
                try:
                    found.append(frame.decompress(rest))
                except zstandard.ZstdError as error:
                    raise OSError(str(error)) from error
                size += len(found[-1])
                rest, frame = (frame.unused_data, None) if frame.eof else (b"", frame)
            if size >= PIECE:
                yield b"".join(found)
                found, size = [], 0
    if frame is not None or empty:
        raise EOFError("the end of the file is missing")
    if size:
        yield b"".join(found)


def decoded_pieces(path: Path | str, pieces: Iterable[bytes], encoding: str | None) -> Iterator[str]:
    """Decode a file piece by piece and drop its byte-order mark.

    Args:
        path: the file, for messages.
        pieces: the bytes of the file.
        encoding: value of `dataset.encoding`; None means UTF-8, for datasets without that option.

    Raises:
        DataError: a byte is NUL or not valid in the encoding, or a character is incomplete; names the line and the
            likely encoding.
    """
    from textforge import DataError

    optional, encoding = encoding is not None, "utf-8" if encoding is None else encoding
    lines, text_lines, first = 0, 0, True
    try:
        decoder = codecs.getincrementaldecoder(encoding)()
        halves = codecs.lookup(encoding).name not in ("utf-8", "utf-8-sig")  # some rare codecs yield lone surrogates
        for piece in chain(pieces, [b""]):  # the empty last piece reports an incomplete character
            lines += piece.count(b"\n")
            text = decoder.decode(piece, final=not piece)
            if halves:
                text.encode()
            if "\0" in text:
                line = text_lines + text.count("\n", 0, text.index("\0")) + 1
                raise DataError(
                    f"{path}: line {line}: a NUL byte. The file is damaged, binary, or in another encoding (UTF-16?). "
                    f"{_save_as(piece, optional)}"
                )
            text_lines += text.count("\n")
            yield text.removeprefix("\ufeff") if first else text
            first = first and not text
    except UnicodeDecodeError as error:
        line = lines - error.object[error.start :].count(b"\n") + 1
        raise DataError(
            f"{path}: line {line}: byte 0x{error.object[error.start]:02x} is not {encoding}. "
            f"{_save_as(error.object, optional)}"
        ) from error
    except (LookupError, ValueError) as error:
        raise DataError(
            f"{path}: cannot be read with the encoding {encoding!r}. Common ones: utf-8, latin-1, cp1252."
        ) from error


def _save_as(data: bytes, optional: bool) -> str:
    """Advice for bytes in another encoding: the likely encoding and the confidence."""
    found = detect(data)
    advice = "Save the file as UTF-8"
    if optional:
        named = f": {found.name}" if found is not None else ", such as latin-1 or cp1252"
        advice += f", or name its encoding with dataset.encoding{named}"
    return f"{advice}." if found is None else f"{advice}. {found.how_sure[0].upper()}{found.how_sure[1:]}."


def no_such_encoding(*, encoding: str, **_: Any) -> str | None:
    """The error message for an unknown `encoding`, or None; for check_options."""
    try:
        "".encode(encoding)
    except (LookupError, ValueError):
        return f"unknown encoding {encoding!r}. Common ones: utf-8, latin-1, cp1252, utf-16."
    return None
