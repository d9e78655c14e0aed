"""Temporary files name their makers, and those of ended processes are deleted by whoever writes there next."""

from __future__ import annotations

import errno
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from textforge.errors import DataError, StorageError, makers, temporaries
from textforge.errors.makers import is_running, maker
from textforge.errors.temporaries import (
    LEFT_FOR,
    Scratch,
    left_behind,
    new_folder,
    replaced,
    sweep_all,
    temporary_beside,
)

HOST = maker().split("-")[0]
ELSEWHERE = "0" * 8


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """What a process left that was killed while it wrote a file, a folder and intermediate files."""
    folder = tmp_path_factory.mktemp("killed")
    code = (
        "import os, signal, sys; from pathlib import Path; from textforge.errors.temporaries import *\n"
        "folder = Path(sys.argv[1])\n"
        "with replaced(folder / 'answers.tsv') as file, new_folder(folder / 'model') as model, Scratch():\n"
        "    file.write_text('half'); (model / 'weights').write_text('half')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    environment = {**os.environ, "TMPDIR": str(folder)}
    done = subprocess.run([sys.executable, "-c", code, folder], env=environment)
    assert done.returncode == -9
    assert len(names(folder)) == 3
    return sorted(folder.iterdir())


@pytest.fixture
def left(killed: list[Path], tmp_path: Path) -> Path:
    """A folder with what the killed process left, and files of others."""
    for path in killed:
        (tmp_path / path.name).mkdir() if path.is_dir() else (tmp_path / path.name).write_text("half")
    for name in (".mine.tmp", ".a.b-1.tmp", "a.tmp"):
        (tmp_path / name).write_text("mine")
        os.utime(tmp_path / name, (0, 0))
    return tmp_path


WRITERS = {
    "a file": lambda folder: replaced(folder / "a"),
    "a folder": lambda folder: new_folder(folder / "a"),
    "intermediate files": lambda folder: Scratch(),
}


@pytest.mark.parametrize("writer", WRITERS.values(), ids=WRITERS)
def test_whoever_writes_next_deletes_what_a_killed_process_left_and_nothing_else(left, monkeypatch, writer):
    monkeypatch.setattr(tempfile, "tempdir", str(left))
    with writer(left):
        pass
    assert [name for name in names(left) if name != "a"] == [".a.b-1.tmp", ".mine.tmp", "a.tmp"]


def test_what_a_running_process_writes_stays(tmp_path: Path) -> None:
    with replaced(tmp_path / "a") as file, new_folder(tmp_path / "b") as folder:
        os.utime(file, (0, 0))
        with replaced(tmp_path / "c"):
            pass
        code = "import sys; from pathlib import Path; from textforge.errors.temporaries import sweep; sweep(Path('.'))"
        subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
        assert file.exists()
        assert folder.exists()
    assert names(tmp_path) == ["a", "b", "c"]


def test_an_id_that_another_process_has_now_does_not_count_as_running() -> None:
    host, pid, started = maker().split("-")
    assert is_running(f"{host}-{pid}-{started}") is True
    assert is_running(f"{host}-{pid}-{int(started) + 1}") is False
    assert is_running(f"{host}-{os.getppid()}-{makers._started(os.getppid())}") is True


def test_a_zombie_does_not_run() -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    name = f"{HOST}-{process.pid}-{makers._started(process.pid)}"
    assert is_running(name) is True
    process.kill()
    while makers._started(process.pid) != "ended":
        time.sleep(0.01)
    assert is_running(name) is False
    process.communicate()
    assert is_running(name) is False


def test_a_process_of_another_user_counts_as_running(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(pid: int, number: int) -> None:
        raise PermissionError(errno.EPERM, "not yours")

    monkeypatch.setattr(os, "kill", refuse)
    monkeypatch.setattr(makers, "_started", lambda pid: None)  # /proc hides it
    assert is_running(f"{HOST}-1-5") is True


@pytest.mark.parametrize("system", ["nt", "posix"])
def test_without_proc_an_ended_process_is_known_by_its_id_except_on_windows(monkeypatch, system):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    monkeypatch.setattr(makers, "_PROC", Path("/nowhere"))
    makers._host.cache_clear()
    try:
        host, pid, started = maker().split("-")
        monkeypatch.setattr(makers.os, "name", system)
        assert (pid, started) == (str(os.getpid()), "0")
        assert is_running(maker()) is True
        assert is_running(f"{host}-{ended.pid}-0") is (None if system == "nt" else False)
        assert is_running(f"{host}-{os.getppid()}-0") is (None if system == "nt" else True)
    finally:
        monkeypatch.undo()
        makers._host.cache_clear()


@pytest.mark.parametrize("name", [f".a.{ELSEWHERE}-1-1-abcdef.tmp", ".a.0123456789ab.tmp"])
def test_files_of_another_host_or_an_earlier_version_stay_until_nothing_in_them_changes_for_two_days(tmp_path, name):
    folder, file = tmp_path / name, tmp_path / name / "part"
    folder.mkdir()
    file.write_text("half")
    old = time.time() - LEFT_FOR - 60
    assert left_behind(tmp_path) == []
    os.utime(folder, (old, old))
    assert left_behind(tmp_path) == []  # the file in it is young
    os.utime(file, (old, old))
    assert left_behind(tmp_path) == [] if folder.stat().st_mtime > old else [folder]
    os.utime(folder, (old, old))
    assert left_behind(tmp_path) == [folder]


def test_a_link_is_deleted_and_not_what_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "mine").write_text("mine")
    (tmp_path / f".a.{HOST}-999999999-1-abcdef.tmp").symlink_to(tmp_path / "data")
    temporaries.sweep(tmp_path)
    assert names(tmp_path) == ["data"]
    assert names(tmp_path / "data") == ["mine"]


@given(st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=255))
def test_any_name_has_a_temporary_one_that_fits_and_is_recognized(tmp_path_factory, name):
    path = tmp_path_factory.getbasetemp() / name
    found = temporary_beside(path)
    assert len(os.fsencode(found.name)) <= 255
    assert found.parent == path.parent
    assert temporaries._NAME.fullmatch(found.name)["maker"] == maker()
    assert temporary_beside(path) != found


