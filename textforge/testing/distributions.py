"""Checks of the distribution that components come from: what its users will get when they install it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib import metadata

from textforge.components.component import Component
from textforge.components.hookspecs import GROUP
from textforge.components.requirements import is_installed, missing_dependencies
from textforge.errors import listed
from textforge.testing.checks import Skipped
from textforge.testing.report import FAILED, OK, SKIPPED, Outcome
from textforge.testing.wheels import editable_source, missing_from_wheel


def distribution_outcomes(distribution: str, components: Sequence[Component]) -> Iterator[Outcome]:
    """Check a distribution, and yield the outcomes.

    Args:
        distribution: its name.
        components: its components that were asked for.
    """
    if not is_installed(distribution):
        return
    missing = missing_dependencies(distribution)
    yield Outcome("its-dependencies-are-installed", FAILED if missing else OK, missing)
    yield _of_wheel(distribution, components)


def _of_wheel(distribution: str, components: Sequence[Component]) -> Outcome:
    name = "its-wheel-holds-what-it-imports"
    source = editable_source(distribution)
    if source is None:
        return Outcome(name, SKIPPED, "it is not installed as editable, so what is checked is what was built.")
    try:
        modules, files = missing_from_wheel(source.resolve(), _modules(distribution, components))
    except Skipped as reason:
        return Outcome(name, SKIPPED, str(reason))
    if not modules and not files:
        return Outcome(name, OK)
    lacks = [f"the module {one}" for one in modules] + [f"the file {one}" for one in files]
    return Outcome(
        name,
        FAILED,
        f"the wheel of {distribution} lacks {listed(lacks)}, which the folder {source} has. Its users would get an "
        "error. Let the build include it: put all modules into one package folder, such as src/my_plugin.",
    )


def _modules(distribution: str, components: Sequence[Component]) -> set[str]:
    """The modules that textforge imports: of the entry points of a distribution, and of its components."""
    points = metadata.distribution(distribution).entry_points
    found = {one.module for one in points if one.group == GROUP or one.group.startswith(f"{GROUP}.")}
    for component in components:
        target = component.target
        found.add(target.partition(":")[0] if isinstance(target, str) else str(getattr(target, "__module__", "")))
    return found - {""}
