"""Every check of installed components, one outcome after the other: what `textforge plugin check` shows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from textforge.components.component import Component
from textforge.components.kinds import COMMAND
from textforge.components.manager import PluginManager
from textforge.errors import PluginError, RecipeError, TextforgeError, did_you_mean, listed
from textforge.recipes.merge import written_value
from textforge.testing.checks import ContractError, Moot, Skipped
from textforge.testing.inner_parts import lookup, with_inner_parts
from textforge.testing.subject import ALL_KINDS

OK, FAILED, SKIPPED = "ok", "failed", "skipped"


@dataclass(frozen=True)
class Outcome:
    """What came of a check."""

    name: str
    status: str
    """'ok', 'failed' or 'skipped'."""
    message: str = ""
    """What was found and what to do, or why the check does not apply."""

    def as_json(self) -> dict[str, str]:
        return {key: value for key, value in asdict(self).items() if value}


def installed(
    name: str, only: str | None = None, plugins: PluginManager | None = None
) -> tuple[list[Component], list[str]]:
    """The components that a distribution or an entry point gives, or those of a name; and what of it is broken.

    Args:
        name: of a distribution, an entry point or a component; the first of these that there is.
        only: components of this kind alone.
        plugins: where they are looked up; by default everything installed.

    Raises:
        PluginError: nothing has that name; the message has the nearest one that there is.
    """
    plugins = plugins or PluginManager()
    if only is not None:
        plugins.names(only)  # refuses an unknown kind
    found = [one for kind in ALL_KINDS for one in plugins.components(kind)]
    whole = [
        one for one in found if name == one.plugin or _distribution(name) == _distribution(one.origin.distribution)
    ]
    broken = [one for one in plugins.broken
              if name == one.plugin or _distribution(name) == _distribution(one.origin.distribution)]  # fmt: skip
    chosen = whole or ([] if broken else [one for one in found if one.name == name])
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
    """Options written as KEY=VALUE, the value in YAML as in a recipe.

    Raises:
        RecipeError: one cannot be read.
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
                raise RecipeError(f"-s {one}: '{name}' is no mapping.")
        inner[last] = written_value(key, value, f"-s {one}")
    return options


def outcomes(component: Component, options: dict[str, Any] | None = None) -> Iterator[Outcome]:
    """Hold a component to every check of its kind.

    A component whose options have no defaults is not held to what needs them, unless they are given.
    """
    from textforge.testing import checks

    wanting = "" if options or component.kind is COMMAND else _wanting(component)
    for check in checks(component.kind.name, component, options=options):
        try:
            check()
        except Skipped as error:
            moot = wanting and isinstance(error, Moot)
            yield Outcome(check.name, SKIPPED, "it is not used here (see 'is-built-and-used')." if moot else str(error))
        except ContractError as error:
            if wanting and check.name == "is-built-and-used":
                yield Outcome(check.name, SKIPPED, wanting)
            else:
                yield Outcome(check.name, FAILED, str(error))
        else:
            yield Outcome(check.name, OK)


def _wanting(component: Component) -> str:
    """Why it cannot be built without options, or nothing."""
    try:
        component.options.accepted(with_inner_parts(component, {}), lookup(None).resolve)
    except RecipeError as error:
        return f"it needs options, -s KEY=VALUE: {' '.join(str(error).split())}"
    except TextforgeError:
        pass  # a check tells
    return ""


def _distribution(name: str) -> str:
    """A distribution's name as packaging compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()
