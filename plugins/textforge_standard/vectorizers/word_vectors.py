"""Read pretrained word vectors from text files of word2vec, GloVe and fastText, line by line."""

import gzip
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

LONGEST = 1 << 20
"""Maximum line length in bytes of a vector file; bounds memory."""

_EXPECTED = "Expected is a word and its numbers a line, separated by single spaces."


def read_vectors(path: Path, vocabulary: Sequence[str], *, first: int, warnings: list[str]) -> Any:
    """Read the vectors of a vocabulary: a float32 array (first + words, dim); rows of missing words are NaN.

    word2vec (Mikolov et al. 2013) and fastText (Bojanowski et al. 2017) write a first line "words dim", GloVe
    (Pennington et al. 2014) does not. Both are accepted, also gzipped. Only the lines of the vocabulary are parsed
    and kept.

    Args:
        path: the file.
        vocabulary: words as they occur in the texts; case matters.
        first: number of rows before the first word, all NaN.
        warnings: list to which the number of words found is appended.

    Raises:
        DataError: the file cannot be read, or a line is malformed; names the line.
    """
    import numpy as np

    from textforge import DataError

    number = {word.encode(): row for row, word in enumerate(vocabulary, start=first)}
    vectors = None
    for line, word, dim, values in _lines(path):
        if vectors is None:
            vectors = np.full((first + len(vocabulary), dim), np.nan, dtype=np.float32)
        row = number.pop(word, None)  # the first line of a repeated word wins
        if row is None:
            continue
        try:
            with np.errstate(over="ignore"):  # reported below
                vectors[row] = [float(value) for value in values.split(b" ")]
        except ValueError as error:
            raise DataError(f"{path}: line {line}: {error}. {_EXPECTED}") from error
        if not np.isfinite(vectors[row]).all():
            raise DataError(f"{path}: line {line}: a number is not finite in float32.")
    if vectors is None:
        raise DataError(f"{path}: has no vectors: it is empty, or has a first line only.")
    found = len(vocabulary) - len(number)
    if not found:
        raise DataError(
            f"{path}: has a vector for none of the vocabulary's {len(vocabulary):,} words. Is it of the language of "
            "the texts, and are its words in lower case as vectorizer.lowercase makes them?"
        )
    warnings.append(f"{path.name}: vectors of {vectors.shape[1]} numbers for {found:,} of {len(vocabulary):,} words.")
    return vectors


def _lines(path: Path) -> Iterator[tuple[int, bytes, int, bytes]]:
    """Yield the line number, the word, the dimension and the unparsed numbers of each line."""
    from textforge import DataError

    try:
        with path.open("rb") as plain, _unpacked(plain) as file:
            dim = 0
            for line, raw in enumerate(iter(lambda: file.readline(LONGEST), b""), start=1):
                if len(raw) == LONGEST:
                    raise DataError(
                        f"{path}: line {line}: is longer than {LONGEST:,} bytes. It is no text file of word vectors; "
                        "a binary one (.bin) must be saved as text first."
                    )
                text = raw.rstrip(b" \t\r\n").removeprefix(b"\xef\xbb\xbf" if line == 1 else b"")
                if line == 1 and len(header := text.split(b" ")) == 2:
                    if not all(part.isdigit() for part in header):
                        raise DataError(f"{path}: line 1: a word and a single number. {_EXPECTED}")
                    dim = int(header[1])
                    continue
                dim = dim or text.count(b" ")
                word, _, values = text.partition(b" ")
                if (found := text.count(b" ")) != dim or not dim:
                    word, values = _spaced(path, line, text, found, dim)
                yield line, word, dim, values
    except (OSError, EOFError, zlib.error) as error:  # gzip raises all three for a damaged file
        reason = getattr(error, "strerror", None) or str(error)
        raise DataError(f"{path}: cannot be read: {reason}.") from error


def _spaced(path: Path, line: int, text: bytes, found: int, dim: int) -> tuple[bytes, bytes]:
    """Split a line with more spaces than numbers: a few "words" in GloVe contain spaces.

    Raises:
        DataError: the line does not have as many numbers as the others.
    """
    from textforge import DataError

    word, *values = text.rsplit(b" ", dim) if dim else [text]
    if found < dim or not dim or _is_number(word.rpartition(b" ")[2]):
        raise DataError(f"{path}: line {line}: {found} numbers where {dim or 'at least one'} must be. {_EXPECTED}")
    return word, b" ".join(values)


def _is_number(text: bytes) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _unpacked(file: IO[bytes]) -> IO[bytes]:
    """The file, decompressed while reading if it is gzipped."""
    packed = file.peek(2)[:2] == b"\x1f\x8b"  # type: ignore[attr-defined]
    return gzip.GzipFile(fileobj=file) if packed else file  # type: ignore[return-value]
