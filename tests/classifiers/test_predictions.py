"""Predictions for texts that come one after another."""

from __future__ import annotations

import bz2
import gzip
import io
import itertools
import json
import lzma
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import make_texts
from hypothesis import given, strategies as st

import textforge
from textforge.classifiers.decision import Decision
from textforge.classifiers.streams.line_reader import CHUNK, Unreadable, open_input, read_lines
from textforge.classifiers.streams.predictions import answered, predictions
from textforge.errors import DataError, shown as escaped


@pytest.fixture(scope="module")
def classifier(finished_run: Path) -> Any:
    return textforge.load(finished_run)


def read(data: bytes, **options: Any) -> list[str]:
    return list(read_lines(io.BytesIO(data), "texts.txt", **options))


# -- reading -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "texts"),
    [
        (b"", []),
        (b"a\nb\n", ["a", "b"]),
        (b"a\nb", ["a", "b"]),
        (b"a\r\nb\r\n", ["a", "b"]),
        (b"\n\na\n\n", ["", "", "a", ""]),
        (b"\xef\xbb\xbfa\n\xef\xbb\xbfb\n", ["a", "\ufeffb"]),
        (" ä\tb  \n字\n".encode(), [" ä\tb  ", "字"]),
        ("a\u2028b\x0bc\x85\n".encode(), ["a\u2028b\x0bc\x85"]),
    ],
    ids=["nothing", "lines", "no-last-newline", "windows", "empty-lines", "bom", "blanks-kept", "only-newline-ends"],
)
def test_a_text_is_a_line(data: bytes, texts: list[str]) -> None:
    assert read(data) == texts


def test_broken_utf8_names_file_and_line() -> None:
    with pytest.raises(DataError, match=r"^texts\.txt: line 3 is not UTF-8: invalid start byte\."):
        read("ä\nb\n".encode() + b"abc\xff\n")


def test_json_lines_are_strings_or_objects_with_a_text() -> None:
    lines = ['"a\\nb"', '{"text": "c", "id": 7}', '{"id": 8, "text": ""}']
    assert read("\n".join(lines).encode(), json_lines=True) == ["a\nb", "c", ""]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("{", "line 2 is not JSON"),
        ("[", r"line 2 is not JSON: it spans several lines"),
        ('{"a" 1}', r"line 2 is not JSON: Expecting ':' delimiter at column 6"),
        ("[" * 100_000, "line 2 is not JSON: it is nested too deeply"),
        ('{"text": "a", "id": ' + "9" * 5000 + "}", "line 2 has a whole number of 5,000 digits, which is too long"),
        ("-" + "1" * 5000, "line 2 has a whole number of 5,000 digits"),
        ('{"text": "a", "text": "b"}', 'line 2 has the key "text" twice'),
        ('{"text": "a", "more": {"k": 1, "k": 1}}', 'line 2 has the key "k" twice'),
        (r'"\ud83d"', "line 2 has half a character"),
        ("3", 'line 2 is neither a JSON string nor an object with a "text"'),
        ('{"txt": "a"}', "line 2 is neither"),
        ('{"text": 3}', "line 2 is neither"),
        ("null", "line 2 is neither"),
    ],
)
def test_a_json_line_that_is_none_is_reported_with_its_number(line: str, told: str) -> None:
    with pytest.raises(DataError, match=told):
        read(f'"fine"\n{line}\n'.encode(), json_lines=True)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"\xe4", "line 2 is not UTF-8: invalid continuation byte."),
        (b"nonsense", "line 2 is not JSON: Expecting value at column 1."),
        (b'{"a": 1, "a": 1}', 'line 2 has the key "a" twice.'),
    ],
)
def test_a_line_that_cannot_be_read_may_be_marked(line: bytes, reason: str) -> None:
    data = b'"one"\n' + line + b'\n\n  \n"three"\n'
    assert read(data, json_lines=True, mark=True) == ["one", Unreadable(reason), "three"]
    with pytest.raises(DataError, match=rf"^texts\.txt: {re.escape(reason)} .* --on-error mark\.$"):
        read(data, json_lines=True)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (gzip.compress(b"moon\n" * 99), "compressed by gzip"),
        (bz2.compress(b"moon\n" * 99), "compressed by bzip2"),
        (lzma.compress(b"moon\n" * 99), "compressed by xz"),
        (b"\x28\xb5\x2f\xfd\x04\x58", "compressed by zstd"),
        ("moon\n".encode("utf-16"), "in UTF-16"),
        (b"PK\x03\x04\x14\x00\x80", "a zip archive"),
    ],
    ids=["gzip", "bzip2", "xz", "zstd", "utf-16", "zip"],
)
def test_a_file_that_holds_no_text_is_named_and_never_marked_line_by_line(data: bytes, kind: str) -> None:
    with pytest.raises(DataError, match=rf"^texts\.txt: is {kind}.*; predict reads lines of UTF-8 text\."):
        read(data, mark=True)


@pytest.mark.parametrize("name", ["away.txt", "."])
def test_an_input_that_cannot_be_read_is_reported(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match=r"cannot be read: (No such file|Is a directory)"):
        open_input(tmp_path / name)


# -- writing -----------------------------------------------------------------------------------


