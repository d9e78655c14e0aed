"""Files are written whole or not at all."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import threading
from pathlib import Path

import pytest

from textforge.classifiers.storage import append_text, replaced, sha256, write_json, write_text
from textforge.errors import DataError, StorageError


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_text_is_utf8_with_unix_line_ends_and_no_temporary_file_stays(tmp_path: Path) -> None:
    write_text(tmp_path / "a.txt", "Übung\nzwei\n")
    assert (tmp_path / "a.txt").read_bytes() == "Übung\nzwei\n".encode()
    assert names(tmp_path) == ["a.txt"]


def test_json_reads_back_and_is_readable(tmp_path: Path) -> None:
    value = {"é": [1, 2.5, None, True], "nested": {"x": "ß"}}
    write_json(tmp_path / "a.json", value)
    text = (tmp_path / "a.json").read_text(encoding="utf-8")
    assert json.loads(text) == value
    assert "é" in text
    assert text.endswith("}\n")
    assert text.count("\n") > 5


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_json_has_no_number_that_json_lacks(tmp_path: Path, number: float) -> None:
    write_json(tmp_path / "a.json", {"x": 1})
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "a.json", {"x": number})
    assert json.loads((tmp_path / "a.json").read_text()) == {"x": 1}


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ValueError("no"), ValueError),
        (KeyboardInterrupt(), KeyboardInterrupt),
        (OSError(errno.ENOSPC, "full"), StorageError),
    ],
)
def test_a_write_that_fails_leaves_what_was_there_and_nothing_else(
    tmp_path: Path, error: BaseException, told: type[BaseException]
) -> None:
    def fail_half_way(temporary: Path) -> None:
        temporary.write_text("half")
        raise error

    path = tmp_path / "a.txt"
    path.write_text("before")
    with pytest.raises(told), replaced(path) as temporary:
        fail_half_way(temporary)
    assert path.read_text() == "before"
    assert names(tmp_path) == ["a.txt"]


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "full"),
        OSError(errno.EDQUOT, "quota"),
        OSError(errno.EFBIG, "too large"),
        RuntimeError("I/O error: No space left on device (os error 28)"),  # as safetensors tells it
    ],
)
def test_a_full_disk_is_reported_with_what_to_do(tmp_path: Path, error: Exception) -> None:
    told = r"a\.txt: cannot be written: .*Free some space"
    with pytest.raises(StorageError, match=told), replaced(tmp_path / "a.txt"):
        raise error
    assert names(tmp_path) == []


def test_an_error_of_ours_is_not_taken_for_one_of_the_disk(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"^line 3: (.*)os error 28"), replaced(tmp_path / "a.txt"):
        raise DataError("line 3: about (os error 28)")


def test_a_folder_that_is_not_there_is_reported(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"away/a\.txt: cannot be written: No such file or directory"):
        write_text(tmp_path / "away" / "a.txt", "x")


def test_a_folder_in_the_way_is_reported_and_stays(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with pytest.raises(StorageError, match="Is a directory"):
        write_text(tmp_path / "a", "x")
    assert names(tmp_path) == ["a"]


@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o027, 0o640), (0o077, 0o600)])
def test_files_get_the_rights_that_the_umask_leaves(tmp_path: Path, mask: int, mode: int) -> None:
    before = os.umask(mask)
    try:
        write_text(tmp_path / "a.txt", "x")
    finally:
        os.umask(before)
    assert (tmp_path / "a.txt").stat().st_mode & 0o777 == mode


def test_the_umask_is_never_set_for_it_belongs_to_the_whole_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def umask(mask: int) -> int:
        raise AssertionError("two threads that set and reset the umask leave it at 0")

    monkeypatch.setattr(os, "umask", umask)
    write_text(tmp_path / "a.txt", "x")


def test_a_reader_sees_the_old_or_the_new_content_never_a_part(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    contents = {letter * 200_000 for letter in "ab"}
    write_text(path, max(contents))
    seen: set[str] = set()
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            seen.add(path.read_text())

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(20):
        for content in sorted(contents):
            write_text(path, content)
    done.set()
    reader.join()
    assert seen
    assert seen <= contents


def test_sha256_is_that_of_the_bytes(tmp_path: Path) -> None:
    data = os.urandom(3_000_000)
    (tmp_path / "a").write_bytes(data)
    assert sha256(tmp_path / "a") == hashlib.sha256(data).hexdigest()


def test_a_link_is_written_through(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a.txt").write_text("old")
    (tmp_path / "link.txt").symlink_to(tmp_path / "real" / "a.txt")
    write_text(tmp_path / "link.txt", "new")
    assert (tmp_path / "link.txt").is_symlink()
    assert (tmp_path / "real" / "a.txt").read_text() == "new"


def test_a_pipe_stays_a_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append((tmp_path / "pipe").read_text()))
    reader.start()
    write_text(tmp_path / "pipe", "through")
    reader.join(30)
    assert read == ["through"]
    assert (tmp_path / "pipe").is_fifo()


def test_a_file_that_a_library_puts_in_place_of_ours_has_the_usual_permissions(tmp_path: Path) -> None:
    (tmp_path / "usual").write_text("")
    with replaced(tmp_path / "a.bin") as temporary:
        temporary.unlink()
        temporary.touch(mode=0o600)
    assert (tmp_path / "a.bin").stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_a_growing_file_keeps_what_it_has(tmp_path: Path) -> None:
    append_text(tmp_path / "log", "one\n")
    append_text(tmp_path / "log", "zwei ü\n")
    assert (tmp_path / "log").read_bytes() == "one\nzwei ü\n".encode()
    with pytest.raises(StorageError, match=r"nowhere/log: cannot be written: No such file or directory\."):
        append_text(tmp_path / "nowhere" / "log", "x")


def test_links_in_a_circle_are_reported(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    with pytest.raises(StorageError, match="a: cannot be written"):
        write_text(tmp_path / "a", "x")


def test_a_link_to_nothing_makes_the_file(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "b")
    write_text(tmp_path / "a", "x")
    assert (tmp_path / "a").is_symlink()
    assert (tmp_path / "b").read_text() == "x"
