"""PyYAML loader and dumper for the scalars of YAML 1.2's core schema (yaml.org/spec/1.2.2, section 10.3)."""

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
    """Loader that reads `1e-3` as a number, and `no`, `on` and dates as text."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, Any]]] = {}  # noqa: RUF012  (as PyYAML declares it)

    def __init__(self, text: str, check: Callable[[int, int, int], None]) -> None:
        """Args:
        text: the YAML.
        check: called before each node is read; raises to stop early, as PyYAML takes 10 seconds per megabyte. Its
            arguments are the number of values so far (not counting keys), the depth of the node (0 for the root) and
            its offset in the text, in characters.
        """
        super().__init__(text)
        self._check, self._values, self._depth = check, 0, -1

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """Compose a node as PyYAML does, but call the check first and record the explicit tag as `written_tag`."""
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
    """Dumper whose output means the same in YAML 1.1 and 1.2: it quotes ambiguous text and writes no aliases."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    """Escape text that holds line breaks of YAML 1.1, which PyYAML would write and read as spaces."""
    style = '"' if any(c in text for c in "\x85\u2028\u2029") else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


def _register_scalars(loader_or_dumper: Any) -> None:
    """Register YAML 1.2's numbers, booleans and null with a PyYAML loader or dumper class."""
    for name, pattern, first in _SCALARS:
        loader_or_dumper.add_implicit_resolver(f"tag:yaml.org,2002:{name}", re.compile(f"^(?:{pattern})$"), first)


_register_scalars(CoreLoader)
_register_scalars(CoreDumper)
CoreDumper.add_representer(str, _represent_text)


def to_yaml(value: Any) -> str:
    """Write plain values as YAML that reads back unchanged; innermost mappings and lists take one line."""
    return yaml.dump(value, Dumper=CoreDumper, sort_keys=False, allow_unicode=True, width=100, default_flow_style=None)
