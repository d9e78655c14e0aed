"""Names of components: the short name `mlp`, and the qualified name `textforge-twin/mlp` with its distribution."""

from __future__ import annotations

import re

STANDARD = "textforge"
"""Distribution of the standard parts. Their short names belong to them, whatever else is installed."""


def normalized(distribution: str) -> str:
    """Normalize a distribution's name as PEP 503 does: lower case, and `-` for each run of `-`, `_` and `.`.

    Spaces count as separators too: parts registered in code come from "this program".
    """
    return re.sub(r"[-_.\s]+", "-", distribution).lower()


def qualified(distribution: str, name: str) -> str:
    """The qualified name of a component."""
    return f"{normalized(distribution)}/{name}"


def split(name: str) -> tuple[str | None, str]:
    """Split a name into its normalized distribution, None if it has none, and the component's own name."""
    distribution, slash, own = name.partition("/")
    return (normalized(distribution.strip()), own.strip()) if slash else (None, name)
