"""Parse YAML into nodes that know their line and column, and reject YAML's ambiguous features.

Values follow YAML 1.2's core schema: `1e-3` is a number; `no`, `on` and dates are text.
Duplicate keys, tags, merge keys, several documents, keys that are not text and unbounded alias
expansion are reported as mistakes with their position.
"""

from __future__ import annotations

import codecs
import numbers
import os
import re
from bisect import bisect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import yaml

from textforge.components.kinds import KINDS, LISTED, SECTIONS
from textforge.errors import Mistake, Place, RecipeError, cut, nearest
from textforge.recipes.data_files import init_command, is_data
from textforge.recipes.yaml12 import CoreLoader

KEYS = ("extends", "seed", *SECTIONS, "trainer", *(KINDS[one].many for one in LISTED), "decision", "init_from", "tune")
"""The top-level keys of a recipe."""

_SECTION = re.compile(rf"""(?:^|[\r{{,])[ \t]*["']?(?:{"|".join(KEYS)})["']?[ \t]*:""", re.MULTILINE)
"""Matches a recipe key. Messages quote no line of a file without one: it may be, for example, a private key."""

MAX_NODES = 10_000
MAX_DEPTH = 50
MAX_BYTES = 1_000_000
MAX_BITS = 1024
"""Limit on the bits of an integer: larger ones overflow a float, and Python prints at most 4,300 digits."""

Scalar = str | int | float | bool | None


@dataclass
class Node:
    """A value, with the position of the value and of its key in the source."""

    value: dict[str, Node] | list[Node] | Scalar
    place: Place
    key_place: Place | None = None

    @property
    def mapping(self) -> dict[str, Node] | None:
        return self.value if isinstance(self.value, dict) else None

    def plain(self) -> Any:
        """Convert the node to Python dicts, lists and scalars."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value

    def find(self, path: tuple[str | int, ...]) -> Node | None:
        """The node at `path`, or None if it does not exist."""
        node = self
        for step in path:
            inner = node.value
            if isinstance(inner, dict) and step in inner:
                node = inner[str(step)]
            elif isinstance(inner, list) and isinstance(step, int) and step < len(inner):
                node = inner[step]
            else:
                return None
        return node

    def at(self, path: tuple[str | int, ...]) -> Node:
        """The node at `path`, or its nearest existing ancestor."""
        found = (self.find(path[:length]) for length in range(len(path), 0, -1))
        return next((node for node in found if node is not None), self)


def read_document(path: Path) -> tuple[str, Node]:
    """Read a YAML file; return its text and its root node.

    Raises:
        RecipeError: the file is unreadable, data, too large, empty, not UTF-8 or not valid YAML; gives the position.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)  # a device or a pipe has no size to check beforehand
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = getattr(error, "strerror", None) or error
        raise RecipeError(f"{path}: cannot be read: {reason}.{_suggestion(path)}") from error
    if is_data(path, data, has_section=bool(_SECTION.search(data.decode("utf-8", "replace")))):
        raise RecipeError(f"{path}: this is data, not a recipe. Write a recipe for it first ({init_command(path)}).")
    if len(data) > MAX_BYTES:
        raise RecipeError(f"{path}: larger than {MAX_BYTES:,} bytes; this is not a recipe.")
    text = _decode(data, str(path))
    return text, parse(text, str(path), folder=path.resolve().parent, quoted=bool(_SECTION.search(text)))


def parse(text: str, source: str, *, folder: Path | None = None, quoted: bool = True) -> Node:
    """Parse YAML text into nodes.

    Args:
        text: a single YAML document.
        source: name of the text in messages.
        folder: base folder of relative paths in the text; None for the working directory.
        quoted: whether messages quote the faulty line.

    Raises:
        RecipeError: the text is empty or not valid YAML; gives the position.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return _Reader(text, source, folder, quoted).read()


def from_python(value: Any, source: str, *, folder: Path | None = None) -> Node:
    """Convert Python dicts, lists and scalars to nodes, with `source` as the position of all of them.

    Raises:
        RecipeError: YAML cannot represent a value, a value contains itself, or there are too many values.
    """
    return _from_python(value, source, folder, 0, count(1))


def _from_python(value: Any, source: str, folder: Path | None, depth: int, number: Iterator[int]) -> Node:
    place = Place(source, folder=folder)
    if wrong := _out_of_bounds(next(number), depth):
        raise RecipeError(Mistake(wrong, place))
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise RecipeError(Mistake(f"the key {cut(repr(key))} is not text.", place))
        children = {
            str(key): _from_python(inner, f"{source}.{cut(key)}", folder, depth + 1, number)
            for key, inner in value.items()
        }
        return Node(children, place, place)
    if hasattr(value, "tolist"):  # numpy's numbers and arrays
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        items = [_from_python(inner, f"{source}[{n}]", folder, depth + 1, number) for n, inner in enumerate(value)]
        return Node(items, place, place)
    try:
        return Node(_scalar(value), place, place)
    except (ValueError, OverflowError) as error:
        raise RecipeError(Mistake(f"{error}.", place)) from error


def _out_of_bounds(n_values: int, depth: int) -> str | None:
    """An error message if the number of values so far or the nesting depth exceeds its limit; None otherwise."""
    if n_values > MAX_NODES:
        return f"holds more than {MAX_NODES:,} values, counting those that aliases repeat; this is not a recipe."
    return f"nested deeper than {MAX_DEPTH} levels." if depth > MAX_DEPTH else None


def _scalar(value: Any) -> Scalar:
    """Convert a Python value to a YAML scalar; subclasses of numbers and text become built-in types.

    Raises:
        ValueError: YAML cannot represent the value.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, numbers.Integral):
        return _integer(int(value))
    if isinstance(value, numbers.Real):
        return float(value)
    if isinstance(value, Path):
        return _text(str(value))
    if isinstance(value, str):
        return _text(str.__str__(value))
    raise ValueError(f"{type(value).__name__} is not allowed in a recipe; use numbers, text, lists and mappings")