@given(
    rows=st.lists(st.lists(st.floats(0, 1, width=32), min_size=3, max_size=3), max_size=5),
    several=st.booleans(),
    abstain=st.none() | st.floats(0, 1),
)
def test_lines_are_the_json_of_the_predictions(rows: list[list[float]], several: bool, abstain: float | None) -> None:
    class Given:
        labels = ("größe 😀", 'a"\tb', "x\n|\\y")
        decision = Decision(multi_label=several, abstain=None if several else abstain)

        def predict_proba(self, texts: Any) -> Any:
            return np.array(rows, dtype=np.float32).reshape(-1, 3)

    (answers,) = answered(Given(), [[""] * len(rows)])
    found = list(answers.dicts())
    assert answers.jsonl() == "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in found)
    lines = answers.tsv().split("\n")
    assert lines.pop() == ""
    assert len(lines) == len(rows) == len(answers)
    for line, one, row in zip(lines, found, rows, strict=True):
        by_label = sorted(zip(Given.labels, map(float, row), strict=True), key=lambda pair: -pair[1])
        assert list(one["probabilities"].items()) == by_label
        labels = one["labels"] if several else [one["label"]] if one["label"] is not None else []
        shown = [one["probabilities"][label] for label in labels]
        if not several and not labels:
            shown = [max(row)]
        names = [escaped(label).replace("|", r"\x7c" if several else "|") for label in labels]
        assert line == f"{'|'.join(names)}\t{'|'.join(f'{value:.4f}' for value in shown)}"


# -- predicting --------------------------------------------------------------------------------


def test_each_text_has_its_label_and_all_probabilities_most_probable_first(classifier: Any) -> None:
    texts = make_texts(30, seed=3)[0]
    found = list(predictions(classifier, texts))
    assert [one["label"] for one in found] == classifier.predict(texts)
    for one, row in zip(found, classifier.predict_proba(texts), strict=True):
        assert next(iter(one["probabilities"])) == one["label"]
        assert list(one["probabilities"].values()) == sorted(map(float, row), reverse=True)
        assert {label: one["probabilities"][label] for label in classifier.labels} == dict(
            zip(classifier.labels, map(float, row), strict=True)
        )
    json.dumps(found, allow_nan=False)


def test_no_texts_no_predictions(classifier: Any) -> None:
    assert list(predictions(classifier, [])) == []


def test_many_at_once_equal_each_alone_and_keep_their_order(classifier: Any) -> None:
    texts = [*make_texts(1500, seed=4)[0], "", "nothing known"]  # more than a chunk, and than a batch
    together = classifier.predict_proba(texts)
    streamed = [
        [one["probabilities"][label] for label in classifier.labels] for one in predictions(classifier, iter(texts))
    ]
    np.testing.assert_array_equal(np.array(streamed, dtype=np.float32), together)
    some = range(0, len(texts), 37)
    alone = np.concatenate([classifier.predict_proba([texts[n]]) for n in some])
    np.testing.assert_allclose(together[list(some)], alone, atol=1e-6, rtol=0)


def test_a_stream_is_read_only_as_far_as_is_asked_for(classifier: Any) -> None:
    """An endless stream ends after five predictions: never more than a chunk is held."""
    taken = 0

    def endless() -> Iterator[str]:
        nonlocal taken
        for text in itertools.cycle(make_texts(10)[0]):
            taken += 1
            yield text

    assert len(list(itertools.islice(predictions(classifier, endless()), 5))) == 5
    assert taken == CHUNK
    assert len(list(itertools.islice(predictions(classifier, endless()), CHUNK + 1))) == CHUNK + 1
    assert taken == 3 * CHUNK


def test_lines_are_read_one_by_one() -> None:
    class Endless(io.RawIOBase):
        """Lines without end."""

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: Any) -> int:
            buffer[:] = (b"orbit\n" * len(buffer))[: len(buffer)]
            return len(buffer)

    first = list(itertools.islice(read_lines(io.BufferedReader(Endless(), 600), "x"), 250))
    assert first == ["orbit"] * 250


def test_a_mistake_far_down_comes_after_the_predictions_above_it(classifier: Any) -> None:
    lines = b"orbit\n" * CHUNK + b"\xff\n"
    found = predictions(classifier, read_lines(io.BytesIO(lines), "x"))
    assert len(list(itertools.islice(found, CHUNK))) == CHUNK
    with pytest.raises(DataError, match=f"line {CHUNK + 1} is not UTF-8"):
        next(found)


def test_where_it_abstains_there_is_no_label_but_every_probability(finished_run: Path) -> None:
    classifier = textforge.load(finished_run)
    texts = make_texts(40, seed=3)[0]
    plain = list(predictions(classifier, texts))
    tops = sorted(max(one["probabilities"].values()) for one in plain)
    below = (tops[19] + tops[20]) / 2
    classifier.abstain_below(below)
    found = list(predictions(classifier, texts))
    assert [one["label"] for one in found] == [
        one["label"] if max(one["probabilities"].values()) >= below else None for one in plain
    ]
    assert [one["probabilities"] for one in found] == [one["probabilities"] for one in plain]
    unsure = next(one for one in found if one["label"] is None)
    lines = "".join(answers.tsv() for answers in answered(classifier, [texts])).splitlines()
    assert lines[found.index(unsure)] == f"\t{max(unsure['probabilities'].values()):.4f}"
    assert json.loads(json.dumps(unsure))["label"] is None
