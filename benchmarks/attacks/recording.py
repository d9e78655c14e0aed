"""Record what a process and its children do to the files below a folder, with strace.

strace sees every system call of every thread, also those of libraries in Rust and C++ such as safetensors and polars,
which hooks in Python would miss. It needs no rights of root, no kernel module and no compiler. It does not see writes
through mapped memory: a writable mapping of a recorded file is an error here.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from attacks.disk import Data, Disk, Names, Operation, Printed, Size, Synced, tree_of

CALLS = """
    openat open creat close lseek write pwrite64 writev pwritev pwritev2 truncate ftruncate fallocate rename renameat
    renameat2 unlink unlinkat rmdir mkdir mkdirat link linkat symlink symlinkat fsync fdatasync sync syncfs mmap
    sendfile copy_file_range dup dup2 dup3 fcntl fork vfork clone clone3
"""
_LINE = re.compile(r"(\d+) +(?:<\.\.\. )?(\w+)(?: resumed>|\()(.*)", re.DOTALL)
_RESULT = re.compile(r"(.*)\) += (-?\d+|0x[0-9a-f]+)(?:<([^>]*)>)?(?: \(.*\))?", re.DOTALL)
_FILE = re.compile(r"(-?\d+|AT_FDCWD)<([^>]*)>")
_TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')


@dataclass
class _Open:
    """An open file: what all its descriptors share."""

    node: int
    at: int = 0
    append: bool = False


@dataclass(frozen=True)
class Recording:
    """What a process did to the files below a folder."""

    before: dict[str, bytes]
    """Paths and content of the files when it began."""
    operations: list[Operation]


def record(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> Recording:
    """Run a command in a folder and record its operations on files below that folder.

    Raises:
        AssertionError: the command failed, or did what cannot be recorded.
    """
    before, trace = tree_of(folder), folder.with_name(f"{folder.name}.trace")
    strace = ["strace", "--follow-forks", "--seccomp-bpf", "-y", "-xx", "-qq", "-s", "500000000",
              "-e", f"trace={','.join(CALLS.split())}", "-o", str(trace)]  # fmt: skip
    done = subprocess.run([*strace, *command], cwd=folder, env={**os.environ, **environment}, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    operations = [*_Reader(folder, before).read(trace.read_text())]
    trace.unlink()
    return Recording(before, operations)


class _Reader:
    """Turns the lines of strace into operations."""

    def __init__(self, folder: Path, before: dict[str, bytes]) -> None:
        self._root, self._disk = str(folder.resolve()), Disk(before)
        self._next = len(self._disk.nodes)
        self._open: dict[tuple[int, int], _Open] = {}
        """Open files below the folder, by process and descriptor."""
        self._process: dict[int, int] = {}
        """The process of a thread."""
        self._first = 0
        """The process that was started, not a child."""

    def read(self, text: str) -> Iterator[Operation]:
        begun: dict[str, str] = {}
        calls = []
        for line in text.splitlines():
            if (found := _LINE.fullmatch(line)) is None:  # a signal, or an exit
                continue
            thread, name, rest = found.groups()
            if rest.endswith(" <unfinished ...>"):
                begun[thread] = rest.removesuffix(" <unfinished ...>")
            elif (done := _RESULT.fullmatch(begun.pop(thread, "") + rest)) is not None:
                calls.append((int(thread), name, done[1].split(", "), int(done[2], 0)))
        self._first = calls[0][0]
        for thread, name, arguments, result in calls:
            if "clone" in name and any("CLONE_THREAD" in one for one in arguments):
                self._process[result] = thread
        for thread, name, arguments, result in calls:
            if result < 0:
                continue
            process = thread
            while process in self._process:
                process = self._process[process]
            for operation in self._call(process, name, arguments, result):
                self._disk.apply(operation)
                yield operation

    def _call(self, process: int, name: str, given: list[str], result: int) -> Iterator[Operation]:
        file = _FILE.match(given[0])
        opened = self._open.get((process, int(file[1]))) if file and file[1] not in ("AT_FDCWD", "-1") else None
        if name in ("open", "openat", "creat"):
            yield from self._opened(process, name, given, result)
        elif name in ("mkdir", "mkdirat"):
            yield from self._create(self._paths(given)[0], {})
        elif name in ("unlink", "unlinkat", "rmdir"):
            yield from self._delete(self._paths(given)[0])
        elif name.startswith("rename"):
            yield from self._rename(given)
        elif name.startswith(("link", "symlink", "truncate")):
            assert not any(self._paths(given)), f"{name} is not recorded"
        elif name == "sync":
            yield from map(Synced, [*self._disk.nodes])
        elif name.startswith("write") and opened is None and file and file[1] == "1":
            yield from [Printed()] if process == self._first else []
        elif name in ("mmap", "sendfile", "copy_file_range"):
            self._refuse_unseen(process, name, given)
        elif opened is not None:
            yield from self._on_file(process, name, given, result, opened)

    def _on_file(self, process: int, name: str, given: list[str], result: int, opened: _Open) -> Iterator[Operation]:
        if name == "close":
            del self._open[process, int(given[0].partition("<")[0])]
        elif name == "lseek":
            opened.at = result
        elif name.startswith("dup") or (name == "fcntl" and "F_DUPFD" in given[1]):
            self._open[process, result] = opened
        elif name in ("fsync", "fdatasync", "syncfs"):
            yield from map(Synced, [*self._disk.nodes] if name == "syncfs" else [opened.node])
        elif name == "ftruncate":
            yield Size(opened.node, int(given[1]))
        elif name.startswith(("write", "pwrite")):
            data = b"".join(_decoded(one) for text in given for one in _TEXT.findall(text))[:result]
            content = self._disk.nodes[opened.node]
            at = len(content) if opened.append else int(given[3]) if name[0] == "p" else opened.at
            if name[0] != "p":
                opened.at = at + len(data)
            yield Data(opened.node, at, data)
        else:
            assert name == "fcntl", f"{name} is not recorded"

    def _opened(self, process: int, name: str, given: list[str], result: int) -> Iterator[Operation]:
        self._open.pop((process, result), None)
        path = self._paths(given)[0]
        if path is None:
            return
        flags = given[2 if name == "openat" else 1].split("|") if name != "creat" else ["O_CREAT", "O_TRUNC"]
        node = self._disk.find(path)
        if node is None:
            if "O_CREAT" not in flags:
                return
            node = self._next
            yield from self._create(path, bytearray())
        elif "O_TRUNC" in flags and self._disk.nodes[node]:
            yield Size(node, 0)
        self._open[process, result] = _Open(node, append="O_APPEND" in flags)

    def _create(self, path: str | None, made: bytearray | dict[str, int]) -> Iterator[Operation]:
        if path is not None:
            number, self._next = self._next, self._next + 1
            yield Names(f"create {path}", ((*self._place(path), number),), made)

    def _delete(self, path: str | None) -> Iterator[Operation]:
        if path is not None:
            yield Names(f"delete {path}", ((*self._place(path), None),))

    def _rename(self, given: list[str]) -> Iterator[Operation]:
        old, new = self._paths(given)
        if old is None and new is None:
            return
        if old is None or new is None:
            raise AssertionError("a rename across the border of the folder is not recorded")
        node = self._disk.find(old)
        assert node is not None, old
        yield Names(f"rename {old} to {new}", ((*self._place(new), node), (*self._place(old), None)))

    def _place(self, path: str) -> tuple[int, str]:
        above, _, name = path.rpartition("/")
        folder = self._disk.find(above)
        assert folder is not None, path
        return folder, name

    def _paths(self, given: Sequence[str]) -> list[str | None]:
        """The paths that a call names, relative to the folder; None for one elsewhere."""
        found = []
        for number, one in enumerate(given):
            if text := _TEXT.fullmatch(one):
                path = _decoded(text[1]).decode(errors="surrogateescape")
                base = _FILE.fullmatch(given[number - 1]) if number else None  # the folder of openat and the like
                path = os.path.normpath(os.path.join(_decoded(base[2]).decode() if base else self._root, path))
                inside = f"{path}/".startswith(f"{self._root}/")
                found.append(path[len(self._root) + 1 :] if inside else None)
        return found

    def _refuse_unseen(self, process: int, name: str, given: list[str]) -> None:
        """Refuse calls that write what strace does not show."""
        if name == "mmap" and not ("MAP_SHARED" in given[3] and "PROT_WRITE" in given[2]):
            return
        target = given[{"mmap": 4, "sendfile": 0, "copy_file_range": 2}[name]]
        number = int(target.partition("<")[0])
        assert (process, number) not in self._open, f"{name} to a file is not recorded"


def _decoded(text: str) -> bytes:
    return bytes.fromhex(text.replace("\\x", ""))