def test_a_folder_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    with new_folder(tmp_path / "deep" / "a") as folder:
        (folder / "file").write_text("x")
        assert not (tmp_path / "deep" / "a").exists()
    assert names(tmp_path / "deep" / "a") == ["file"]
    with pytest.raises(KeyboardInterrupt), new_folder(tmp_path / "b"):
        raise KeyboardInterrupt
    assert names(tmp_path) == ["deep"]


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, list[str]]]:
    """The names of the files and folders that are synced, and what is in the folders then."""
    found = []

    def fsync(number: int) -> None:
        path = Path(f"/proc/self/fd/{number}").resolve()
        found.append((re.sub(r"^\..*tmp$", "temporary", path.name), names(path) if path.is_dir() else []))

    monkeypatch.setattr("os.fsync", fsync)
    return found


def test_a_file_is_synced_before_it_has_its_name_and_its_folder_after_that(tmp_path: Path, synced) -> None:
    with replaced(tmp_path / "a") as file:
        file.write_text("x")
    assert synced == [("temporary", []), (tmp_path.name, ["a"])]


def test_a_folder_lasts_with_all_folders_above_it_that_are_new(tmp_path: Path, synced) -> None:
    with new_folder(tmp_path / "deep" / "a") as folder, replaced(folder / "file") as file:
        file.write_text("x")
    assert [one for one in synced if one[1]] == [(tmp_path.name, ["deep"]), ("temporary", ["file"]), ("deep", ["a"])]


def test_all_temporary_files_go_where_no_other_process_works(left: Path) -> None:
    (left / f".a.{ELSEWHERE}-1-1-abcdef.tmp").write_text("of another boot")
    (left / ".a.0123456789ab.tmp.old").write_text("of an earlier version")
    sweep_all(left)
    assert names(left) == [".a.b-1.tmp", ".mine.tmp", "a.tmp"]


def test_an_error_names_the_folder_to_be_and_never_the_temporary_one(tmp_path: Path) -> None:
    with (
        pytest.raises(StorageError, match=rf"^{tmp_path}/a/file: cannot be written: No space left .* Free some space"),
        new_folder(tmp_path / "a") as folder,
        replaced(folder / "file"),
    ):
        raise OSError(errno.ENOSPC, "full")
    with pytest.raises(DataError, match=r"^line 3$"), new_folder(tmp_path / "a"):
        raise DataError("line 3")
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(StorageError, match=r"file/a: cannot be written: Not a directory\."),
        new_folder(tmp_path / "file" / "a"),
    ):
        pass
    assert names(tmp_path) == ["file"]


def test_a_folder_that_has_appeared_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="a: cannot be written: Directory not empty"), new_folder(tmp_path / "a"):
        (tmp_path / "a" / "mine").mkdir(parents=True)
    assert names(tmp_path) == ["a"]
    assert names(tmp_path / "a") == ["mine"]


def test_intermediate_files_are_private_and_go_with_their_object(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with Scratch() as scratch:
        assert scratch.path.stat().st_mode & 0o777 == 0o700
        assert names(tmp_path) == [scratch.path.name]
    assert names(tmp_path) == []
    scratch = Scratch()
    (scratch.path / "file").write_text("x")
    del scratch
    assert names(tmp_path) == []
