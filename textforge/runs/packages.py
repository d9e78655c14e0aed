"""The installed distributions that a run can import from: exact versions, and digests of their files."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib import metadata, util
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from packaging.markers import UndefinedComparison, UndefinedEnvironmentName
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name


@dataclass(frozen=True)
class Installed:
    """An installed distribution, with its dependencies as its metadata state them."""

    name: str
    version: str
    requires: tuple[str, ...] = ()
    _distribution: metadata.Distribution | None = field(default=None, repr=False, compare=False)

    @cached_property
    def files(self) -> str | None:
        """SHA-256 of the names and digests of its importable files; None if they cannot be found.

        It is the same for every installation of a wheel, and for the source folder that the wheel was built from.
        """
        try:
            lines = sorted(_code_lines(self._record)) or sorted(_source_lines(self._modules))
        except OSError:  # a file that may not be read
            return None
        return hashlib.sha256("\n".join(lines).encode()).hexdigest() if lines else None

    @cached_property
    def origin(self) -> dict[str, Any]:
        """Where it was installed from, if not from an index by its version.

        Keys: `source_folder` and its `commit`, `url` and `commit` of a repository, `url` of an archive, and
        `archive`, the SHA-256 of the archive, where the installer wrote it down.
        """
        direct = _json(self._distribution, "direct_url.json")
        written = direct or _json(self._distribution, "provenance_url.json")  # PEP 610, PEP 710
        found: dict[str, Any] = {}
        with suppress(AttributeError, KeyError, TypeError):
            url = str(written["url"])
            if "dir_info" in written:
                editable = written["dir_info"].get("editable") is True
                folder = (self._folder if editable else None) or unquote(urlsplit(url).path)
                found = {"source_folder": folder, **_commit(folder)}
            elif "vcs_info" in written:
                found = {"url": f"{written['vcs_info']['vcs']}+{url}", "commit": written["vcs_info"]["commit_id"]}
            elif direct:
                found = {"url": url}
            if archive := written.get("archive_info", {}).get("hashes", {}).get("sha256"):
                found["archive"] = archive
        return found

    @cached_property
    def needed(self) -> list[Requirement]:
        """Its dependencies in this environment, without those of its extras."""
        return [one for one in _parsed(line for line in self.requires if not _is_optional(line)) if _applies(one, "")]

    @cached_property
    def optional(self) -> list[Requirement]:
        """The dependencies of its extras."""
        return _parsed(filter(_is_optional, self.requires))

    @property
    def imported(self) -> bool:
        """Whether this process has imported one of its modules."""
        return any(name in sys.modules for name in self._top_level)

    @cached_property
    def _top_level(self) -> set[str]:
        return {*self._modules, *re.findall(r"^(\w+)(?:\.py)?[/,]", self._record, re.MULTILINE)}

    @property
    def _record(self) -> str:
        return _read(self._distribution, "RECORD")

    @property
    def _modules(self) -> list[str]:
        """The top-level modules that its name and its entry points lead to."""
        points = self._distribution.entry_points if self._distribution is not None else ()
        named = {point.value.partition(":")[0].partition(".")[0] for point in points}
        return sorted({self.name.lower().replace("-", "_"), *named})

    @property
    def _folder(self) -> str | None:
        """The project folder around the modules that are imported, which a path variable may have moved."""
        places = (Path(place) for name in self._modules for place in _places(name))
        parents = (parent for place in places for parent in place.parents)
        return next((str(parent) for parent in parents if (parent / "pyproject.toml").is_file()), None)


@cache
def installed(name: str) -> Installed | None:
    """The installed distribution of a name, read once in a process; None if there is none."""
    try:
        distribution = metadata.distribution(name)
    except (metadata.PackageNotFoundError, ValueError):
        return None
    # The headers only: the parser of `importlib.metadata` takes milliseconds for a long description.
    text = _read(distribution, "METADATA") or _read(distribution, "PKG-INFO")
    headers = (line.partition(":") for line in text.partition("\n\n")[0].splitlines())
    fields = [(key, value.strip()) for key, colon, value in headers if colon]
    first = dict(reversed(fields))
    requires = tuple(value for key, value in fields if key == "Requires-Dist")
    return Installed(first.get("Name", name), first.get("Version", ""), requires, distribution)


def packages_of(roots: Iterable[str]) -> list[Installed]:
    """The installed distributions among `roots` and all that they require, sorted by name.

    An optional dependency of a root, which an extra asks for, counts if this process has imported it.
    """
    found: dict[str, Installed] = {}
    wanted = [(root, True, frozenset[str]()) for root in roots]
    while wanted:
        name, is_root, extras = wanted.pop()
        key = canonicalize_name(name)
        package = found.get(key) or installed(key)
        if package is None or (key in found and not extras):
            continue
        found[key] = package
        needed = [*package.needed, *(one for one in package.optional if any(_applies(one, extra) for extra in extras))]
        wanted += [(one.name, False, frozenset(one.extras)) for one in needed]
        if is_root:
            wanted += [(one.name, False, frozenset()) for one in package.optional if _is_imported(one.name)]
    return sorted(found.values(), key=lambda package: package.name.lower())


def _parsed(lines: Iterable[str]) -> list[Requirement]:
    found = []
    for line in lines:
        with suppress(InvalidRequirement):
            found.append(Requirement(line))
    return found


def _is_optional(line: str) -> bool:
    """Whether a dependency belongs to an extra, by its marker."""
    return "extra" in line.partition(";")[2]


def _applies(requirement: Requirement, extra: str) -> bool:
    try:
        return requirement.marker is None or requirement.marker.evaluate({"extra": extra})
    except (UndefinedComparison, UndefinedEnvironmentName):
        return False


def _is_imported(name: str) -> bool:
    package = installed(canonicalize_name(name))
    return package is not None and package.imported


def _code_lines(record: str) -> list[str]:
    """The lines of a RECORD (path, digest, size) about files that do not depend on the installer.

    Scripts, metadata, bytecode and links to a source folder do.
    """
    return [
        line for line in record.splitlines()
        if not (".pyc," in line or ".dist-info/" in line or ",," in line or ".pth," in line or line.startswith("../"))
    ]  # fmt: skip


def _source_lines(modules: Iterable[str]) -> Iterator[str]:
    """The lines that a RECORD would have about the files of these modules."""
    for name in modules:
        for place in _places(name):
            root = Path(place)
            for file in [root] if root.is_file() else _files_below(root):
                content = file.read_bytes()
                digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")
                yield f"{file.relative_to(root.parent).as_posix()},sha256={digest},{len(content)}"


def _files_below(root: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if name != "__pycache__" and not name.startswith(".")]
        yield from (Path(folder, name) for name in files if not name.endswith(".pyc") and not name.startswith("."))


def _places(module: str) -> list[str]:
    """The folders of a package, or the file of a module; empty if it cannot be imported."""
    with suppress(ImportError, ValueError, AttributeError):
        spec = util.find_spec(module)
        if spec is not None:
            found = spec.submodule_search_locations
            return [*found] if found is not None else [spec.origin] if spec.origin and spec.has_location else []
    return []


def _json(distribution: metadata.Distribution | None, name: str) -> Any:
    try:
        return json.loads(_read(distribution, name) or "null")
    except ValueError:
        return None


def _read(distribution: metadata.Distribution | None, name: str) -> str:
    """A file of a distribution's metadata; empty if there is none, or it cannot be read."""
    try:
        return (distribution.read_text(name) if distribution is not None else None) or ""
    except (OSError, ValueError):
        return ""


def _commit(folder: str) -> dict[str, str]:
    """The commit of the git repository around a folder."""
    with suppress(OSError, subprocess.SubprocessError):
        done = subprocess.run(  # noqa: S603
            ["git", "-C", folder, "rev-parse", "HEAD"],  # noqa: S607
            capture_output=True, text=True, timeout=5, check=True,
        )  # fmt: skip
        return {"commit": done.stdout.strip()}
    return {}
