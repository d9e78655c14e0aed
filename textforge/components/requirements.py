"""Find out which dependencies of a plugin's distribution are missing, from its metadata, and what to install."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from functools import lru_cache
from importlib import metadata
from importlib.util import find_spec

from textforge.components.names import normalized
from textforge.errors import ComponentError


def pip_install(*requirements: str) -> str:
    """The command that installs distributions, quoted so that users can paste it into a shell.

    Args:
        requirements: `name`, `name==1.2` or `name>=1,<2`. Each is always quoted: a shell would treat `<` and `>` as
            redirections.
    """
    quoted = [found if (found := shlex.quote(one)) != one else f"'{one}'" for one in requirements]
    return f"pip install {' '.join(quoted)}"


OPTIONAL = {
    "charset_normalizer": "charset-normalizer", "jinja2": "jinja2", "polars": "polars", "rich": "rich",
    "sklearn": "scikit-learn", "torch": "torch", "zstandard": "zstandard",
}  # fmt: skip
"""Packages that textforge requires and that a classifier can answer without, with their distributions."""


def missing_package(error: BaseException | None) -> str | None:
    """The end of a sentence about a package that an import did not find, and how to install it; None for others."""
    name = (error.name or "").partition(".")[0] if isinstance(error, ModuleNotFoundError) else ""
    if name not in OPTIONAL:
        return None
    return _needs(OPTIONAL[name], OPTIONAL[name])


def _needs(package: str, requirement: str) -> str:
    return f"needs {package}, which is not installed. Install it: {pip_install(requirement)}"


def require_package(package: str, who: str, requirement: str) -> None:
    """Check that a package is installed, without importing it.

    Args:
        package: the name by which it is imported and known.
        who: what needs it, as the subject of the message.
        requirement: what to install, such as `textforge[onnx]`.

    Raises:
        ComponentError: it is not installed.
    """
    if find_spec(package) is None:
        raise ComponentError(f"{who} {_needs(package, requirement)}")


def require_torch(who: str) -> None:
    """Check that torch is installed, without importing it.

    Args:
        who: what needs it, as the subject of the message.

    Raises:
        ComponentError: it is not installed.
    """
    require_package("torch", who, OPTIONAL["torch"])


def is_installed(distribution: str) -> bool:
    """Whether a distribution is installed."""
    return _version(distribution) is not None


def missing_dependencies(distribution: str) -> str:
    """A sentence that names the dependencies of a distribution that are missing or of another version; else empty.

    It says what to install. Dependencies of extras are left out: they are optional. Those of textforge are not looked
    up: without them no code would come this far.

    Args:
        distribution: name of a distribution; one that is not installed has no known dependencies.
    """
    if normalized(distribution) == "textforge":
        return ""
    try:
        stated = metadata.requires(distribution) or ()
    except (metadata.PackageNotFoundError, ValueError):
        return ""
    return unmet(stated, distribution)


def unmet(requirements: Iterable[str], who: str) -> str:
    """A sentence that names those of the requirements that are not met, and what to install; else empty.

    Args:
        requirements: lines as in `Requires-Dist`.
        who: the distribution that has them.
    """
    wrong = list(_unmet(requirements))
    if not wrong:
        return ""
    said = " and ".join(reason for _, reason in wrong)
    return f"{who} requires {said}: {pip_install(*(requirement for requirement, _ in wrong))}"


def _unmet(requirements: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield each requirement that is not met, and why."""
    for line in requirements:
        name, specifier, applies = _parsed(line)
        version = _version(name.partition("[")[0]) if applies else None
        if applies and version is None:
            yield f"{name}{specifier}", f"{name}{specifier}, which is not installed"
        elif version is not None and not _contains(specifier, version):
            yield f"{name}{specifier}", f"{name}{specifier}, and {version} is installed"


@lru_cache(maxsize=256)
def _parsed(line: str) -> tuple[str, str, bool]:
    """The name and the version specifier of a requirement, and whether it applies here.

    A line that cannot be read applies nowhere.
    """
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        required = Requirement(line)
    except InvalidRequirement:
        return "", "", False
    applies = required.marker is None or required.marker.evaluate({"extra": ""})
    extras = f"[{','.join(sorted(required.extras))}]" if required.extras else ""
    return f"{required.name}{extras}", str(required.specifier), applies


def _contains(specifier: str, version: str) -> bool:
    from packaging.specifiers import SpecifierSet

    return SpecifierSet(specifier).contains(version, prereleases=True)


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except (metadata.PackageNotFoundError, ValueError):  # ValueError: an empty name
        return None
