"""Files that a recipe names: one, several or globs; compressed or not; in any encoding."""

import codecs
import glob
import gzip
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from textforge_standard.datasets.encodings import detect

Paths = Path | list[Path]
GLOB = "*?["
COMPRESSED = (".gz", ".zst")
PIECE = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Files:
    """Where the data are.

    Options:
        train: training data: a file, a list of files, or a glob such as data/*.csv; .gz and .zst are unpacked.
        valid: validation data, as train.
        test: test data, as train; without them test_fraction of train is held out.
    """

    train: Paths
    valid: Paths | None = None
    test: Paths | None = None

    def wrong(self) -> str | None:
        empty = [name for name, paths in vars(self).items() if paths == []]
        return f"{empty[0]} is an empty list; name at least one file." if empty else None

    def splits(self) -> dict[str, list[Path]]:
        """The files of each split that has any.

        Raises:
            DataError: a glob matches nothing.
        """
        return {name: expanded(paths, name) for name, paths in vars(self).items() if paths is not None}


def expanded(paths: Paths, option: str) -> list[Path]:
    """Every file that is named, those of a glob sorted, none twice."""
    from textforge import DataError

    found: dict[Path, None] = {}
    for path in [paths] if isinstance(paths, Path) else paths:
        is_glob = any(c in str(path) for c in GLOB) and not path.exists()
        matches = [Path(m) for m in sorted(glob.glob(str(path), recursive=True)) if Path(m).is_file()]
        if is_glob and not matches:
            raise DataError(f"{path}: no file matches this pattern. Mend dataset.{option}.")
        found |= dict.fromkeys(matches if is_glob else [path])
    return list(found)


def suffix(path: Path) -> str:
    """The suffix that tells a file's format: `.csv` for `reviews.csv.gz`."""
    return Path(path.stem if path.suffix.lower() in COMPRESSED else path.name).suffix.lower()


SPLIT_NAMES = {
    "train": ("train", "training"),
    "valid": ("valid", "validation", "val", "dev"),
    "test": ("test", "testing"),
}
"""Names by which files and folders of a split go."""


def data_files(path: Path, suffixes: Collection[str]) -> dict[str, Path]:
    """A file of one of the suffixes as train, or the files of the splits in a folder; nothing where there are none."""
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
    """A file's bytes, unpacked.

    Raises:
        DataError: it cannot be read, or is damaged.
    """
    from textforge import DataError

    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}.") from error
    unpack = _unpacker(path)
    if unpack is None:
        return data
    try:
        return unpack(data)
    except (OSError, EOFError, zlib.error) as error:
        raise _damaged(path, error) from error


def pieces(path: Path) -> Iterator[bytes]:
    """A file's bytes, unpacked, some after the other.

    Raises:
        DataError: it cannot be read, or is damaged.
    """
    from textforge import DataError

    kind = path.suffix.lower()
    try:
        file = path.open("rb")
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}.") from error
    with file:
        read = (gzip.GzipFile(fileobj=file) if kind == ".gz" else file).read
        try:
            raw = iter(lambda: read(PIECE), b"")
            yield from _unzstd(raw) if kind == ".zst" else raw
        except (OSError, EOFError, zlib.error) as error:
            raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> Exception:
    from textforge import DataError

    return DataError(f"{path}: cannot be unpacked: {error}. Is it whole? Copy or download it again.")


def _unpacker(path: Path) -> Callable[[bytes], bytes] | None:
    kind = path.suffix.lower()
    return {".gz": gzip.decompress, ".zst": lambda data: b"".join(_unzstd([data]))}.get(kind)


def _unzstd(packed: Iterable[bytes]) -> Iterator[bytes]:
    """All frames of a file; zstandard's own way of reading across frames takes a truncated one for whole."""
    import zstandard

    frame, empty = None, True
    for piece in packed:
        for start in range(0, len(piece), PIECE):
            rest, empty = piece[start : start + PIECE], False
            while rest:
                frame = frame or zstandard.ZstdDecompressor().decompressobj()
                try:
                    yield frame.decompress(rest)
                except zstandard.ZstdError as error:
                    raise OSError(str(error)) from error
                rest, frame = (frame.unused_data, None) if frame.eof else (b"", frame)
    if frame is not None or empty:
        raise EOFError("the end of the file is missing")


def decoded(path: Path, data: bytes, encoding: str | None) -> str:
    """Text without a byte-order mark, found free of NUL and of halves of characters; as `decoded_pieces`."""
    return "".join(filter(None, decoded_pieces(path, [data], encoding)))


def decoded_pieces(path: Path, pieces: Iterable[bytes], encoding: str | None) -> Iterator[str]:
    """The text of a file's bytes, as `decoded` gives it, some after the other.

    Args:
        path: the file, for messages.
        pieces: its bytes.
        encoding: the one that `dataset.encoding` names; None: UTF-8, of a dataset without such an option.

    Raises:
        DataError: a byte is not in the encoding, or is NUL; says on which line, and what the encoding seems to be.
    """
    from textforge import DataError

    optional, encoding = encoding is not None, "utf-8" if encoding is None else encoding
    lines, text_lines, first = 0, 0, True
    try:
        decoder = codecs.getincrementaldecoder(encoding)()
        halves = codecs.lookup(encoding).name not in ("utf-8", "utf-8-sig")  # some odd codecs give halves of characters
        for piece in chain(pieces, [b""]):  # nothing more: what is left over is no character
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
    """What to do about bytes in another encoding, which one that seems to be, and how sure that is."""
    found = detect(data)
    advice = "Save the file as UTF-8"
    if optional:
        named = f": {found.name}" if found is not None else ", for instance latin-1 or cp1252"
        advice += f", or name its encoding with dataset.encoding{named}"
    return f"{advice}." if found is None else f"{advice}. {found.how_sure[0].upper()}{found.how_sure[1:]}."


def no_such_encoding(*, encoding: str, **_: Any) -> str | None:
    """What is wrong with an option `encoding`, for a factory's check_options."""
    try:
        "".encode(encoding)
    except (LookupError, ValueError):
        return f"there is no encoding {encoding!r}. Common ones: utf-8, latin-1, cp1252, utf-16."
    return None
