"""Merge a recipe with the recipes that it extends and with overrides."""

from __future__ import annotations

import json
import operator
import os
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from textforge.components.kinds import SECTIONS
from textforge.errors import Mistake, Place, RecipeError, cut, did_you_mean, listed
from textforge.recipes.document import KEYS, MAX_DEPTH, Node, from_python, parse, read_document

MAX_CHAIN = 20
"""Limit on the length of a chain of recipes that extend each other."""


def resolve_extends(node: Node, chain: tuple[Path, ...], same: Same = operator.eq) -> Node:
    """Merge a recipe with the recipe that its `extends` names, recursively.

    Args:
        node: root of the recipe.
        chain: files already extended on the way to this one, to detect cycles.
        same: compares the names of components.

    Raises:
        RecipeError: a base is missing or is not a recipe, the chain is too long or has a cycle; gives the position.
    """
    reference = (node.mapping or {}).get("extends")
    if reference is None:
        return node
    if not isinstance(reference.value, str) or not reference.value:
        raise RecipeError(Mistake("extends must be the path of another recipe.", reference.place))
    path = (reference.place.folder or Path.cwd()) / reference.value
    if not os.path.isfile(path):  # never raises, unlike Path.is_file
        raise RecipeError(Mistake(f"extends: no file {cut(os.path.abspath(path), 1000)}.", reference.place))
    path = path.resolve()
    if path in chain:
        cycle = " -> ".join(p.name for p in (*chain, path))
        raise RecipeError(Mistake(f"recipes extend each other in a circle: {cycle}.", reference.place))
    if len(chain) == MAX_CHAIN:
        raise RecipeError(Mistake(f"recipes extend one another more than {MAX_CHAIN} levels deep.", reference.place))
    _, base = read_document(path)
    assert node.mapping is not None
    own = Node({k: v for k, v in node.mapping.items() if k != "extends"}, node.place, node.key_place)
    base = resolve_extends(base, (*chain, path), same)
    if base.mapping is None:
        raise RecipeError(Mistake(f"a recipe is a mapping with the keys {listed(KEYS)}.", base.place))
    return merge(base, own, same)


Same = Callable[[str, str], bool]
"""Whether two names, short or qualified, lead to the same component."""


def merge(base: Node, over: Node, same: Same = operator.eq, path: tuple[str, ...] = ()) -> Node:
    """Merge `over` into `base` key by key; lists and scalars of `over` replace those of `base`.

    If a section names another component than its base, it replaces the base section: options of the old component
    do not apply to the new one. Sections of nested parts follow the same rule. An override addresses a list item by
    its index, as in `of.0.lr`.
    """
    if (len(path) == 1 and path[0] in SECTIONS) or _is_section(base):
        base, over = _section(base), _section(over)
        old, use = ((node.mapping or {}).get("use") for node in (base, over))
        if (
            old
            and use
            and not (isinstance(old.value, str) and isinstance(use.value, str) and same(old.value, use.value))
        ):
            return over
    if isinstance(base.value, list) and over.mapping and all(map(str.isdecimal, over.mapping)):
        return _with_items(base, over.mapping, same, path)
    if base.mapping is None or over.mapping is None:
        return over
    children = dict(base.mapping)
    for key, node in over.mapping.items():
        children[key] = merge(children[key], node, same, (*path, key)) if key in children else node
    return Node(children, over.place if path else base.place, base.key_place)


def _same(old: Any, use: Any, same: Same) -> bool:
    return same(old, use) if isinstance(old, str) and isinstance(use, str) else bool(old == use)


def _with_items(base: Node, items: Mapping[str, Node], same: Same, path: tuple[str, ...]) -> Node:
    """Merge values into list items, addressed by index from 0."""
    assert isinstance(base.value, list)
    found = list(base.value)
    for key, node in items.items():
        number = int(key)
        if number >= len(found):
            last = f"the last is {len(found) - 1}" if found else "it is empty"
            raise RecipeError(Mistake(f"'{'.'.join(path)}' has no item {number}; {last}.", node.place))
        found[number] = merge(found[number], node, same, (*path, key))
    return Node(found, base.place, base.key_place)


