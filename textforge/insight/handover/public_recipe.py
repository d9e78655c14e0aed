"""A recipe and an environment as others may see them: without folders of this machine, and without passwords."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

from textforge.recipes.document import parse
from textforge.recipes.yaml12 import to_yaml
from textforge.runs import folder as run_folder

HIDDEN = "***"
_SECRET = re.compile(r"(?i)pass(word|wd|phrase)?|pwd|token|secret|credentials?|api_?key|access_?key")
_IN_URL = re.compile(r"(?i)([?&;\s](?:pass(?:word|wd)?|pwd|token|secret|\w*key|sig(?:nature)?)=)[^&;\s]+")
_KEPT_OF_ENVIRONMENT = (
    "format", "python", "implementation", "platform", "libc", "processor", "cpu", "cpus", "threads", "interop_threads",
    "blas", "determinism", "device", "packages", "plugins", "metrics", "callbacks",
)  # fmt: skip


def public_recipe(resolved: str) -> str:
    """Return a resolved recipe in which absolute paths are file names, and passwords are `***`.

    Args:
        resolved: the content of resolved.yaml.

    Raises:
        RecipeError: it is not YAML of a recipe.
    """
    return to_yaml(_public(parse(resolved, run_folder.RESOLVED).plain()))


def public_environment(environment: Mapping[str, Any]) -> dict[str, Any]:
    """Return what others need of an environment.json: machine, packages, parts, and the digests of the data.

    Variables, the folders that packages come from, and the names of other input files are left out.
    """
    found = {key: environment[key] for key in _KEPT_OF_ENVIRONMENT if key in environment}
    data = environment.get("data")
    if isinstance(data, Mapping):
        found["data"] = {key: data[key] for key in ("sha256", "train", "splits") if key in data}
    return found


def _public(value: Any, key: str = "") -> Any:
    if isinstance(value, dict):
        return {name: _public(one, str(name)) for name, one in value.items()}
    if isinstance(value, list):
        return [_public(one, key) for one in value]
    if not isinstance(value, str):
        return value
    return HIDDEN if value and _SECRET.fullmatch(key) else public_text(value)


def public_text(text: str) -> str:
    """Return a path without its folders if it is absolute, and a URL without user, password, token or local folders."""
    if found := re.fullmatch(r"([A-Za-z][\w+.-]*:)/{3,}(.+)", text):  # file:///home/…, sqlite:////home/…
        return f"{found[1]}///{PurePosixPath(found[2]).name}"
    if re.match(r"[A-Za-z][\w+.-]*://", text):
        return _IN_URL.sub(rf"\1{HIDDEN}", re.sub(r"(?<=://)[^/\s]*@", f"{HIDDEN}@", text, count=1))
    for path in (PurePosixPath(text), PureWindowsPath(text)):
        if path.is_absolute() and len(path.parts) > 2 and "\n" not in text:
            return path.name
    return text
