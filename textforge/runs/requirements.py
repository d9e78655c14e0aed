"""The packages of a run as requirements for pip."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any


def requirements_text(environment: Mapping[str, Any], of: str) -> str:
    """The content of a requirements file: a line per package, with its exact version or where it was installed from.

    Lines have hashes if those of all packages are known, because pip then refuses a package without one.

    Args:
        environment: the content of an environment.json.
        of: the run, for a comment.
    """
    hashed = are_hashed(environment)
    lines = [f"# Packages of {of}, made with Python {environment.get('python', '(unknown)')}"]
    if hint := index_hint(environment):
        lines.append(f"# {hint}")
    lines += [f"{line} --hash=sha256:{_origin(environment, name)['archive']}" if hashed else line
              for name, line in requirements(environment).items()]  # fmt: skip
    return "\n".join(lines) + "\n"


def requirements(environment: Mapping[str, Any]) -> dict[str, str]:
    """The requirement of each package, by name, without its hash."""
    found = {}
    for name, version in (environment.get("packages") or {}).items():
        origin = _origin(environment, name)
        if "source_folder" in origin:
            found[name] = f"{name} @ {Path(origin['source_folder']).absolute().as_uri()}"
        elif "url" in origin:
            found[name] = f"{name} @ {origin['url']}" + (f"@{origin['commit']}" if "commit" in origin else "")
        else:
            found[name] = f"{name}=={version}"
    return found


def are_hashed(environment: Mapping[str, Any]) -> bool:
    """Whether the hash of every package's archive is known."""
    names = environment.get("packages") or {}
    return bool(names) and all("archive" in _origin(environment, name) for name in names)


def index_hint(environment: Mapping[str, Any]) -> str:
    """Where pip finds builds of torch that PyPI does not have, such as 2.6.0+cpu; '' if none is needed."""
    version = str((environment.get("packages") or {}).get("torch", ""))
    _, plus, build = version.partition("+")
    if not plus:
        return ""
    return f"pip finds torch {version} with --extra-index-url https://download.pytorch.org/whl/{build}"


def _origin(environment: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = (environment.get("origins") or {}).get(name) or {}
    return found
