"""Entries of the cache folder."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from textforge.components.cache_folder import cache_folder as cache_folder


def cache_place(name: str, key: Any) -> Path:
    """Return the path of a cache entry: a folder `name` and a digest of `key`, a JSON value."""
    return cache_folder() / name / hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:32]
