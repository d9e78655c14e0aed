"""Outcomes of all checks of installed components, as `textforge plugin check` reports them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from textforge.components.component import Component
from textforge.components.kinds import COMMAND
from textforge.components.manager import PluginManager
from textforge.components.names import normalized, split
from textforge.errors import PluginError, RecipeError, TextforgeError, did_you_mean, listed
from textforge.recipes.merge import written_value
from textforge.testing.checks import ContractError, Skipped, SkippedAfterFailure
from textforge.testing.inner_parts import lookup, with_inner_parts
from textforge.testing.subject import ALL_KINDS

OK, FAILED, SKIPPED = "ok", "failed", "skipped"


@dataclass(frozen=True)
class Outcome:
    """Outcome of a check."""

    name: str
    status: str
    """'ok', 'failed' or 'skipped'."""
    message: str = ""
    """The error and what to do about it, or why the check does not apply."""

    def as_json(self) -> dict[str, str]:
        return {key: value for key, value in asdict(self).items() if value}


def installed(
    name: str, only: str | None = None, plugins: PluginManager | None = None
) -> tuple[list[Component], list[str]]:
    """Look up the components of a distribution or an entry point, or the components with a given name.

    Args:
        name: name of a distribution or entry point, or else of a component, short or qualified.
        only: return only components of this kind.
        plugins: the plugin manager that looks them up. Defaults to everything installed.

    Returns:
        The components, and the error messages of broken plugins with that name.

    Raises:
        PluginError: nothing has that name; the message suggests the nearest name.
    """
    plugins = plugins or PluginManager()
    if only is not None:
        plugins.names(only)  # raises for an unknown kind
    found = [one for kind in ALL_KINDS for one in plugins.components(kind)]
    whole = [one for one in found if name == one.plugin or normalized(name) == normalized(one.origin.distribution)]
    broken = [one for one in plugins.broken
              if name == one.plugin or normalized(name) == normalized(one.origin.distribution)]  # fmt: skip
    same = [one for one in found if split(name) in ((None, one.name), split(one.qualified_name))]
    chosen = whole or ([] if broken else same)
    if not chosen and not broken:
        known = [
            *(one.origin.distribution for one in found),
            *(one.plugin for one in found),
            *(one.name for one in found),
            *(one.plugin for one in plugins.broken),
        ]
        meant = did_you_mean(name, dict.fromkeys(known))
        raise PluginError(
            f"no distribution, plugin or component named '{name}' is installed.{meant} "
            f"Distributions with plugins: {listed(dict.fromkeys(one.origin.distribution for one in found))}."
        )
    kept = [one for one in chosen if only in (None, one.kind.name)]
    if not kept and not broken:
        kinds = dict.fromkeys(one.kind.name for one in chosen)
        raise PluginError(f"'{name}' gives no {only}; it gives components of the kinds {listed(kinds)}.")
    return kept, [str(one) for one in broken]


def read_options(given: Iterable[str]) -> dict[str, Any]:
    """Parse options written as KEY=VALUE, with values in YAML as in a recipe.

    Raises:
        RecipeError: an option is malformed.
    """
    options: dict[str, Any] = {}
    for one in given:
        key, equals, value = one.partition("=")
        if not equals or not all(key.strip().split(".")):
            raise RecipeError(f"-s {one}: an option is KEY=VALUE, as in hidden=[200].")
        *above, last = key.strip().split(".")
        inner = options
        for name in above:
            inner = inner.setdefault(name, {})
            if not isinstance(inner, dict):
                raise RecipeError(f"-s {one}: '{name}' is not a mapping.")
        inner[last] = written_value(key, value, f"-s {one}")
    return options


def outcomes(component: Component, options: dict[str, Any] | None = None) -> Iterator[Outcome]:
    """Run every check of a component's kind and yield the outcomes.

    If a required option is not given, the checks that need to build the component are skipped.
    """
    from textforge.testing import checks

    wanting = "" if options or component.kind is COMMAND else _wanting(component)
    for check in checks(component.kind.name, component, options=options):
        try:
            check()
        except Skipped as error:
            depends = wanting and isinstance(error, SkippedAfterFailure)
            yield Outcome(
                check.name, SKIPPED, "it is not used here (see 'is-built-and-used')." if depends else str(error)
            )
        except ContractError as error:
            if wanting and check.name == "is-built-and-used":
                yield Outcome(check.name, SKIPPED, wanting)
            else:
                yield Outcome(check.name, FAILED, str(error))
        else:
            yield Outcome(check.name, OK)


def _wanting(component: Component) -> str:
    """Why the component cannot be built without options; empty if it can."""
    try:
        component.options.accepted(with_inner_parts(component, {}), lookup(None).resolve)
    except RecipeError as error:
        return f"it needs options, -s KEY=VALUE: {' '.join(str(error).split())}"
    except TextforgeError:
        pass  # a check reports it
    return ""
