"""Download the 20 Newsgroups archive from the first source that answers to where scikit-learn expects it.

`fetch_20newsgroups` extracts `<data home>/20news_home/20news-bydate.tar.gz` without a download if its SHA-256 matches
(scikit-learn >= 1.6), and does so safely (tarfile's `data` filter).
"""

import hashlib
import http.client
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from urllib.error import HTTPError

from textforge.errors import replaced, storage_errors

SHA256 = "8f1b2514ca22a5ade8fbb9cfa5727df95fa587f4c87b786e15c759fa66d95610"
SOURCES = (
    "https://ndownloader.figshare.com/files/5975967",
    "http://qwone.com/~jason/20Newsgroups/20news-bydate.tar.gz",
)
CACHE = "20news-bydate_py3.pkz"
ARCHIVE = Path("20news_home", "20news-bydate.tar.gz")
TIMEOUT = 20.0
"""Seconds without a byte before giving up on a source."""
PIECE = 1 << 18
"""Bytes read at a time."""


def provide(data_home: Path, archive: Path | None) -> None:
    """Make sure that scikit-learn finds the corpus in `data_home`.

    Raises:
        DataError: `archive` is not the corpus.
        DataUnavailable: no source could be reached; lists the sources and the remedies.
        StorageError: the cache folder cannot be written.
    """
    from textforge import DataError, DataUnavailable

    if archive is not None:
        problem = _differs(archive)
        if problem:
            raise DataError(f"dataset 'newsgroups': archive {archive}: {problem}.")
    if (data_home / CACHE).is_file():
        return
    place = data_home / ARCHIVE
    if place.is_file() and not _differs(place):
        return
    try:
        with storage_errors(place):
            place.parent.mkdir(parents=True, exist_ok=True)
            if archive is not None:
                with archive.open("rb") as source:
                    _store(iter(lambda: source.read(PIECE), b""), place)
                return
            failures = [_try(url, place) for url in SOURCES]
    finally:
        with suppress(OSError):  # removes only an empty folder
            place.parent.rmdir()
    if None not in failures:
        tried = "".join(f"\n  {url}: {why}" for url, why in zip(SOURCES, failures, strict=True))
        raise DataUnavailable(
            f"20 Newsgroups is not in the cache ({data_home / CACHE}) and no source could be reached:{tried}\n"
            "Download 20news-bydate.tar.gz manually from one of them and name it in the recipe (dataset.archive: "
            f"PATH), or put it at {place}. SCIKIT_LEARN_DATA can name another cache folder. "
            "recipes/quickstart.yaml needs no download."
        )


def _try(url: str, place: Path) -> str | None:
    """Download the archive unless it exists; return the reason of a failure, or None."""
    if place.is_file() and not _differs(place):
        return None
    try:
        _store(_download(url), place)
    except ValueError as error:
        return str(error)
    return None


def _download(url: str) -> Iterator[bytes]:
    """Yield the response of a source in pieces; an OSError of the code that writes them passes through.

    Raises:
        ValueError: the source cannot be reached, refuses the request, or closes the connection early.
    """
    size = 0
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT) as answer:  # noqa: S310  (the constants above)
            expected = int(answer.headers.get("Content-Length") or 0)
            while piece := answer.read(PIECE):
                size += len(piece)
                yield piece
    except (OSError, http.client.HTTPException) as error:
        reason = f"{error.code} {error.reason}" if isinstance(error, HTTPError) else getattr(error, "reason", error)
        raise ValueError(f"{type(error).__name__}: {reason}") from error
    if size < expected:
        raise ValueError(f"the download broke off after {size:,} of {expected:,} bytes")


def _store(pieces: Iterable[bytes], place: Path) -> None:
    """Write the archive, and verify it before it gets its name.

    Raises:
        ValueError: the content is not the archive.
        StorageError: it cannot be written.
    """
    with replaced(place) as temporary:
        with temporary.open("wb") as file:
            file.writelines(pieces)
        if problem := _differs(temporary):
            raise ValueError(problem)


def _differs(file: Path) -> str:
    """The reason why a file is not the archive; empty if it is."""
    try:
        with file.open("rb") as opened:
            digest = hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    if digest != SHA256:
        return f"is not the original 20news-bydate.tar.gz: its SHA-256 is {digest}, not {SHA256}"
    return ""
