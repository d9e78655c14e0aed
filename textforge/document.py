"""YAML text read into nodes that know their line and column, with YAML's traps closed.

Values follow YAML 1.2's core schema: `1e-3` is a number, `no` and `on` are text, dates stay text.
Duplicate keys, tags, merge keys, several documents, keys that are not text and aliases that grow
without bound are mistakes with a place, never silently something else.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from textforge.errors import Mistake, Place, RecipeError

MAX_NODES = 10_000
MAX_DEPTH = 50
MAX_BYTES = 1_000_000

Scalar = str | int | float | bool | None


@dataclass
class Node:
    """A value with the place where it, and the key it stands under, was written."""

    value: dict[str, Node] | list[Node] | Scalar
    place: Place
    key_place: Place | None = None

    @property
    def mapping(self) -> dict[str, Node] | None:
        return self.value if isinstance(self.value, dict) else None

    def plain(self) -> Any:
        """The value as ordinary Python dicts, lists and scalars."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value

    def at(self, path: tuple[str | int, ...]) -> Node:
        """The node at `path`, or the innermost one above it that exists."""
        node = self
        for step in path:
            if isinstance(node.value, dict) and step in node.value:
                node = node.value[str(step)]
            elif isinstance(node.value, list) and isinstance(step, int) and step < len(node.value):
                node = node.value[step]
            else:
                break
        return node


def read_document(path: Path) -> tuple[str, Node]:
    """The text of a YAML file and its root node.

    Raises:
        RecipeError: unreadable, not UTF-8, empty, too large, or not proper YAML; with its place.
    """
    try:
        data = path.read_bytes() if path.stat().st_size <= MAX_BYTES else None
    except OSError as error:
        raise RecipeError(f"{path}: cannot be read: {error.strerror or error}.{_neighbours(path)}") from error
    if data is None:
        raise RecipeError(f"{path}: larger than {MAX_BYTES:,} bytes; this is no recipe.")
    text = _decode(data, str(path))
    return text, parse(text, str(path), folder=path.resolve().parent)