def _integer(number: int) -> int:
    if number.bit_length() > MAX_BITS:
        raise ValueError(f"a whole number of {number.bit_length():,} bits is too large")
    return number


def _text(text: str) -> str:
    try:  # joins surrogate pairs: JSON escapes a character beyond U+FFFF as two
        return text.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{cut(ascii(text))} contains half a character (a lone surrogate), which cannot be written to a file"
        ) from error


class _Reader:
    """Parser of one YAML text."""

    def __init__(self, text: str, source: str, folder: Path | None, quoted: bool) -> None:
        self.text, self.source, self.folder, self.quoted = text, source, folder, quoted
        self.lines = text.split("\n")
        self.starts = [0, *(found.end() for found in re.finditer("\n", text))]
        self.nodes = 0
        self.open: set[int] = set()

    def read(self) -> Node:
        try:
            root = CoreLoader(self.text, self.check).get_single_node()
        except yaml.reader.ReaderError as error:
            character = f"U+{error.character:04X}" if isinstance(error.character, int) else error.character
            raise self.wrong(f"the character {character} is not allowed in YAML.", error.position) from error
        except yaml.MarkedYAMLError as error:
            raise self.yaml_error(error) from error
        if root is None:
            raise self.wrong("is empty. A recipe has the sections dataset, vectorizer, model and optimizer.")
        return self.node(root, depth=0)

    def check(self, n_values: int, depth: int, index: int) -> None:
        if wrong := _out_of_bounds(n_values, depth):
            raise self.wrong(wrong, index)

    def node(self, source: yaml.Node, depth: int) -> Node:
        self.nodes += 1
        place = self.place(source)
        if wrong := _out_of_bounds(self.nodes, depth):
            raise RecipeError(Mistake(wrong, place))
        if id(source) in self.open:
            raise RecipeError(Mistake("an alias refers to a value that contains it.", place))
        self.refuse_tag(source, place)
        self.open.add(id(source))
        try:
            if isinstance(source, yaml.MappingNode):
                return Node(dict(self.items(source, depth)), place)
            if isinstance(source, yaml.SequenceNode):
                return Node([self.node(item, depth + 1) for item in source.value], place)
            assert isinstance(source, yaml.ScalarNode)
            return Node(self.scalar(source, place), place)
        finally:
            self.open.discard(id(source))

    def items(self, source: yaml.MappingNode, depth: int) -> Iterator[tuple[str, Node]]:
        seen: dict[str, Place] = {}
        for key_node, value_node in source.value:
            place = self.place(key_node)
            if not isinstance(key_node, yaml.ScalarNode):
                raise RecipeError(Mistake("a key must be text, not a list or a mapping.", place))
            self.refuse_tag(key_node, place)
            key = str(self.scalar(key_node, place)) if key_node.tag.endswith(":str") else key_node.value
            if key == "<<" and key_node.style is None:
                raise RecipeError(
                    Mistake("merge keys (<<) are not supported in recipes; use 'extends' instead.", place)
                )
            if not key_node.tag.endswith(":str"):
                raise RecipeError(Mistake(f"the key {self.shown(key) or 'null'} is not text; put it in quotes.", place))
            if key in seen:
                first = seen[key].line
                raise RecipeError(Mistake(f"the key '{self.shown(key)}' occurs twice; first in line {first}.", place))
            seen[key] = place
            node = self.node(value_node, depth + 1)
            yield key, Node(node.value, node.place, place)

    def refuse_tag(self, source: yaml.Node, place: Place) -> None:
        if tag := getattr(source, "written_tag", None):
            raise RecipeError(Mistake(f"the tag '{self.shown(tag)}' is not supported in recipes; remove it.", place))

    def scalar(self, source: yaml.ScalarNode, place: Place) -> Scalar:
        kind, text = source.tag.split(":")[-1], source.value
        try:
            if kind == "null":
                return None
            if kind == "bool":
                return {"true": True, "false": False}[text.lower()]
            if kind == "int":
                if len(text) > MAX_BITS:
                    raise ValueError(f"a whole number of {len(text):,} digits is too large")
                return _integer(int(text, 0) if re.match(r"[-+]?0[xo]", text) else int(text))
            if kind == "float":
                return float(re.sub(r"\.(?=inf|nan)", "", text.lower()))
            return _text(text)
        except ValueError as error:
            wrong = f"{error}" if self.quoted else "a value that a recipe cannot contain"
            raise RecipeError(Mistake(f"{wrong}.", place)) from error

    def shown(self, text: str) -> str:
        """An excerpt of the document for a message; `…` if the document must not be quoted."""
        return cut(text) if self.quoted else "…"

    def place(self, node: yaml.Node) -> Place:
        line, column = self.where(node.start_mark.index)
        width = min(node.end_mark.index - node.start_mark.index, len(self.lines[line - 1]) - column + 1)
        return Place(self.source, line, column, self.excerpt(line), max(1, width), self.folder)

    def excerpt(self, line: int) -> str | None:
        return self.lines[line - 1] if self.quoted else None

    def where(self, index: int) -> tuple[int, int]:
        """Line and column of an offset, as editors count them; PyYAML also ends lines at U+2028 and similar."""
        line = bisect(self.starts, index)
        return line, index - self.starts[line - 1] + 1

    def wrong(self, message: str, index: int | None = None) -> RecipeError:
        if index is None:
            return RecipeError(Mistake(message, Place(self.source)))
        line, column = self.where(index)
        return RecipeError(Mistake(message, Place(self.source, line, column, self.excerpt(line))))

    def yaml_error(self, error: yaml.MarkedYAMLError) -> RecipeError:
        mark = error.problem_mark or error.context_mark
        index = mark.index if mark else None
        problem = cut((error.problem or error.context or "not YAML").strip(), 200)
        if "\\t" in problem or (index is not None and "\t" in self.indent(index)):
            return self.wrong("a tab is not allowed here; use spaces.", index)
        if "but found another document" in problem:
            return self.wrong("a second document begins here; a recipe has only one document.", index)
        context = f" ({cut(error.context, 200)})" if error.context and error.context != problem else ""
        advice = _YAML_ADVICE.get(problem, "")
        reason = problem + context
        if not self.quoted:
            reason = re.sub(r"""(['"])(.*?)\1""", _without_content, reason)
        return self.wrong(f"invalid YAML: {reason}.{advice}", index)

    def indent(self, index: int) -> str:
        """The leading white space of the line that holds `index`."""
        line = self.lines[self.where(index)[0] - 1]
        return line[: len(line) - len(line.lstrip())]


