"""The folder of everything that textforge computes once and may delete at any time."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder() -> Path:
    """Return the cache folder: TEXTFORGE_CACHE, or `textforge` in the cache folder of the user."""
    if given := os.environ.get("TEXTFORGE_CACHE"):
        return Path(given).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "textforge"
