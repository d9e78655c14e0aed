"""A virtual environment with the packages of a run, in their exact versions."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from textforge.errors import StorageError, TextforgeError, shown_line
from textforge.runs.requirements import are_hashed, index_hint, requirements, requirements_text

Say = Callable[[str], None]


def build_environment(environment: Mapping[str, Any], folder: Path, say: Say) -> Path:
    """Create a virtual environment and install the packages of a run.

    Packages come from the index that pip is set to use. A package that was installed from a source folder is built
    from that folder again; digests of its files show afterwards whether the folder has changed since.

    Args:
        environment: the content of the run's environment.json.
        folder: where to create it.
        say: hears what is being done.

    Returns:
        The path of its Python.

    Raises:
        TextforgeError: the Python of the run is not here, a source folder is gone, or pip cannot install a package.
    """
    if "files" not in environment:
        raise TextforgeError(
            "the run is of an earlier format, which lists a few packages only, so no environment can be built for it. "
            "Replay it without --env, with what is installed."
        )
    origins = environment.get("origins") or {}
    for name, origin in origins.items():
        if "source_folder" in origin and not Path(origin["source_folder"]).is_dir():
            raise TextforgeError(
                f"{name} was installed from {origin['source_folder']}, which is gone. Restore the folder, or replay "
                "without --env, with what is installed."
            )
    python = _python_like(str(environment.get("python", "")))
    say(f"creating a virtual environment with {python}")
    inner = _create(python, folder)
    sources = [name for name in environment["packages"] if "source_folder" in (origins.get(name) or {})]
    if sources:  # first, so that pip does not look for them in an index when others require them
        say(f"building {', '.join(sources)} from source")
        _pip(inner, ["--no-deps", *(requirements(environment)[name] for name in sources)], environment)
    others = {**environment, "packages": {name: version for name, version in environment["packages"].items()
                                          if name not in sources}}  # fmt: skip
    say(f"installing {len(others['packages'])} package{'s' * (len(others['packages']) != 1)}")
    listed = folder / "requirements.txt"
    listed.write_text(requirements_text(others, "the run"), encoding="utf-8")
    hashes = ["--require-hashes"] if are_hashed(others) else []
    _pip(inner, [*hashes, "--requirement", str(listed)], environment)
    return inner


def _create(python: str, folder: Path) -> Path:
    """Create a virtual environment; return the path of its Python.

    Raises:
        StorageError: it cannot be created.
    """
    try:
        subprocess.run([python, "-m", "venv", str(folder)], check=True, capture_output=True, text=True)  # noqa: S603
    except (OSError, subprocess.CalledProcessError) as error:
        reason = getattr(error, "stderr", "") or getattr(error, "stdout", "") or error
        raise StorageError(
            f"{folder}: no virtual environment can be created: {shown_line(str(reason).strip())}"
        ) from error
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def _python_like(version: str) -> str:
    """A Python of the same minor version, which wheels are built for: this one, or one on the path.

    Raises:
        TextforgeError: there is none.
    """
    minor = ".".join(version.split(".")[:2])
    if not minor or minor == f"{sys.version_info.major}.{sys.version_info.minor}":
        return sys.executable
    if found := shutil.which(f"python{minor}"):
        return found
    raise TextforgeError(
        f"the run was made with Python {version}, and no python{minor} is on the path. Install it, or replay without "
        "--env."
    )


def _pip(python: Path, arguments: Sequence[str], environment: Mapping[str, Any]) -> None:
    """Install packages.

    Raises:
        TextforgeError: pip cannot; the message has what it said.
    """
    clean = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
    done = subprocess.run(  # noqa: S603
        [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", *arguments],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", env=clean,
    )  # fmt: skip
    if done.returncode:
        said = [line.removeprefix("ERROR: ") for line in done.stderr.splitlines() if line.startswith("ERROR: ")]
        hint = index_hint(environment) if "torch" in done.stderr else ""
        raise TextforgeError(
            f"pip cannot install the packages of the run: {shown_line(' '.join(said[:2]) or done.stderr.strip())}"
            + (f" ({hint}; for a replay, the variable PIP_EXTRA_INDEX_URL sets it.)" if hint else "")
        )
