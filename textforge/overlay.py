"""Layers of a recipe laid over one another: what it extends, itself, and the overrides."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from textforge.components import KINDS
from textforge.document import Node, from_python, parse, read_document
from textforge.errors import Mistake, Place, RecipeError, did_you_mean, listed

KEYS = ("extends", "seed", *KINDS, "trainer")
"""The top-level keys of a recipe."""


def extended(node: Node, chain: tuple[Path, ...]) -> Node:
    """The node laid over what its `extends` names, and so on down."""
    reference = (node.mapping or {}).get("extends")
    if reference is None:
        return node
    if not isinstance(reference.value, str) or not reference.value:
        raise RecipeError(Mistake("extends must be the path of another recipe.", reference.place))
    path = ((reference.place.folder or Path.cwd()) / reference.value).resolve()
    if path in chain:
        cycle = " -> ".join(p.name for p in (*chain, path))
        raise RecipeError(Mistake(f"recipes extend each other in a circle: {cycle}.", reference.place))
    if not path.is_file():
        raise RecipeError(Mistake(f"extends: there is no file {path}.", reference.place))
    _, base = read_document(path)
    assert node.mapping is not None
    own = Node({k: v for k, v in node.mapping.items() if k != "extends"}, node.place, node.key_place)
    base = extended(base, (*chain, path))
    if base.mapping is None:
        raise RecipeError(Mistake(f"a recipe is a mapping with the keys {listed(KEYS)}.", base.place))
    return merged(base, own, top=True)


def merged(base: Node, over: Node, *, top: bool = False) -> Node:
    """`over` laid on `base`, key by key; lists and plain values replace.

    A section that uses another component than its base starts afresh: its base's options are not its own.
    """
    if over.mapping is not None and isinstance(base.value, str) and not top:
        base = Node({"use": Node(base.value, base.place)}, base.place, base.key_place)
    if isinstance(over.value, str) and base.mapping is not None and "use" in base.mapping:
        over = Node({"use": Node(over.value, over.place, over.key_place)}, over.place, over.key_place)
    if base.mapping is None or over.mapping is None:
        return over
    use, old = over.mapping.get("use"), base.mapping.get("use")
    if use is not None and (old is None or use.value != old.value):
        return over
    children = dict(base.mapping)
    for key, node in over.mapping.items():
        children[key] = merged(children[key], node) if key in children else node
    return Node(children, base.place if top else over.place, base.key_place)


def override_nodes(overrides: Mapping[str, Any] | Iterable[str]) -> Iterator[tuple[list[str], Node]]:
    """Each override as its keys and its value."""
    if isinstance(overrides, Mapping):
        for key, value in overrides.items():
            source = f"overrides['{key}']"
            yield _keys(key, Place(source)), from_python(value, source)
        return
    for text in overrides:
        source = f"--set {text}"
        key, equals, value = text.partition("=")
        if not equals:
            raise RecipeError(Mistake("an override is KEY=VALUE, as in model.hidden=[200].", Place(source)))
        keys = _keys(key.strip(), Place(source))
        node = parse(value, source) if value.strip() else Node(None, Place(source))
        yield keys, from_python(node.plain(), source)


def _keys(key: str, place: Place) -> list[str]:
    keys = key.split(".")
    if not all(keys):
        raise RecipeError(Mistake(f"'{key}' is no key. Keys are joined by dots, as in model.hidden.", place))
    if keys[0] not in KEYS or keys[0] == "extends":
        known = [k for k in KEYS if k != "extends"]
        raise RecipeError(
            Mistake(f"unknown key '{keys[0]}'. Keys: {listed(known)}.{did_you_mean(keys[0], known)}", place)
        )
    return keys


def nested(keys: list[str], node: Node) -> Node:
    """`node` under `keys`, as a recipe that says nothing else."""
    for key in reversed(keys):
        node = Node({key: Node(node.value, node.place, node.key_place or node.place)}, node.place)
    return node