def _is_section(node: Node) -> bool:
    """Whether a node is a part in long form, a mapping with `use`."""
    use = (node.mapping or {}).get("use")
    return use is not None and isinstance(use.value, str)


def _section(node: Node) -> Node:
    """Expand the short form: `model: mlp` means `model: {use: mlp}`."""
    if not isinstance(node.value, str):
        return node
    return Node({"use": Node(node.value, node.place)}, node.place, node.key_place)


Override = tuple[list[str], Node]
"""The keys and the value of an override."""


def read_overrides(overrides: Mapping[str, Any] | Iterable[str] | str) -> tuple[list[Override], list[Mistake]]:
    """Parse overrides; return the valid ones, and the mistakes in the others."""
    read: list[Override] = []
    mistakes: list[Mistake] = []
    given: Any = [overrides] if isinstance(overrides, str) else overrides
    if not isinstance(given, Iterable):
        return [], [Mistake(f"overrides must be a dict of dotted keys, or KEY=VALUE texts, not {cut(repr(given))}.")]
    for one in given.items() if isinstance(given, Mapping) else given:
        try:
            read.append(_override(one) if isinstance(one, str) else _override_in_code(one))
        except RecipeError as error:
            mistakes += error.mistakes
    return read, mistakes


def _override_in_code(item: Any) -> Override:
    if not isinstance(item, tuple) or len(item) != 2:
        raise RecipeError(Mistake(f"an override is KEY=VALUE, as in model.hidden=[200], not {cut(repr(item))}."))
    key, value = item
    source = f"overrides['{cut(str(key))}']"
    if not isinstance(key, str):
        raise RecipeError(Mistake(f"the key {cut(repr(key))} is not text.", Place(source)))
    return _split_key(key, Place(source)), from_python(value, source)


def _override(text: str) -> Override:
    source = f"--set {cut(text, 200)}"
    key, equals, value = text.partition("=")
    if not equals:
        raise RecipeError(Mistake("an override is KEY=VALUE, as in model.hidden=[200].", Place(source)))
    keys = _split_key(key.strip(), Place(source))
    return keys, from_python(written_value(key, value, source), source)


def written_value(key: str, value: str, source: str) -> Any:
    """Parse the value of KEY=VALUE from a command line as YAML; None if it is empty.

    Args:
        key: repeated in messages.
        value: the text after the `=`.
        source: name of the text in messages.

    Raises:
        RecipeError: the value is not valid YAML, or YAML would drop a part of it as a comment.
    """
    start = value.strip()[:1]
    if start in ("|", ">") or (start not in ("'", '"', "[", "{") and re.search(r"(?:^|\s)#", value)):
        # YAML would read a block scalar or a comment.
        quoted = cut(json.dumps(value.strip(), ensure_ascii=False), 200)
        raise RecipeError(Mistake(f"put the value itself in quotes: '{key}={quoted}'.", Place(source)))
    return parse(value, source).plain() if value.strip() else None


def override_order(override: Override) -> int:
    """Sort key: `model=mlp` and `model.use=mlp` come before `model.hidden=[200]`, which belongs to the new model."""
    keys, _ = override
    return len(keys) - (keys[-1] == "use")


def _split_key(key: str, place: Place) -> list[str]:
    """Split the dotted key of an override and validate its first name.

    Raises:
        RecipeError: the key is empty, too long, or starts with an unknown name.
    """
    keys = key.split(".", MAX_DEPTH)
    if len(keys) > MAX_DEPTH:
        raise RecipeError(Mistake(f"the key joins more than {MAX_DEPTH} names by dots.", place))
    if not all(keys):
        raise RecipeError(Mistake(f"'{cut(key)}' is not a key. Join names by dots, as in model.hidden.", place))
    if keys[0] not in KEYS or keys[0] == "extends":
        known = [k for k in KEYS if k != "extends"]
        raise RecipeError(
            Mistake(f"unknown key '{cut(keys[0])}'. Keys: {listed(known)}.{did_you_mean(keys[0], known)}", place)
        )
    return keys


def under_keys(keys: list[str], node: Node) -> Node:
    """Wrap a value in its keys, to form a recipe with this setting only."""
    for key in reversed(keys):
        node = Node({key: Node(node.value, node.place, node.key_place or node.place)}, node.place)
    return node
