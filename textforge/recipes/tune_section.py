"""Compare a recipe's `tune:` section with the recipe: every value is validated in its place, and conditions are found.

A key below a part that is chosen, such as `model.hidden` beside `model: [mlp, linear]`, exists only for those values of
the choice that have the option.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from textforge.components.manager import PluginManager
from textforge.errors import Mistake, RecipeError, cut, listed
from textforge.recipes.checked_recipe import Recipe
from textforge.recipes.document import Node, from_python
from textforge.recipes.merge import merge, under_keys
from textforge.recipes.tune_values import Dimension, TuneChoice, TuneRange, TuneSpace, read_dimensions, value_name

SOURCE = "tune"
"""Where a value that was drawn is said to be written."""


class Checker(Protocol):
    """A recipe of which variants can be validated."""

    root: Node
    plugins: PluginManager

    def check(self, root: Node) -> Recipe:
        """Validate a variant; raises a `RecipeError`."""
        ...


def read_space(node: Node, variants: Checker | None) -> tuple[TuneSpace, list[Mistake]]:
    """Read the `tune:` section and validate each of its values in the recipe.

    Args:
        node: the section.
        variants: the recipe; None if it is wrong, so that only the section itself can be read.
    """
    read, mistakes = read_dimensions(node)
    if variants is None:
        return TuneSpace(tuple(dimension for dimension, _ in read)), mistakes
    found: list[Dimension] = []
    for dimension, value in read:
        placed, wrong = _placed(dimension, value, found, variants)
        found.append(placed)
        mistakes += wrong
    return TuneSpace(tuple(found)), mistakes


def with_values(variants: Checker, values: Mapping[str, Any]) -> Node:
    """The recipe's nodes with other values for some keys.

    Args:
        variants: the recipe.
        values: dotted key to plain value.

    Raises:
        RecipeError: a key leads nowhere, or what it is within is wrong.
    """
    root = variants.root
    for key in sorted(values, key=lambda key: key.count(".")):
        root = _with_node(variants, root, key, from_python(values[key], f"{SOURCE}: {key}"))
    return root


def _with_node(variants: Checker, root: Node, key: str, node: Node) -> Node:
    """Set a key. A list that the recipe leaves to a default is written out first, so that its items can be set."""
    keys = key.split(".")
    for length in range(2, len(keys)):
        if root.find(_path(keys[:length])) is None:
            resolved: Any = variants.check(root).resolved()
            for step in keys[:length]:
                resolved = resolved.get(step) if isinstance(resolved, dict) else None
            if resolved is not None:
                default = under_keys(keys[:length], from_python(resolved, f"{SOURCE}: {key}"))
                root = merge(root, default, variants.plugins.same)
            break
    return merge(root, under_keys(keys, node), variants.plugins.same)


def _path(keys: Sequence[str]) -> tuple[str | int, ...]:
    return tuple(int(key) if key.isdecimal() else key for key in keys)


def _placed(
    dimension: Dimension, node: Node, earlier: Sequence[Dimension], variants: Checker
) -> tuple[Dimension, list[Mistake]]:
    """Validate the values of a dimension; return it with its conditions, and as whole numbers if it must be."""
    written = _written_values(dimension, node)
    above = [one for one in earlier if isinstance(one, TuneChoice) and dimension.key.startswith(f"{one.key}.")]
    if not above:
        return _typed(dimension, variants, {}), _mistakes(dimension, written, variants, {})
    choice = above[-1]  # its own conditions hold wherever it exists
    fitting: list[int] = []
    wrong: dict[int, list[Mistake]] = {}
    for number, value in enumerate(choice.values):
        around = {choice.key: value, **_outer_values(choice, above[:-1])}
        wrong[number] = _mistakes(dimension, written, variants, around)
        if not wrong[number] or not all(map(_is_unknown, wrong[number])):
            fitting.append(number)
    if not fitting:
        names = [value_name(value) for value in choice.values]
        said = wrong[0][0].message.removeprefix(f"tune: {cut(dimension.key)}: ")
        message = f"tune: {dimension.key} never exists: {choice.key} is {listed(names)}. {said}"
        return dimension, [Mistake(message, node.key_place)]
    around = {choice.key: choice.values[fitting[0]], **_outer_values(choice, above[:-1])}
    typed = replace(_typed(dimension, variants, around), when=((choice.key, tuple(fitting)), *choice.when))
    return typed, list({str(one): one for number in fitting for one in wrong[number]}.values())


def _outer_values(choice: TuneChoice, above: Sequence[TuneChoice]) -> dict[str, Any]:
    """Values of outer choices for which an inner one exists."""
    needed = dict(choice.when)
    return {one.key: one.values[needed[one.key][0]] for one in above if one.key in needed}


def _written_values(dimension: Dimension, node: Node) -> list[Node]:
    """The nodes of the values that are written: those of a list, or both ends of a range."""
    found = node.value if isinstance(node.value, list) else [node.at((end,)) for end in ("low", "high")]
    return [Node(one.value, one.place, node.key_place) for one in found]


def _mistakes(
    dimension: Dimension, values: Sequence[Node], variants: Checker, around: Mapping[str, Any]
) -> list[Mistake]:
    """The mistakes of the values, each validated by itself."""
    found: dict[str, Mistake] = {}
    for value in values:
        try:
            variants.check(_with_node(variants, with_values(variants, around), dimension.key, value))
        except RecipeError as error:
            for mistake in error.mistakes:
                said = replace(mistake, place=mistake.place or value.place)
                if mistake.place is None or mistake.place.source != value.place.source:
                    said = replace(said, place=value.place)
                found.setdefault(str(said), replace(said, message=f"tune: {cut(dimension.key)}: {said.message}"))
                break  # the others follow from the first
    return [*found.values()]


def _is_unknown(mistake: Mistake) -> bool:
    """Whether a mistake says that the chosen part has no such option."""
    return "unknown option" in mistake.message or "unknown key" in mistake.message


def _typed(dimension: Dimension, variants: Checker, around: Mapping[str, Any]) -> Dimension:
    """A range between whole numbers is one of whole numbers, unless the option takes others, too."""
    if not isinstance(dimension, TuneRange) or not all(isinstance(end, int) for end in (dimension.low, dimension.high)):
        return dimension
    try:
        variants.check(with_values(variants, {**around, dimension.key: dimension.low + 0.5}))
    except RecipeError:
        return replace(dimension, whole=True)
    return dimension
