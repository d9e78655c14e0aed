"""Options that name input files: made absolute, and checked to lead to a file or a folder."""

from __future__ import annotations

import os
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

from textforge.components.nested import AnyPart
from textforge.errors import Mistake
from textforge.recipes.document import Node


def absolute(value: Any, node: Node, label: str) -> tuple[Any, list[Mistake]]:
    """A checked option with every `Path` in it absolute, and a mistake for each that is no file or folder.

    Paths are relative to the folder of the file that they are written in; a pattern (`*.csv`) need not exist.
    Pipes and devices are refused: inputs are read more than once, and reading `/dev/zero` never ends.

    Args:
        value: the option, whose paths may be deep in lists, mappings, dataclasses and pydantic models.
        node: where the recipe has it.
        label: how messages call it.
    """
    mistakes: list[Mistake] = []

    def found(value: Any, node: Node) -> Any:
        if isinstance(value, AnyPart):  # checked as a section of its own
            return value
        if isinstance(value, Path):
            path = (node.place.folder or Path.cwd()) / os.path.expanduser(value)
            if not os.path.exists(path) and not any(c in str(value) for c in "*?["):
                mistakes.append(Mistake(f"{label}: there is no file or folder {path}.", node.place))
            elif os.path.exists(path) and not (os.path.isfile(path) or os.path.isdir(path)):
                advice = "is a pipe or a device. Inputs are read more than once: save it to a file."
                mistakes.append(Mistake(f"{label}: {path} {advice}", node.place))
            return path
        if isinstance(value, (list, tuple, set, frozenset)):
            items = [found(item, node.at((n,))) for n, item in enumerate(value)]
            return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)  # a NamedTuple has fields
        if isinstance(value, dict):
            return {key: found(item, node.at((key,))) for key, item in value.items()}
        if is_dataclass(value) and not isinstance(value, type):
            inner = {f.name: getattr(value, f.name) for f in fields(value) if f.init}
            return replace(value, **found(inner, node))
        if hasattr(value, "model_copy"):  # a pydantic model
            inner = {name: getattr(value, name) for name in type(value).model_fields}
            return value.model_copy(update=found(inner, node))
        return value

    return found(value, node), mistakes