def _without_content(quoted: re.Match[str]) -> str:
    """Replace quoted text of the document by `…`; keep PyYAML's own quotes, such as a character or `<stream end>`."""
    return quoted[0] if len(quoted[2]) < 2 or quoted[2].startswith("<") else "'…'"


_YAML_ADVICE = {
    "mapping values are not allowed here": " Put a text that contains ': ' in quotes.",
    "expected ',' or '}', but got '<stream end>'": " A '{' is not closed.",
    "expected ',' or ']', but got '<stream end>'": " A '[' is not closed.",
}


def _decode(data: bytes, source: str) -> str:
    marks = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
    encoding = next((name for mark, name in marks.items() if data.startswith(mark)), "utf-8")
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line = before.count(b"\n") + 1
        column = len(before[before.rfind(b"\n") + 1 :].decode("utf-8", "replace")) + 1
        byte = data[error.start] if error.start < len(data) else 0
        raise RecipeError(
            Mistake(f"byte 0x{byte:02x} is not UTF-8. Save the file as UTF-8.", Place(source, line, column))
        ) from error


def _suggestion(path: Path) -> str:
    """Advice for a path that cannot be read: a recipe with a similar name, or `textforge init` for a folder."""
    if os.path.isdir(path):
        return f" If this folder holds data, write a recipe for it first ({init_command(path)})."
    if os.path.lexists(path) or not os.path.isdir(path.parent) or not os.access(path.parent, os.R_OK):
        return ""
    found = sorted(name for name in os.listdir(path.parent) if name.endswith((".yaml", ".yml")))[:50]
    stems = {name.rsplit(".", 1)[0]: name for name in found}
    near = nearest(path.stem, stems)
    return f" Did you mean '{stems[near]}'?" if near else ""
