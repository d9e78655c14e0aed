"""Make paths in options absolute, and check that they lead to a file or a folder."""

from __future__ import annotations

import os
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

from textforge.components.file_url import FileUrl
from textforge.components.nested import AnyPart
from textforge.errors import Mistake
from textforge.recipes.document import Node


def absolute(value: Any, node: Node, label: str) -> tuple[Any, list[Mistake]]:
    """Make every `Path` and `FileUrl` in a validated option absolute, and report those that do not exist.

    A path is relative to the folder of the file in which it is written. A glob pattern (`*.csv`) need not exist.
    Pipes and devices are rejected: inputs are read more than once, and `/dev/zero` never ends.

    Args:
        value: value of the option; may nest paths in lists, mappings, dataclasses and pydantic models.
        node: position of the value in the recipe.
        label: name of the option in messages.

    Returns:
        The value with absolute paths, and the mistakes.
    """
    mistakes: list[Mistake] = []

    def found(value: Any, node: Node) -> Any:
        if isinstance(value, AnyPart):  # its own section was checked already
            return value
        if isinstance(value, Path):
            path = (node.place.folder or Path.cwd()) / os.path.expanduser(value)
            if not os.path.exists(path) and not any(c in str(value) for c in "*?["):
                mistakes.append(Mistake(f"{label}: no file or folder {path}.", node.place))
            elif os.path.exists(path) and not (os.path.isfile(path) or os.path.isdir(path)):
                advice = "is a pipe or a device. Inputs are read more than once: save it to a file."
                mistakes.append(Mistake(f"{label}: {path} {advice}", node.place))
            return path
        if isinstance(value, FileUrl):
            return value if value.path is None else value.at(found(value.path, node))
        if isinstance(value, (list, tuple, set, frozenset)):
            items = [found(item, node.at((n,))) for n, item in enumerate(value)]
            return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)  # _fields: a NamedTuple
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
