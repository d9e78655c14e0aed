"""Read files, compressed or not, as bytes."""

import gzip
import re
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO

from textforge.errors import Scratch

COMPRESSED = (".gz", ".zst", ".zip")
PIECE = 1 << 20


def suffix(path: Path) -> str:
    """The suffix of a file without its compression: `.csv` for `a.csv.gz`, and for `a.zip` that contains `a.csv`."""
    if path.suffix.lower() == ".zip":
        with suppress(OSError, zipfile.BadZipFile), zipfile.ZipFile(path) as archive:
            members = _members(archive)
            if len(members) == 1:
                return PurePosixPath(members[0].filename).suffix.lower()
    return Path(path.stem if path.suffix.lower() in COMPRESSED else path.name).suffix.lower()


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
    try:
        read = _reader(name, file, kind)
        raw = iter(lambda: read(PIECE), b"")
        yield from _unzstd(raw) if kind == ".zst" else raw
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile, NotImplementedError) as error:
        raise _damaged(name, error) from error


def _reader(path: Path | str, file: BinaryIO, kind: str) -> Callable[[int], bytes]:
    if kind == ".gz":
        return gzip.GzipFile(fileobj=file).read
    return _unzipped(path, file).read if kind == ".zip" else file.read


def _unzipped(path: Path | str, file: BinaryIO) -> IO[bytes]:
    """Open the data file of a zip archive.

    Raises:
        DataError: the archive has no data file, has several, or is encrypted.
    """
    from textforge import DataError
    from textforge.errors import listed

    archive = zipfile.ZipFile(file)
    members = _members(archive)
    if len(members) != 1:
        listing = f"contains {len(members)} files: {listed(one.filename for one in members)}"
        found = listing if members else "contains no data file"
        raise DataError(f"{path}: {found}. A .zip must contain exactly one; unpack it, and name the file to read.")
    if members[0].flag_bits & ENCRYPTED:
        raise DataError(f"{path}: is encrypted. Unpack it with its password, and name the unpacked file.")
    return archive.open(members[0])


ENCRYPTED = 1
"""Flag of an encrypted member (PKWARE's APPNOTE, section 4.4.4)."""
NO_DATA = re.compile(r"(readme|licen[cs]e|copying)([.].*)?", re.IGNORECASE)


def _members(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """The data files of an archive, without folders, hidden files, macOS metadata, readmes and licences."""
    found = []
    for member in archive.infolist():
        *folders, name = PurePosixPath(member.filename).parts or ("",)
        hidden = any(part.startswith((".", "__MACOSX")) for part in (*folders, name))
        if not member.is_dir() and not hidden and not NO_DATA.fullmatch(name):
            found.append(member)
    return found


@contextmanager
def unpacked_file(path: Path, suffix: str, marks: tuple[bytes, ...], what: str) -> Iterator[Path]:
    """Yield a file, or a temporary decompressed copy, for formats that need random access.

    Args:
        path: the file.
        suffix: suffix of the copy.
        marks: alternatives for the first bytes of the format.
        what: the format, for messages.

    Raises:
        DataError: the file cannot be read or decompressed, or does not start with any of `marks`.
    """
    from textforge import DataError

    if path.suffix.lower() not in COMPRESSED:
        path.open("rb").close()  # raises a clearer error than the format's reader
        yield path
        return
    with Scratch() as scratch:
        whole = scratch.path / f"whole{suffix}"
        with scratch.writing(), whole.open("wb") as file:
            for piece in pieces(path):
                if not file.tell() and not piece.startswith(marks):
                    raise DataError(f"{path}: is not {what}, or is damaged.")
                file.write(piece)
        yield whole


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
