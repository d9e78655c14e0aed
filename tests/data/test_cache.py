"""The cache: made by one process while others wait, kept within its limit, and never taken from whoever uses it."""

from __future__ import annotations

import copy
import errno
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from textforge.data import locks
from textforge.data.cache import CacheEntry, cache_entries, cache_limit, clear_cache, left_in_cache, not_kept
from textforge.data.locks import alone, lock
from textforge.errors import RecipeError, StorageError
from textforge.errors.temporaries import temporary_beside


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the test's own."""
    monkeypatch.setenv("TEXTFORGE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("TEXTFORGE_CACHE_SIZE", raising=False)
    return tmp_path / "cache"


def put(kind: str, key: int, n_bytes: int = 1000, used: float | None = None) -> CacheEntry:
    entry = CacheEntry.of(kind, key)
    entry.put(lambda path: path.write_bytes(bytes(n_bytes)))
    if used is not None:
        os.utime(entry.path, (used, used))
    return entry


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# -- making an entry ---------------------------------------------------------------------------


MAKER = """
import os, signal, sys, time
from pathlib import Path
from textforge.data import CacheEntry
entry = CacheEntry.of("kind", 1)
print("ready", flush=True)
with entry.making():
    if not entry.path.exists():
        print("makes", flush=True)
        input()
        entry.put(lambda path: path.write_text(str(os.getpid())))
print(entry.path.read_text(), flush=True)
"""


def started() -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", MAKER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    return process


def test_one_process_makes_an_entry_and_the_other_waits_and_uses_it(folder: Path) -> None:
    first = started()
    assert first.stdout.readline() == "makes\n"
    second = started()
    said, _ = first.communicate("\n", timeout=60)
    assert said == f"{first.pid}\n"
    said, _ = second.communicate("\n", timeout=60)
    assert said == f"{first.pid}\n"
    assert names(folder / "kind") == [CacheEntry.of("kind", 1).path.name]


def test_a_killed_holder_blocks_nobody(folder: Path) -> None:
    first = started()
    assert first.stdout.readline() == "makes\n"
    second = started()
    first.kill()
    assert second.stdout.readline() == "makes\n"
    said, _ = second.communicate("\n", timeout=60)
    assert said == f"{second.pid}\n"
    first.communicate()
    assert len(names(folder / "kind")) == 1


def test_waiting_can_be_interrupted(folder: Path) -> None:
    with CacheEntry.of("kind", 1).making():
        waiting = started()
        time.sleep(0.1)
        waiting.send_signal(signal.SIGINT)
        waiting.communicate(timeout=60)
        assert waiting.returncode not in (0, None)


def test_threads_take_turns_too(folder: Path) -> None:
    made: list[int] = []

    def make() -> None:
        entry = CacheEntry.of("kind", 1)
        with entry.making():
            if not entry.path.exists():
                made.append(1)
                entry.put(lambda path: path.write_text("x"))

    threads = [threading.Thread(target=make) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == [1]
    assert len(names(folder / "kind")) == 1


@pytest.mark.parametrize("why", ["no locks on this system", "none on this file system", "no folder can be made"])
def test_without_locks_the_work_is_done_all_the_same(folder, monkeypatch, why):
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "no locks available")

    if why == "no locks on this system":
        monkeypatch.setattr(locks, "LOCKS", False)
    elif why == "none on this file system":
        monkeypatch.setattr(locks.fcntl, "flock", refuse)
    else:
        folder.write_text("a file")
    with alone(folder / "kind" / "lock"), alone(folder / "kind" / "lock"):
        done = True
    assert done


def test_a_damaged_folder_is_replaced_as_a_whole(folder: Path) -> None:
    entry = CacheEntry.of("kind", 1)
    entry.put(lambda path: (path / "old").write_text("x"), folder=True)
    entry.put(lambda path: (path / "new").write_text("x"), folder=True)
    assert names(entry.path) == ["new"]
    assert names(folder / "kind") == [entry.path.name]


def test_what_cannot_be_written_is_reported_with_the_same_warning_for_every_entry(folder: Path) -> None:
    folder.write_text("a file")
    warnings = set()
    for kind in ("one", "two"):
        with pytest.raises(StorageError) as told:
            put(kind, 1)
        warnings.add(not_kept(told.value))
    assert warnings == {f"the cache {folder} cannot be written (Not a directory), so the next run is slow, too."}


# -- the limit ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "limit"),
    [("", 20 * 10**9), ("500 MB", 5 * 10**8), ("1.5gib", 3 << 29), ("0", 0), ("12kB", 12_000), ("Unlimited", None)],
)
def test_a_limit_is_a_size_with_its_unit(monkeypatch, given, limit):
    monkeypatch.setenv("TEXTFORGE_CACHE_SIZE", given)
    assert cache_limit() == limit


