"""The folder of everything that textforge computes once and may delete at any time."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any


def cache_folder() -> Path:
    """Return the cache folder: TEXTFORGE_CACHE, or `textforge` in the cache folder of the user."""
    if given := os.environ.get("TEXTFORGE_CACHE"):
        return Path(given).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "textforge"


def cache_place(name: str, key: Any) -> Path:
    """Return the path of a cache entry: a folder `name` and a digest of `key`, a JSON value."""
    return cache_folder() / name / hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:32]
