"""Layers of a recipe laid over one another: what it extends, itself, and the overrides."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from textforge.components.kinds import SECTIONS
from textforge.errors import Mistake, Place, RecipeError, cut, did_you_mean, listed
from textforge.recipes.document import KEYS, MAX_DEPTH, Node, from_python, parse, read_document

MAX_CHAIN = 20
"""Recipes that one may extend, one after another."""


def resolve_extends(node: Node, chain: tuple[Path, ...]) -> Node:
    """The node laid over what its `extends` names, and so on down.

    Args:
        node: the root of a recipe.
        chain: the files that were extended on the way to this one.

    Raises:
        RecipeError: a file that is missing or no recipe, a circle, or a chain that is too long; with its place.
    """
    reference = (node.mapping or {}).get("extends")
    if reference is None:
        return node
    if not isinstance(reference.value, str) or not reference.value:
        raise RecipeError(Mistake("extends must be the path of another recipe.", reference.place))
    path = (reference.place.folder or Path.cwd()) / reference.value
    if not os.path.isfile(path):  # unlike Path.is_file it never raises
        raise RecipeError(Mistake(f"extends: there is no file {cut(os.path.abspath(path), 1000)}.", reference.place))
    path = path.resolve()
    if path in chain:
        cycle = " -> ".join(p.name for p in (*chain, path))
        raise RecipeError(Mistake(f"recipes extend each other in a circle: {cycle}.", reference.place))
    if len(chain) == MAX_CHAIN:
        raise RecipeError(Mistake(f"recipes extend one another more than {MAX_CHAIN} levels deep.", reference.place))
    _, base = read_document(path)
    assert node.mapping is not None
    own = Node({k: v for k, v in node.mapping.items() if k != "extends"}, node.place, node.key_place)
    base = resolve_extends(base, (*chain, path))
    if base.mapping is None:
        raise RecipeError(Mistake(f"a recipe is a mapping with the keys {listed(KEYS)}.", base.place))
    return merge(base, own)


def merge(base: Node, over: Node, path: tuple[str, ...] = ()) -> Node:
    """`over` laid on `base`, key by key; lists and plain values replace.

    A section that uses another component than its base starts afresh: its base's options are not its own. The same
    holds for the sections of parts within parts. An override reaches into a list by number, as in `of.0.lr`.
    """
    if (len(path) == 1 and path[0] in SECTIONS) or _is_section(base):
        base, over = _section(base), _section(over)
        old, use = ((node.mapping or {}).get("use") for node in (base, over))
        if old and use and old.value != use.value:
            return over
    if isinstance(base.value, list) and over.mapping and all(map(str.isdecimal, over.mapping)):
        return _with_items(base, over.mapping, path)
    if base.mapping is None or over.mapping is None:
        return over
    children = dict(base.mapping)
    for key, node in over.mapping.items():
        children[key] = merge(children[key], node, (*path, key)) if key in children else node
    return Node(children, over.place if path else base.place, base.key_place)


def _with_items(base: Node, items: Mapping[str, Node], path: tuple[str, ...]) -> Node:
    """A list with some of its items, which are named by number from 0, laid over."""
    assert isinstance(base.value, list)
    found = list(base.value)
    for key, node in items.items():
        number = int(key)
        if number >= len(found):
            last = f"the last is {len(found) - 1}" if found else "it is empty"
            raise RecipeError(Mistake(f"'{'.'.join(path)}' has no item {number}; {last}.", node.place))
        found[number] = merge(found[number], node, (*path, key))
    return Node(found, base.place, base.key_place)


def _is_section(node: Node) -> bool:
    """Whether a node is a part in its long form."""
    use = (node.mapping or {}).get("use")
    return use is not None and isinstance(use.value, str)


def _section(node: Node) -> Node:
    """`model: mlp` is short for `model: {use: mlp}`."""
    if not isinstance(node.value, str):
        return node
    return Node({"use": Node(node.value, node.place)}, node.place, node.key_place)


Override = tuple[list[str], Node]
"""The keys of an override, and its value."""


def read_overrides(overrides: Mapping[str, Any] | Iterable[str]) -> tuple[list[Override], list[Mistake]]:
    """Every override, and every mistake in one."""
    read: list[Override] = []
    mistakes: list[Mistake] = []
    for one in overrides.items() if isinstance(overrides, Mapping) else overrides:
        try:
            read.append(_override(one) if isinstance(one, str) else _override_in_code(*one))
        except RecipeError as error:
            mistakes += error.mistakes
    return read, mistakes


def _override_in_code(key: Any, value: Any) -> Override:
    source = f"overrides['{cut(str(key))}']"
    if not isinstance(key, str):
        raise RecipeError(Mistake(f"the key {cut(repr(key))} is not text.", Place(source)))
    return _keys(key, Place(source)), from_python(value, source)


def _override(text: str) -> Override:
    source = f"--set {cut(text, 200)}"
    key, equals, value = text.partition("=")
    if not equals:
        raise RecipeError(Mistake("an override is KEY=VALUE, as in model.hidden=[200].", Place(source)))
    keys = _keys(key.strip(), Place(source))
    return keys, from_python(written_value(key, value, source), source)


def written_value(key: str, value: str, source: str) -> Any:
    """What the value of KEY=VALUE on a command line says; None where there is none.

    Raises:
        RecipeError: it is no YAML, or YAML would read something else than what stands there.
    """
    start = value.strip()[:1]
    if start in ("|", ">") or (start not in ("'", '"', "[", "{") and re.search(r"(?:^|\s)#", value)):
        # YAML would read a block of text, or a comment.
        quoted = cut(json.dumps(value.strip(), ensure_ascii=False), 200)
        raise RecipeError(Mistake(f"the value needs quotes of its own: '{key}={quoted}'.", Place(source)))
    return parse(value, source).plain() if value.strip() else None


def override_order(override: Override) -> int:
    """Sort key of overrides: `model=mlp` and `model.use=mlp` come before `model.hidden=[200]`."""
    keys, _ = override
    return len(keys) - (keys[-1] == "use")


def _keys(key: str, place: Place) -> list[str]:
    keys = key.split(".", MAX_DEPTH)
    if len(keys) > MAX_DEPTH:
        raise RecipeError(Mistake(f"a key of more than {MAX_DEPTH} names joined by dots.", place))
    if not all(keys):
        raise RecipeError(Mistake(f"'{cut(key)}' is no key. Keys are joined by dots, as in model.hidden.", place))
    if keys[0] not in KEYS or keys[0] == "extends":
        known = [k for k in KEYS if k != "extends"]
        raise RecipeError(
            Mistake(f"unknown key '{cut(keys[0])}'. Keys: {listed(known)}.{did_you_mean(keys[0], known)}", place)
        )
    return keys


def under_keys(keys: list[str], node: Node) -> Node:
    """`node` under `keys`, as a recipe that says nothing else."""
    for key in reversed(keys):
        node = Node({key: Node(node.value, node.place, node.key_place or node.place)}, node.place)
    return node