@pytest.mark.parametrize("given", ["much", "-1", "5 potatoes", "1e9", "nan", "١ MB x"])
def test_what_is_no_size_is_a_mistake(monkeypatch, given):
    monkeypatch.setenv("TEXTFORGE_CACHE_SIZE", given)
    with pytest.raises(RecipeError, match=r"^TEXTFORGE_CACHE_SIZE: '.*' is no size. Write it as '500 MB'"):
        cache_limit()


def test_what_was_not_used_for_the_longest_time_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEXTFORGE_CACHE_SIZE", "3 kB")
    now = time.time()
    old, older, used = put("a", 1, used=now - 50), put("b", 2, used=now - 60), put("a", 3, used=now - 70)
    used.used()
    last = put("a", 4)
    assert [entry.path.exists() for entry in (old, older, used, last)] == [True, False, True, True]
    large = put("b", 5, n_bytes=9000)  # larger than the limit itself
    assert cache_entries() == {"b": [large]}


def test_what_a_process_uses_stays_even_beyond_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEXTFORGE_CACHE_SIZE", "1 kB")
    first = CacheEntry.of("kind", 1)
    first.put(lambda path: (path / "data").write_bytes(bytes(2000)), folder=True)
    code = (
        "import sys; from pathlib import Path; from textforge.data import CacheEntry\n"
        "held = CacheEntry(Path(sys.argv[1])).used(); print(held.granted, flush=True); input()"
    )
    reader = subprocess.Popen(
        [sys.executable, "-c", code, first.path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert reader.stdout.readline() == "True\n"
    put("kind", 2)
    kept, count, freed = clear_cache()
    assert (kept, count, freed) == ([first], 1, 1000)
    reader.kill()
    reader.communicate()
    assert clear_cache() == ([], 1, 2000)


def test_a_copy_of_a_lock_holds_nothing_and_closes_nothing(tmp_path: Path) -> None:
    held = lock(tmp_path, shared=True)
    assert held.granted
    for copied in (copy.deepcopy(held), copy.copy(held)):
        copied.release()
    assert lock(tmp_path) is None
    held.release()
    assert lock(tmp_path).granted


def test_without_locks_only_what_is_old_is_deleted(folder, monkeypatch):
    monkeypatch.setattr(locks, "LOCKS", False)
    young, old = put("kind", 1), put("kind", 2, used=1.0)
    assert clear_cache() == ([young], 1, 1000)
    assert not old.path.exists()


# -- what is left ------------------------------------------------------------------------------


def test_files_of_the_user_in_the_folder_are_never_deleted(folder: Path) -> None:
    put("kind", 1)
    mine = [folder / name for name in ("notes.txt", "kind/notes.txt", "photos/me.jpg", "kind/.x.tmp")]
    for path in mine:
        path.parent.mkdir(exist_ok=True)
        path.write_text("mine")
        os.utime(path, (0, 0))
    assert clear_cache()[1] == 1
    assert all(path.exists() for path in mine)


def test_whoever_makes_an_entry_deletes_what_killed_processes_left_in_the_whole_cache(folder: Path) -> None:
    other = folder / "other"
    other.mkdir(parents=True)
    host = temporary_beside(other / "x").name.split(".")[2].split("-")[0]
    dead, part, lock_file = (
        other / f".x.{host}-999999999-1-abcdef.tmp",
        other / f".{'0' * 16}.part",
        other / f".{'0' * 32}.npz.lock",
    )
    for path in (dead, part, lock_file):
        path.write_text("half")
    assert {*left_in_cache()} == {dead, lock_file}
    os.utime(part, (0, 0))
    with alone(other / f".{'1' * 32}.lock"):
        put("kind", 1)
        assert names(other) == [f".{'1' * 32}.lock"]
    assert names(other) == []


def test_a_cache_that_is_not_there_is_empty() -> None:
    assert (cache_entries(), left_in_cache(), clear_cache()) == ({}, [], ([], 0, 0))
