"""Order and names that follow from where something is written."""

from __future__ import annotations

import re
from pathlib import Path

from textforge.errors import Mistake
from textforge.recipes.document import Node


def first_named_option(message: str, section: Node) -> Node:
    """The option of a section that a message names first, or the section if it names none."""
    names = re.sub(r"'[^']*'", "", message)  # quotation marks enclose values
    written = (section.mapping or {}).items()
    named = [(found.start(), node) for name, node in written if (found := re.search(rf"\b{re.escape(name)}\b", names))]
    return min(named, key=lambda one: one[0])[1] if named else section


def run_name(path: Path) -> str:
    """The file name without its suffix, made safe for a folder name and for JSON."""
    return path.stem.encode("utf-8", "replace").decode().strip(".") or "recipe"


def reading_order(mistake: Mistake) -> tuple[str, int, int]:
    place = mistake.place
    return (place.source, place.line or 0, place.column or 0) if place else ("", 0, 0)
