"""The cache of corpora: what it gives is what was read, and nothing else than that is ever taken for it."""

import os
import subprocess
import sys
import threading

import pytest
from hypothesis import given, strategies as st

from textforge.data import cache_folder
from textforge_standard.datasets.corpus_cache import cached, file_digest

TEXTS = {"post": ["first", "", "drei äöü 天気 \0", "a\nb"], "group": ["a", "b", "a", "b"]}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("TEXTFORGE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def refuse():
    raise AssertionError("read once more")


def all_of(columns):
    return {name: column.take(range(len(column))) for name, column in columns.items()}


def test_the_second_use_does_not_read_the_source(folder):
    columns, warnings = cached("corpus", {"source": "x"}, lambda: TEXTS)
    assert (all_of(columns), warnings) == (TEXTS, [])
    columns, warnings = cached("corpus", {"source": "x"}, refuse)
    assert (all_of(columns), warnings) == (TEXTS, [])
    assert columns["post"].take([2, 0]) == [TEXTS["post"][2], "first"]


def test_another_source_or_option_is_read(folder):
    cached("corpus", {"source": "x"}, lambda: TEXTS)
    for key in ({"source": "y"}, {"source": "x", "remove": ["headers"]}):
        columns, _ = cached("corpus", key, lambda: {"post": ["other"]})
        assert all_of(columns) == {"post": ["other"]}
    assert len(list((folder / "corpus").iterdir())) == 3


@given(st.lists(st.text()))
def test_any_text_comes_back_as_it_was(tmp_path_factory, texts):
    texts = [text.encode("utf-8", "replace").decode() for text in texts]  # a corpus has no half characters
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TEXTFORGE_CACHE", str(tmp_path_factory.mktemp("cache")))
        cached("corpus", {}, lambda: {"text": texts})
        assert all_of(cached("corpus", {}, refuse)[0]) == {"text": texts}


@pytest.mark.parametrize("place", [0, 100, -200, -1], ids=str)
def test_a_flipped_bit_is_found_and_the_source_read_again(folder, place):
    cached("corpus", {}, lambda: {"post": ["some text"] * 100})
    (file,) = (folder / "corpus").iterdir()
    whole = bytearray(file.read_bytes())
    found = []
    for cut in (whole[: len(whole) // 2], whole[:place] + bytes([whole[place] ^ 4]) + whole[place:][1:]):
        file.write_bytes(cut)
        columns, _ = cached("corpus", {}, lambda: found.append(1) or {"post": ["some text"] * 100})
        assert all_of(columns) == {"post": ["some text"] * 100}
    assert found  # half a file, at least, is never taken
    assert all_of(cached("corpus", {}, refuse)[0]) == {"post": ["some text"] * 100}  # and was mended


def test_a_cache_that_cannot_be_written_is_reported_and_does_without(tmp_path, monkeypatch):
    (tmp_path / "cache").write_text("a file")
    monkeypatch.setenv("TEXTFORGE_CACHE", str(tmp_path / "cache"))
    columns, (warning,) = cached("corpus", {}, lambda: TEXTS)
    assert all_of(columns) == TEXTS
    assert "cannot be written" in warning
    assert "so the next run is slow, too" in warning


def test_many_at_once_leave_one_whole_file(folder):
    threads = [threading.Thread(target=cached, args=("corpus", {}, lambda: TEXTS)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(list((folder / "corpus").iterdir())) == 1
    assert all_of(cached("corpus", {}, refuse)[0]) == TEXTS


def test_the_folder_is_the_one_named_else_that_of_the_users_caches(monkeypatch, tmp_path):
    monkeypatch.setenv("TEXTFORGE_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.delenv("TEXTFORGE_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder() == tmp_path / "xdg" / "textforge"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "textforge"


def test_a_digest_is_of_the_content(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    assert file_digest(tmp_path / "a") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


@pytest.mark.corpus
def test_newsgroups_once_cached_need_no_scikit_learn(corpus, folder):
    code = (
        "import sys; from textforge_standard.datasets.newsgroups import newsgroups; "
        "d = newsgroups(categories=['sci.space', 'sci.med']); print(d.fingerprint(), 'sklearn' in sys.modules)"
    )
    said = []
    for _ in range(2):
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ})
        assert done.returncode == 0, done.stderr
        said.append(done.stdout.split())
    assert said[0] == [said[1][0], "True"]
    assert said[1][1] == "False"
