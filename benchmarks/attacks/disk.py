"""A model of a disk on which what was not synced may be lost, as in ALICE (Pillai et al. 2014, OSDI).

POSIX promises little about a power failure. Written bytes last once their file is synced, and names (of files that were
created, renamed or deleted) last once their folder is synced. Anything else may be there or not, in any order: a file
may have its new name but not its content, or its length but zeros for content. Only a single change of names, such as
a rename, is assumed to happen as a whole, as with every file system with a journal.

Files and folders are nodes with numbers, so that operations stay what they are if an earlier one is lost.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = 0
"""The node of the outermost folder."""
ZEROS, TORN = "zeros", "torn"

Node = bytearray | dict[str, int]
"""The content of a file, or the names in a folder with their nodes."""


@dataclass(frozen=True)
class Names:
    """Names were added to folders, changed or deleted, all together."""

    text: str
    """What was done, for people."""
    changes: tuple[tuple[int, str, int | None], ...]
    """Folder, name and new node; None deletes the name."""
    made: Node | None = None
    """An empty file or folder that was created, if any; its number is that of the first change."""

    @property
    def nodes(self) -> set[int]:
        """The nodes that must be synced so that this lasts."""
        return {folder for folder, *_ in self.changes}


@dataclass(frozen=True)
class Data:
    """Bytes were written into a file."""

    node: int
    at: int
    data: bytes = field(repr=False)

    @property
    def nodes(self) -> set[int]:
        return {self.node}


@dataclass(frozen=True)
class Size:
    """A file was cut off or lengthened."""

    node: int
    size: int

    @property
    def nodes(self) -> set[int]:
        return {self.node}


@dataclass(frozen=True)
class Synced:
    """A file or folder was synced."""

    node: int


@dataclass(frozen=True)
class Printed:
    """The program wrote to stdout: from here on, somebody relies on what it has done."""


Operation = Names | Data | Size | Synced | Printed


class Disk:
    """Files and folders in memory.

    Args:
        tree: the paths of files below the outermost folder, with their content.
    """

    def __init__(self, tree: dict[str, bytes]) -> None:
        self.nodes: dict[int, Node] = {ROOT: {}}
        for path, content in sorted(tree.items()):
            *above, name = path.split("/")
            folder = ROOT
            for part in above:
                names = self.folder(folder)
                folder = names[part] if part in names else self._add(folder, part, {})
            self._add(folder, name, bytearray(content))

    def _add(self, folder: int, name: str, made: Node) -> int:
        number = len(self.nodes)
        self.nodes[number] = made
        self.folder(folder)[name] = number
        return number

    def folder(self, number: int) -> dict[str, int]:
        node = self.nodes[number]
        assert isinstance(node, dict), "a file is used as a folder"
        return node

    def find(self, path: str) -> int | None:
        """The node of a path below the outermost folder; None if there is none."""
        number: int | None = ROOT
        for part in filter(None, path.split("/")):
            node = self.nodes[number] if number is not None else None
            number = node.get(part) if isinstance(node, dict) else None
        return number

    def apply(self, operation: Operation) -> None:
        """Carry out an operation, of which earlier ones may be missing."""
        if isinstance(operation, Names):
            if operation.made is not None:
                number = operation.changes[0][2]
                assert number is not None
                self.nodes.setdefault(number, operation.made.copy())
            for folder, name, node in operation.changes:
                names = self.nodes.setdefault(folder, {})
                assert isinstance(names, dict)
                if node is None:
                    names.pop(name, None)
                else:
                    names[name] = node
        elif isinstance(operation, Data | Size):
            content = self.nodes.setdefault(operation.node, bytearray())
            assert isinstance(content, bytearray)
            end = operation.size if isinstance(operation, Size) else operation.at + len(operation.data)
            content.extend(bytes(max(0, end - len(content))))
            if isinstance(operation, Size):
                del content[end:]
            else:
                content[operation.at : end] = operation.data

    def write(self, place: Path) -> None:
        """Write everything as real files into a folder that does not exist."""
        self._write(ROOT, place)

    def _write(self, number: int, place: Path) -> None:
        node = self.nodes.get(number, bytearray())
        if isinstance(node, bytearray):
            place.write_bytes(node)
            return
        place.mkdir()
        for name, inside in node.items():
            self._write(inside, place / name)


def tree_of(place: Path) -> dict[str, bytes]:
    """The files below a folder with their content. Empty folders are left out."""
    return {str(path.relative_to(place)): path.read_bytes() for path in place.rglob("*") if path.is_file()}


def lasting(operations: Sequence[Operation]) -> list[bool]:
    """For each operation, whether it is synced by a later one."""
    synced: set[int] = set()
    found = []
    for operation in reversed(operations):
        if isinstance(operation, Synced):
            synced.add(operation.node)
        found.append(isinstance(operation, Names | Data | Size) and operation.nodes <= synced)
    return found[::-1]


def in_order(rng: random.Random, operations: Sequence[Operation]) -> list[Operation]:
    """Lose the last operations that are not synced, and a part of the last write."""
    end = rng.randrange(len(operations) + 1)
    kept = [one for n, (one, safe) in enumerate(zip(operations, lasting(operations), strict=True)) if safe or n < end]
    return [*kept[:-1], *_damaged(rng, kept[-1], TORN)] if end and kept and kept[-1] is operations[end - 1] else kept


def data_late(rng: random.Random, operations: Sequence[Operation]) -> list[Operation]:
    """Keep all names, and lose any data that are not synced, as file systems do that write data later than names."""
    return _some(rng, operations, names=1.0, data=rng.choice((0.0, 0.5)))


def any_order(rng: random.Random, operations: Sequence[Operation]) -> list[Operation]:
    """Lose any names and data that are not synced."""
    return _some(rng, operations, names=rng.choice((0.1, 0.5, 0.9)), data=rng.choice((0.1, 0.5, 0.9)))


def _some(rng: random.Random, operations: Sequence[Operation], names: float, data: float) -> list[Operation]:
    """Keep what is synced, and the rest with these probabilities."""
    kept: list[Operation] = []
    for operation, safe in zip(operations, lasting(operations), strict=True):
        if safe or rng.random() < (names if isinstance(operation, Names) else data):
            kept.append(operation)
        elif isinstance(operation, Data):
            kept += _damaged(rng, operation, rng.choice((TORN, ZEROS, "")))
    return kept


def _damaged(rng: random.Random, operation: Operation, how: str) -> list[Operation]:
    if not isinstance(operation, Data):
        return [operation]
    if how == TORN:
        return [Data(operation.node, operation.at, operation.data[: rng.randrange(len(operation.data) + 1)])]
    return [Data(operation.node, operation.at, bytes(len(operation.data)))] if how == ZEROS else []
