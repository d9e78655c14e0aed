"""Lines of text as they come: in bounded chunks, none later than it must be, none lost."""

from __future__ import annotations

import io
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import make_texts
from hypothesis import given, strategies as st

import textforge
from textforge.classifiers.streams import line_reader as text_stream
from textforge.classifiers.streams.line_reader import BACKLOG, CHUNK, CHUNK_BYTES, READ, Ahead, LineReader, read_lines
from textforge.classifiers.streams.predictions import answered_ahead, predictions
from textforge.errors import DataError


@pytest.fixture
def pipe() -> Iterator[tuple[LineReader, Callable[[bytes], object], Callable[[], None]]]:
    """A stream that reads a pipe, what writes to it, and what closes its writing end."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    ends = {writing}

    def close() -> None:
        for end in list(ends):
            ends.remove(end)
            os.close(end)

    with open(reading, "rb") as stream:
        yield LineReader(stream, "pipe"), lambda data: os.write(writing, data), close
        close()
        until(lambda: not any(t.name == "textforge-ahead" and t.is_alive() for t in threading.enumerate()))


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.001)


class Bytes(io.RawIOBase):
    """Bytes in pieces of the given sizes, as from something that is no file."""

    def __init__(self, data: bytes, sizes: list[int]) -> None:
        self.data, self.sizes = data, sizes

    def readable(self) -> bool:
        return True

    def fileno(self) -> int:
        return PIPE

    def read(self, size: int = -1) -> bytes:
        size = self.sizes.pop() if self.sizes else len(self.data)
        piece, self.data = self.data[:size], self.data[size:]
        return piece


PIPE = os.pipe()[0]


# -- what is read -------------------------------------------------------------------------------


@given(data=st.text("ab\r\n\n é\u2028").map(str.encode), sizes=st.lists(st.integers(1, 9)), file=st.booleans())
def test_texts_are_those_of_the_lines_however_the_bytes_come(data: bytes, sizes: list[int], file: bool) -> None:
    stream: Any = io.BytesIO(data) if file else Bytes(data, sizes)
    chunks = list(LineReader(stream, "x"))
    assert all(chunks)
    assert [text for chunk in chunks for text in chunk] == list(read_lines(io.BytesIO(data), "x"))


def test_a_files_chunks_are_full_and_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "t").write_text("a b\n" * (2 * CHUNK + 5))
    with (tmp_path / "t").open("rb") as file:
        assert [len(chunk) for chunk in LineReader(file, "t")] == [CHUNK, CHUNK, 5]
    monkeypatch.setattr(text_stream, "CHUNK_BYTES", 10)
    with (tmp_path / "t").open("rb") as file:
        assert len(next(iter(LineReader(file, "t")))) == 4


def test_a_mistake_comes_after_the_texts_before_it(pipe: Any) -> None:
    stream, write, close = pipe
    write(b"a\nb\n\xff\nc\n")
    close()
    chunks = iter(stream)
    assert next(chunks) == ["a", "b"]
    with pytest.raises(DataError, match="pipe: line 3 is not UTF-8"):
        next(chunks)


# -- when it is read ----------------------------------------------------------------------------


def test_a_line_is_answered_before_the_next_is_written(pipe: Any) -> None:
    stream, write, close = pipe
    chunks = iter(stream)
    for n in range(5):
        write(f"line {n}\nhalf".encode() if n == 0 else f"\nline {n}\nhalf".encode())
        assert next(chunks) == (["line 0"] if n == 0 else ["half", f"line {n}"])
    close()
    assert list(chunks) == [["half"]]


def test_what_has_come_meanwhile_is_one_chunk(pipe: Any) -> None:
    stream, write, close = pipe
    for n in range(50):
        write(f"{n}\n".encode())
    close()
    until(lambda: not stream._ahead._thread.is_alive())
    assert list(stream) == [[str(n) for n in range(50)]]


def test_whoever_writes_faster_than_is_read_waits(pipe: Any) -> None:
    stream, write, _ = pipe

    def written() -> int:
        """Bytes that can be written before the pipe takes no more for half a second."""
        total, refused = 0, 0
        while refused < 50:
            try:
                total += write(b"orbit\n" * 500)
                refused = 0
            except BlockingIOError:
                refused += 1
                time.sleep(0.01)
        return total

    most = CHUNK_BYTES + READ + (1 << 20)  # what waits, what was just read, and what a pipe holds
    assert written() <= most
    taken = sum(len(text) + 1 for text in next(iter(stream)))
    assert taken <= written() + READ <= taken + 4 * READ  # a pipe holds less when its pages are partly filled
    stream.close()


def test_a_thread_takes_no_more_than_it_may() -> None:
    taken = 0

    def endless() -> Iterator[int]:
        nonlocal taken
        while True:
            taken += 1
            yield taken

    ahead = Ahead(endless(), 3)
    until(lambda: taken == 3)
    time.sleep(0.02)
    assert taken == 3
    assert next(ahead) == 1
    until(lambda: taken == 4)
    ahead.close()
    assert not ahead._thread.is_alive()
    assert taken == 4


def test_what_is_raised_in_the_thread_is_raised_once_after_what_came_before() -> None:
    def failing() -> Iterator[int]:
        yield 1
        yield 2
        raise ValueError("told")

    ahead = Ahead(failing())
    assert [next(ahead), next(ahead)] == [1, 2]
    with pytest.raises(ValueError, match="told"):
        next(ahead)
    assert list(ahead) == []


# -- predicted ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def classifier(finished_run: Path) -> Any:
    return textforge.load(finished_run)


@given(sizes=st.lists(st.integers(1, 400), max_size=20))
def test_predictions_are_the_same_whatever_the_chunks(classifier: Any, sizes: list[int]) -> None:
    texts = [*make_texts(40, seed=6)[0], "", "nothing known"]
    plain = list(predictions(classifier, texts))
    stream: Any = Bytes("\n".join(texts).encode() + b"\n", sizes)
    found = [one for answers in answered_ahead(classifier, LineReader(stream, "x")) for one in answers.dicts()]
    assert [one["label"] for one in found] == [one["label"] for one in plain]
    for one, other in zip(found, plain, strict=True):
        np.testing.assert_allclose(
            [one["probabilities"][label] for label in classifier.labels],
            [other["probabilities"][label] for label in classifier.labels],
            atol=1e-6, rtol=0,
        )  # fmt: skip


def test_lines_without_end_are_answered_while_few_are_held(classifier: Any) -> None:
    class Endless(io.RawIOBase):
        asked = 0

        def readable(self) -> bool:
            return True

        def read(self, size: int = -1) -> bytes:
            self.asked += size
            return (b"orbit\n" * size)[:size]

    source = Endless()
    answers = answered_ahead(classifier, LineReader(source, "x"))  # type: ignore[arg-type]
    for n in range(1, 40):
        assert len(next(answers)) == CHUNK
        assert source.asked <= (n + BACKLOG + 2) * CHUNK * 6 + READ
    answers.close()


def test_closing_it_ends_the_threads_though_the_pipe_says_nothing(classifier: Any, pipe: Any) -> None:
    stream, write, _ = pipe
    write(b"orbit\n")
    answers = answered_ahead(classifier, stream)
    assert len(next(answers)) == 1
    began = time.monotonic()
    answers.close()
    assert time.monotonic() - began < 60
