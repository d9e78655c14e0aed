"""PyYAML made to read and write the scalars of YAML 1.2's core schema (yaml.org/spec/1.2.2, 10.3)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import yaml

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


class CoreLoader(yaml.SafeLoader):
    """Reads `1e-3` as a number, and `no`, `on` and dates as text."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, Any]]] = {}  # noqa: RUF012  (as PyYAML declares it)

    def __init__(self, text: str, check: Callable[[int, int, int], None]) -> None:
        """Args:
        text: the YAML.
        check: called before each node is read, with the number of values so far (keys are none), the depth of the
            node (0 for the root), and its offset in the text; raises to stop. PyYAML takes ten seconds a megabyte.
        """
        super().__init__(text)
        self._check, self._values, self._depth = check, 0, -1

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """As PyYAML's, within bounds; the node keeps the tag that was written, which PyYAML forgets."""
        event = self.peek_event()  # type: ignore[no-untyped-call]
        tag = getattr(event, "tag", None)
        self._values += parent is None or index is not None
        self._depth += 1
        self._check(self._values, self._depth, event.start_mark.index)
        node = super().compose_node(parent, index)
        self._depth -= 1
        if tag:
            node.written_tag = tag  # type: ignore[union-attr]
        return node


class CoreDumper(yaml.SafeDumper):
    """Writes YAML that YAML 1.1 and 1.2 readers read alike: ambiguous text is quoted, no aliases."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    """Text with characters that end a line in YAML 1.1 is escaped; PyYAML would write and read them as spaces."""
    style = '"' if any(c in text for c in "\x85\u2028\u2029") else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


def _know_scalars(loader_or_dumper: Any) -> None:
    """Make a PyYAML loader or dumper class know YAML 1.2's numbers, booleans and null."""
    for name, pattern, first in _SCALARS:
        loader_or_dumper.add_implicit_resolver(f"tag:yaml.org,2002:{name}", re.compile(f"^(?:{pattern})$"), first)


_know_scalars(CoreLoader)
_know_scalars(CoreDumper)
CoreDumper.add_representer(str, _represent_text)


def to_yaml(value: Any) -> str:
    """Plain values as YAML that reads back to the same; the innermost mappings and lists on one line."""
    return yaml.dump(value, Dumper=CoreDumper, sort_keys=False, allow_unicode=True, width=100, default_flow_style=None)
