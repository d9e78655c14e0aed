"""Read a recipe: merge it with the recipes that it extends and with its overrides, without validating it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textforge.errors import Mistake, Place
from textforge.recipes.document import Node, from_python, read_document
from textforge.recipes.merge import Override, Same, merge, override_order, read_overrides, resolve_extends, under_keys
from textforge.recipes.yaml12 import to_yaml


@dataclass(frozen=True)
class ReadRecipe:
    """A recipe merged with the recipes it extends and with its overrides, not yet validated."""

    root: Node
    source: str
    """The recipe's own file, as places name it."""
    text: str
    path: Path | None
    overrides: list[Override]
    mistakes: list[Mistake]

    def layer(self, place: Place) -> int:
        """The rank of a place when the same option is set twice: 2 in an override, 1 in the recipe, 0 in its bases."""
        if any(place.source.startswith(node.place.source) for _, node in self.overrides):
            return 2
        return int(place.source == self.source)


def read_recipe(
    source: str | Path | Mapping[str, Any], overrides: Mapping[str, Any] | Iterable[str], same: Same
) -> ReadRecipe:
    """Read and merge a recipe.

    Args:
        source: path of a YAML file, or the recipe as a dict.
        overrides: as `load_recipe` takes them.
        same: whether two names lead to the same component.

    Raises:
        RecipeError: the file is not valid YAML, or `extends` leads nowhere. Wrong overrides are in `mistakes`.
    """
    if isinstance(source, Mapping):
        path, root = None, from_python(source, "recipe")
        text = to_yaml(root.plain())
    else:
        path = Path(source)
        text, root = read_document(path)
    own = root.place.source
    root = resolve_extends(root, (), same)
    written, mistakes = read_overrides(overrides)
    for keys, node in sorted(written, key=override_order):
        root = merge(root, under_keys(keys, node), same)
    return ReadRecipe(root, own, text, path, written, mistakes)
