"""Addresses of bundles on the hub: `hf://USER/NAME` and `hf://USER/NAME@REVISION`. Standard library only."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from textforge.errors import RecipeError, shown

SCHEME = "hf:"
_PART = r"(?!.*(?:--|\.\.))[A-Za-z0-9_](?:[\w.-]{0,94}[A-Za-z0-9_])?"
_ADDRESS = re.compile(rf"(?P<user>{_PART})/(?P<name>{_PART})(?:@(?P<revision>[^\s@]+))?", re.ASCII)
_COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True)
class HubAddress:
    """A repository of the hub, and a branch, tag or commit of it."""

    repository: str
    """USER/NAME"""
    revision: str | None = None
    """None for the head of the main branch."""

    @property
    def is_pinned(self) -> bool:
        """Whether the revision is a whole commit hash, so that it always means the same files."""
        return self.revision is not None and _COMMIT.fullmatch(self.revision) is not None

    def __str__(self) -> str:
        return f"hf://{self.repository}" + (f"@{self.revision}" if self.revision else "")


def parse_address(text: str) -> HubAddress:
    """Parse `USER/NAME` or `USER/NAME@REVISION`, with or without `hf://` before it.

    Raises:
        RecipeError: it is neither.
    """
    found = _ADDRESS.fullmatch(re.sub(r"^hf:/{1,2}", "", text))
    if found is None:
        raise RecipeError(
            f"'{shown(text)}': is no name on the Hugging Face hub. Write USER/NAME, or USER/NAME@REVISION for a "
            "branch, a tag or a commit."
        )
    return HubAddress(f"{found['user']}/{found['name']}", found["revision"])


def hub_address(path: str | Path) -> HubAddress | None:
    """The address that a path is, also if `Path` has joined its slashes; None for a path of this machine.

    Raises:
        RecipeError: it begins as an address and is none.
    """
    text = str(path)
    if not text.startswith(f"{SCHEME}/") or Path(path).exists():
        return None
    return parse_address(text)
