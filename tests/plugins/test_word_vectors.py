"""Files of pretrained word vectors: the formats, and every way to be broken, told with its line."""

import gzip
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, strategies as st

from textforge import DataError
from textforge_standard.vectorizers import word_vectors
from textforge_standard.vectorizers.word_vectors import read_vectors

WORDS = ["cat", "dog", "naïve", "🚀"]
GLOVE = "the 0.1 0.2 0.3\ncat 1 2 3\n🚀 -1 -2 -3.5e-1\nnaïve 4 5 6\n"
EXPECTED = [[1, 2, 3], None, [4, 5, 6], [-1, -2, -0.35]]
FORMATS = {
    "GloVe": GLOVE,
    "no line end at the end": GLOVE.rstrip("\n"),
    "word2vec, its lines ending in a space": "4 3\n" + GLOVE.replace("\n", " \n"),
    "fastText": "4 3\n" + GLOVE.replace("the", "</s>"),
    "line ends of Windows": GLOVE.replace("\n", "\r\n"),
    "a byte-order mark": "\ufeff" + GLOVE.partition("\n")[2],
    "a byte-order mark and a header": "\ufeff4 3\n" + GLOVE,
    "words of several words": GLOVE + "at name@domain.com 1 2 3\n. . . 1 2 3\n",
    "a word twice: the first counts": GLOVE + "cat 7 7 7\n",
    "a word with white space that is no space": GLOVE + "1\u00a0000 1 2 3\n",
}


def read(path, words=WORDS):
    warnings = []
    return read_vectors(path, words, first=2, warnings=warnings), warnings


def refused(path, words=WORDS):
    with pytest.raises(DataError) as error:
        read(path, words)
    told = str(error.value)
    assert told.startswith(f"{path}: ")
    return told.removeprefix(f"{path}: ")


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("text", FORMATS.values(), ids=FORMATS)
def test_all_formats_are_read(tmp_path, text, packed):
    file = tmp_path / "v.txt"
    file.write_bytes(gzip.compress(text.encode()) if packed else text.encode())
    vectors, warnings = read(file)
    assert vectors.dtype == np.float32
    nothing = [np.nan] * 3
    expected = [nothing, nothing, *(row or nothing for row in EXPECTED)]
    np.testing.assert_array_equal(vectors, np.array(expected, np.float32))
    assert warnings == ["v.txt: vectors of 3 numbers for 3 of 4 words."]


@given(
    st.dictionaries(
        st.text(st.characters(exclude_categories=("Cs", "Zs", "Cc")), min_size=1, max_size=5),
        st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=2, max_size=2),
        min_size=1,
    )
)
def test_numbers_come_back_bit_for_bit(tmp_path_factory, vectors):
    file = tmp_path_factory.getbasetemp() / "any.vec"
    lines = [" ".join([word, *(repr(np.float32(n).item()) for n in row)]) for word, row in vectors.items()]
    file.write_text(f"{len(vectors)} 2\n" + "\n".join(lines), encoding="utf-8", newline="")
    found, _ = read(file, list(vectors))
    np.testing.assert_array_equal(found[2:], np.array(list(vectors.values()), np.float32))


EXPECTED_LINES = "Expected is a word and its numbers a line, separated by single spaces."


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "has no vectors: it is empty, or has a first line only."),
        ("4 3\n", "has no vectors: it is empty, or has a first line only."),
        ("cat 1 2\ndog 1\n", f"line 2: 1 numbers where 2 must be. {EXPECTED_LINES}"),
        ("the 1 2\nother 1 2 3\n", f"line 2: 3 numbers where 2 must be. {EXPECTED_LINES}"),
        ("4 3\ncat 1 2\n", f"line 2: 2 numbers where 3 must be. {EXPECTED_LINES}"),
        ("4 2\ncat 1 2 3\n", f"line 2: 3 numbers where 2 must be. {EXPECTED_LINES}"),
        ("cat 1 2\n\ndog 1 2\n", f"line 2: 0 numbers where 2 must be. {EXPECTED_LINES}"),
        ("cat\t1\t2\n", f"line 1: 0 numbers where at least one must be. {EXPECTED_LINES}"),
        ("4 0\ncat\n", f"line 2: 0 numbers where at least one must be. {EXPECTED_LINES}"),
        ("cat 1\n", f"line 1: a word and a single number. {EXPECTED_LINES}"),
        ("the 1 2\ncat 1 x\n", f"line 2: could not convert string to float: b'x'. {EXPECTED_LINES}"),
        ("the 1 2\ncat 1  2\n", f"line 2: 3 numbers where 2 must be. {EXPECTED_LINES}"),
        ("cat 1 nan\n", "line 1: a number is not finite in float32."),
        ("cat 1 1e39\n", "line 1: a number is not finite in float32."),
    ],
)
def test_a_broken_file_is_reported_with_its_line(tmp_path, text, says):
    file = tmp_path / "v.txt"
    file.write_text(text)
    assert refused(file) == says


def test_a_file_with_none_of_the_words_is_refused(tmp_path):
    file = tmp_path / "v.txt"
    file.write_text("CAT 1 2\nDOG 1 2\n")
    assert refused(file).startswith("has a vector for none of the vocabulary's 4 words.")


def test_a_file_that_breaks_off_is_refused(tmp_path):
    file = tmp_path / "v.gz"
    packed = gzip.compress(GLOVE.encode() * 50)
    for broken in (packed[:-12], packed[:20] + b"\xff" * 9 + packed[29:]):
        file.write_bytes(broken)
        assert refused(file).startswith("cannot be read: ")


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    assert refused(tmp_path / "no") == "cannot be read: No such file or directory."
    assert refused(tmp_path) == "cannot be read: Is a directory."


def test_a_binary_file_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(word_vectors, "LONGEST", 1000)
    file = tmp_path / "v.bin"
    file.write_bytes(b"4 300\ncat " + bytes(5000))
    assert refused(file).startswith("line 2: is longer than 1,000 bytes. It is no text file of word vectors")


def test_memory_is_bounded_by_the_vocabulary(tmp_path):
    file = tmp_path / "v.txt"
    line = " ".join(["word{}", *["0.123456"] * 100])
    file.write_text("".join(line.format(n) + "\n" for n in range(5_000)))  # 4.5 MB
    tracemalloc.start()
    try:
        read(file, ["word7"])
        assert tracemalloc.get_traced_memory()[1] < 500_000
    finally:
        tracemalloc.stop()
