"""`textforge cache`: show what is kept, and delete it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from conftest import only_json
from in_process import invoke

from textforge.data.cache import CacheEntry
from textforge.errors.makers import maker


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache with three entries of two kinds, of 1, 2 and 3 kB, used 1, 10 and 100 days ago."""
    import time

    monkeypatch.setenv("TEXTFORGE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TEXTFORGE_CACHE_SIZE", "1 MB")
    for key, (kind, days) in enumerate({"a": 1, "b": 10, "streams": 100}.items()):
        entry = CacheEntry.of("corpora" if kind != "streams" else kind, key)
        entry.put(lambda path, key=key: path.write_bytes(bytes(1000 * (key + 1))))
        os.utime(entry.path, (0, time.time() - days * 24 * 3600))
    return tmp_path / "cache"


def test_kinds_sizes_places_and_last_use_are_shown(folder: Path) -> None:
    done = invoke("cache")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == f"{folder}: 6 kB of at most 1 MB"
    assert lines[2].split() == ["kind", "path", "entries", "size", "last", "use"]
    assert lines[3].split()[:5] == ["corpora", str(folder / "corpora"), "2", "3", "kB"]
    assert lines[4].split()[:5] == ["streams", str(folder / "streams"), "1", "3", "kB"]


def test_json_has_every_entry_the_latest_first(folder: Path) -> None:
    found = only_json(invoke("cache", "--json").stdout)
    assert (found["path"], found["size"], found["limit"]) == (str(folder), 6000, 1_000_000)
    assert [(kind["kind"], kind["size"]) for kind in found["kinds"]] == [("corpora", 3000), ("streams", 3000)]
    entries = found["kinds"][0]["entries"]
    assert [entry["size"] for entry in entries] == [1000, 2000]
    assert all(Path(entry["path"]).exists() for entry in entries)
    assert entries[0]["last_use"] == found["kinds"][0]["last_use"] > entries[1]["last_use"]
    assert found["unfinished"] == {"files": 0, "size": 0}


def test_what_a_killed_process_left_is_shown_and_cleared(folder: Path) -> None:
    host = maker().split("-")[0]
    (folder / "streams" / f".x.{host}-999999999-1-abcdef.tmp").write_text("half")
    assert invoke("cache").stdout.splitlines()[-1].startswith("1 unfinished file of ended processes, 4 B; ")
    assert only_json(invoke("cache", "clear", "--older-than", "52w", "--json").stdout)["size"] == 4
    assert only_json(invoke("cache", "--json").stdout)["unfinished"] == {"files": 0, "size": 0}


@pytest.mark.parametrize(
    ("arguments", "deleted", "n_bytes"),
    [([], 3, 6000), (["streams"], 1, 3000), (["--older-than", "36h"], 2, 5000), (["--older-than", "2w"], 1, 3000),
     (["corpora", "--older-than", "2w"], 0, 0)],
)  # fmt: skip
def test_clear_deletes_all_or_a_kind_or_what_was_not_used_for_long(folder, arguments, deleted, n_bytes):
    found = only_json(invoke("cache", "clear", *arguments, "--json").stdout)
    assert found == {"path": str(folder), "deleted": deleted, "size": n_bytes, "kept": []}
    assert invoke("cache", "clear", *arguments).stdout == f"deleted 0 entries, 0 B, from {folder}\n"
    assert only_json(invoke("cache", "--json").stdout)["size"] == 6000 - n_bytes


def test_what_is_in_use_stays_with_a_warning(folder: Path) -> None:
    (path,) = (folder / "streams").iterdir()
    held = CacheEntry(path).used()
    done = invoke("cache", "clear")
    assert done.returncode == 0
    assert done.stdout == f"deleted 2 entries, 3 kB, from {folder}\n"
    assert done.stderr == f"warning: 1 entry stays because it is in use or cannot be deleted, such as {path}.\n"
    held.release()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["clear", "strems"], "no kind 'strems'. Its kinds: corpora, streams. Did you mean 'streams'?\n"),
        (["clear", "--older-than", "old"], "'old' is no age. Write hours, days or weeks, as in 12h, 30d or 8w."),
        (["cler"], "No such command 'cler'"),
    ],
)  # fmt: skip
def test_a_mistake_is_exit_code_2_and_deletes_nothing(folder, arguments, message):
    done = invoke("cache", *arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert only_json(invoke("cache", "--json").stdout)["size"] == 6000


def test_a_size_that_is_none_is_a_mistake(folder, monkeypatch):
    monkeypatch.setenv("TEXTFORGE_CACHE_SIZE", "5 potatoes")
    done = invoke("cache")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: TEXTFORGE_CACHE_SIZE: '5 potatoes' is no size.")


def test_a_cache_that_is_not_there_is_shown_as_empty(tmp_path, monkeypatch):
    monkeypatch.setenv("TEXTFORGE_CACHE", str(tmp_path / "none"))
    monkeypatch.setenv("TEXTFORGE_CACHE_SIZE", "unlimited")
    assert invoke("cache").stdout == f"{tmp_path / 'none'}: 0 B without a limit\n"
    assert json.loads(invoke("cache", "clear", "streams", "--json").stdout)["deleted"] == 0
    assert not (tmp_path / "none").exists()
