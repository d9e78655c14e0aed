"""Compare a plugin that is installed editable with the wheel that its users would get."""

from __future__ import annotations

import ast
import json
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterable, Iterator
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlparse

from textforge.components.requirements import pip_install
from textforge.errors import Scratch
from textforge.testing.checks import Skipped

BUILD = """
import importlib, json, sys
backend, paths, folder = json.loads(sys.argv[1])
sys.path[:0] = paths
module, _, path = backend.partition(":")
built = importlib.import_module(module)
for name in filter(None, path.split(".")):
    built = getattr(built, name)
built.build_wheel(folder)
"""
IGNORED = {"__pycache__"}
TIMEOUT = 300


def editable_source(distribution: str) -> Path | None:
    """The folder that an editable install leads to; None for any other install."""
    try:
        described = json.loads(metadata.distribution(distribution).read_text("direct_url.json") or "null")
    except (metadata.PackageNotFoundError, ValueError):
        return None
    if not isinstance(described, dict) or not (described.get("dir_info") or {}).get("editable"):
        return None
    folder = Path(unquote(urlparse(str(described.get("url"))).path))
    return folder if (folder / "pyproject.toml").is_file() or (folder / "setup.py").is_file() else None


def missing_from_wheel(source: Path, modules: Iterable[str]) -> tuple[list[str], list[str]]:
    """Build the wheel of a distribution and compare it with the folder that it is built from.

    Args:
        source: the folder.
        modules: the modules that textforge imports: those of entry points, and of components.

    Returns:
        The modules that are imported and that the wheel lacks, and the other files of its packages that it lacks.

    Raises:
        Skipped: the wheel cannot be built here; says why.
    """
    with Scratch() as scratch:
        with zipfile.ZipFile(_built(source, scratch.path)) as wheel:
            held = {name for name in wheel.namelist() if ".dist-info/" not in name}
        return sorted(_modules(source, modules, held)), sorted(_files(source, held))


def _built(source: Path, folder: Path) -> Path:
    """Build the wheel with the project's own build backend if it is installed here, else with pip."""
    project = source / "pyproject.toml"
    build = tomllib.loads(project.read_text(encoding="utf-8")).get("build-system", {}) if project.is_file() else {}
    backend, required = build.get("build-backend", "setuptools.build_meta:__legacy__"), build.get("requires", [])
    had_build = (source / "build").exists()
    given = json.dumps([backend, [str(source / path) for path in build.get("backend-path", [])], str(folder)])
    direct = [sys.executable, "-c", BUILD, given]
    with_pip = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--quiet", "--wheel-dir", str(folder), str(source)]
    said = ""
    try:
        for command in (direct, with_pip):
            done = subprocess.run(command, cwd=source, capture_output=True, text=True, timeout=TIMEOUT)  # noqa: S603
            if wheels := [*folder.glob("*.whl")]:
                return wheels[0]
            said = said or (done.stderr.strip().splitlines() or ["it ended without a message"])[-1]
    except (OSError, subprocess.TimeoutExpired) as error:
        said = said or str(error)
    finally:
        if not had_build:  # setuptools leaves one, whose old files would reach the next wheel
            shutil.rmtree(source / "build", ignore_errors=True)
    advice = f" Its build requires: {pip_install(*required)}" if required else ""
    raise Skipped(f"its wheel cannot be built here: {said}.{advice}")


def _modules(source: Path, modules: Iterable[str], held: set[str]) -> Iterator[str]:
    """The modules of the folder that are imported, by the given ones and by those they import, and are not held."""
    waiting, seen = list(modules), set[str]()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        path = _path(name)
        if path is None or not path.is_relative_to(source):
            continue
        if not any(_is_of(name, file) for file in held):
            yield name
        waiting += _imported(path, name)


def _path(module: str) -> Path | None:
    """The file of a module; None if it cannot be found without running it."""
    try:
        spec = find_spec(module)
    except (ImportError, AttributeError, ValueError):
        return None
    return Path(spec.origin).resolve() if spec and spec.has_location and spec.origin else None


def _is_of(module: str, file: str) -> bool:
    """Whether a file of a wheel is that of a module."""
    path = PurePosixPath(file)
    name = path.name.partition(".")[0]
    parts = path.parent.parts if name == "__init__" else (*path.parent.parts, name)
    return ".".join(parts) == module and path.suffix in (".py", ".so", ".pyd")


def _imported(path: Path, module: str) -> set[str]:
    """Every module that a module's source names in an import, wherever it stands in it."""
    if path.suffix != ".py":
        return set()
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return set()
    package = module if path.stem == "__init__" else module.rpartition(".")[0]
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package.rsplit(".", node.level - 1)[0] if node.level else ""
            base = ".".join(filter(None, (above, node.module or "")))
            found |= {base, *(f"{base}.{alias.name}" for alias in node.names if alias.name != "*")}
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):  # "package.module:attribute" of a hook
            name, colon, attribute = node.value.partition(":")
            if colon and attribute.isidentifier() and all(part.isidentifier() for part in name.split(".")):
                found.add(name)
    return found


def _files(source: Path, held: set[str]) -> Iterator[str]:
    """Files inside the packages of a wheel that the folder has and the wheel lacks, but for modules nobody imports."""
    for package in {PurePosixPath(file).parts[0] for file in held if "/" in file}:
        path = _path(package)
        if path is None or not path.is_relative_to(source) or path.stem != "__init__":
            continue
        for file in path.parent.rglob("*"):
            name = file.relative_to(path.parent.parent)
            hidden = any(part in IGNORED or part.startswith(".") for part in name.parts)
            if file.is_file() and not hidden and file.suffix not in (".py", ".pyc") and name.as_posix() not in held:
                yield name.as_posix()