def parse(text: str, source: str, *, folder: Path | None = None) -> Node:
    """YAML text as nodes. `source` names it in messages.

    Raises:
        RecipeError: the text is empty or not proper YAML; with its place.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return _Reader(text, source, folder).read()


def from_python(value: Any, source: str, *, folder: Path | None = None) -> Node:
    """Ordinary Python dicts, lists and scalars as nodes, all written at `source`."""
    place = Place(source, folder=folder)
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise RecipeError(Mistake(f"the key {key!r} is not text.", place))
        children = {k: from_python(v, f"{source}.{k}", folder=folder) for k, v in value.items()}
        return Node(children, place, place)
    if isinstance(value, (list, tuple)):
        items = [from_python(v, f"{source}[{n}]", folder=folder) for n, v in enumerate(value)]
        return Node(items, place, place)
    if isinstance(value, Path):
        value = str(value)
    return Node(value, place, place)


class _Reader:
    """One YAML text on its way to nodes."""

    def __init__(self, text: str, source: str, folder: Path | None) -> None:
        self.text, self.source, self.folder = text, source, folder
        self.lines = text.split("\n")
        self.nodes = 0
        self.open: set[int] = set()

    def read(self) -> Node:
        try:
            loader = _CoreLoader(self.text)
            root = loader.get_single_node()
        except yaml.reader.ReaderError as error:
            before = self.text[: error.position]
            line, column = before.count("\n") + 1, error.position - (before.rfind("\n") + 1) + 1
            character = f"U+{error.character:04X}" if isinstance(error.character, int) else error.character
            raise self.wrong(f"the character {character} is not allowed in YAML.", line, column) from error
        except yaml.MarkedYAMLError as error:
            raise self.yaml_error(error) from error
        except RecursionError as error:
            raise self.wrong(f"nested deeper than {MAX_DEPTH} levels.") from error
        if root is None:
            raise self.wrong("is empty. A recipe has the sections dataset, vectorizer, model and optimizer.")
        return self.node(root, depth=0)

    def node(self, source: yaml.Node, depth: int) -> Node:
        self.nodes += 1
        place = self.place(source)
        if self.nodes > MAX_NODES:
            raise RecipeError(Mistake(f"aliases grow this to more than {MAX_NODES:,} values.", place))
        if depth > MAX_DEPTH:
            raise RecipeError(Mistake(f"nested deeper than {MAX_DEPTH} levels.", place))
        if id(source) in self.open:
            raise RecipeError(Mistake("an alias refers to the value that it stands in.", place))
        if not source.tag.startswith("tag:yaml.org,2002:") or source.tag.split(":")[-1] not in _TAGS:
            raise RecipeError(Mistake(f"the tag '{source.tag}' is not used in recipes; take it out.", place))
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
            key = key_node.value
            if key == "<<" and key_node.style is None:
                raise RecipeError(
                    Mistake("merge keys (<<) are not used in recipes; 'extends' is there for that.", place)
                )
            if not key_node.tag.endswith(":str"):
                raise RecipeError(Mistake(f"the key {key or 'null'} is not text; put it in quotes.", place))
            if key in seen:
                raise RecipeError(Mistake(f"the key '{key}' is here twice; first in line {seen[key].line}.", place))
            seen[key] = place
            node = self.node(value_node, depth + 1)
            yield key, Node(node.value, node.place, place)

    def scalar(self, source: yaml.ScalarNode, place: Place) -> Scalar:
        kind, text = source.tag.split(":")[-1], source.value
        try:
            if kind == "null":
                return None
            if kind == "bool":
                return {"true": True, "false": False}[text.lower()]
            if kind == "int":
                return int(text, 0) if re.match(r"[-+]?0[xo]", text) else int(text)
            if kind == "float":
                return float(re.sub(r"\.(?=inf|nan)", "", text.lower()))
        except (ValueError, KeyError) as error:
            raise RecipeError(Mistake(f"'{text}' is no {kind}.", place)) from error
        return str(text)

    def place(self, node: yaml.Node) -> Place:
        start, end = node.start_mark, node.end_mark
        one_line = end.line == start.line
        excerpt = self.lines[start.line] if start.line < len(self.lines) else ""
        width = end.column - start.column if one_line else len(excerpt) - start.column
        return Place(self.source, start.line + 1, start.column + 1, excerpt, max(1, width), self.folder)

    def wrong(self, message: str, line: int | None = None, column: int | None = None) -> RecipeError:
        excerpt = self.lines[line - 1] if line and line <= len(self.lines) else None
        return RecipeError(Mistake(message, Place(self.source, line, column, excerpt)))

    def yaml_error(self, error: yaml.MarkedYAMLError) -> RecipeError:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (None, None)
        problem = (error.problem or error.context or "not YAML").strip()
        excerpt = self.lines[mark.line] if mark and mark.line < len(self.lines) else ""
        if "\\t" in problem or "\t" in excerpt[: (column or 1)]:
            return self.wrong("a tab cannot indent YAML; write spaces.", line, column)
        if "but found another document" in problem:
            return self.wrong("a second document begins here; a recipe is a single one.", line, column)
        context = f" ({error.context})" if error.context and error.context != problem else ""
        return self.wrong(f"not proper YAML: {problem}{context}.{_YAML_ADVICE.get(problem, '')}", line, column)


_TAGS = ("map", "seq", "str", "int", "float", "bool", "null")
_YAML_ADVICE = {
    "mapping values are not allowed here": " Text that holds ': ' needs quotes.",
    "expected ',' or '}', but got '<stream end>'": " A '{' is not closed.",
    "expected ',' or ']', but got '<stream end>'": " A '[' is not closed.",
}


class _CoreLoader(yaml.SafeLoader):
    """PyYAML's parser with the scalars of YAML 1.2's core schema (yaml.org/spec/1.2.2, 10.3)."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, Any]]] = {}  # noqa: RUF012  (as PyYAML declares it)


_SCALARS = (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", list("-+0123456789")),
    (
        "float",
        r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
        list("-+0123456789."),
    ),
)


def resolve_scalars(loader_or_dumper: Any) -> None:
    """Make a PyYAML loader or dumper class know YAML 1.2's numbers, booleans and null."""
    for name, pattern, first in _SCALARS:
        loader_or_dumper.add_implicit_resolver(f"tag:yaml.org,2002:{name}", re.compile(f"^(?:{pattern})$"), first)


resolve_scalars(_CoreLoader)


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


def _neighbours(path: Path) -> str:
    """What else lies where a file was looked for."""
    from textforge.errors import did_you_mean

    if path.exists() or not path.parent.is_dir():
        return ""
    found = sorted(p.name for p in path.parent.iterdir() if p.suffix in (".yaml", ".yml"))[:50]
    return did_you_mean(path.name, found)
