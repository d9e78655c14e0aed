"""Outcomes of all checks of installed components, as `textforge plugin check` reports them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
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

OK, FAILED, SKIPPED, NOT_CHECKED = "ok", "failed", "skipped", "not checked"
STATUSES = (OK, FAILED, SKIPPED, NOT_CHECKED)


@dataclass(frozen=True)
class Outcome:
    """Outcome of a check."""

    name: str
    status: str
    """'ok', 'failed', 'skipped' because the check does not apply, or 'not checked' because options are missing."""
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


def options_for(components: Sequence[Component], given: Iterable[str]) -> list[dict[str, Any]]:
    """Parse options written as KEY=VALUE, or as KIND.NAME.KEY=VALUE for one component of several.

    Returns:
        The options of each component, in order.

    Raises:
        RecipeError: an option is malformed or invalid, or it is not clear of which component it is.
    """
    own: list[list[str]] = [[] for _ in components]
    places = [f"{component.kind.name}.{component.name}." for component in components]
    for one in given:
        named = [number for number, place in enumerate(places) if one.strip().startswith(place)]
        if named:
            own[named[0]].append(one.strip().removeprefix(places[named[0]]))
        elif len(components) == 1:
            own[0].append(one)
        else:
            key = one.partition("=")[0].strip()
            known = [place.rstrip(".") for place in places]
            meant = did_you_mean(".".join(key.split(".")[:2]), known)
            raise RecipeError(
                f"-s {one}: say which component has the option, as in -s KIND.NAME.{key.split('.')[-1]}=VALUE.{meant} "
                f"The components: {listed(known)}."
            )
    found = [read_options(options) for options in own]
    for component, options in zip(components, found, strict=True):
        if options:  # one error here is clearer than one in every check
            component.options.accepted(with_inner_parts(component, options), lookup(None).resolve)
    return found


def outcomes(
    component: Component, options: dict[str, Any] | None = None, *, skip: Mapping[str, str] | None = None
) -> Iterator[Outcome]:
    """Run every check of a component's kind and yield the outcomes.

    If a required option is not given, the checks that need to build the component are 'not checked'.

    Args:
        component: the component.
        options: its options, as in a recipe.
        skip: maps names of checks to skip to the reasons.
    """
    from textforge.testing import checks

    wanting = "" if options or component.kind is COMMAND else _wanting(component)
    for check in checks(component.kind.name, component, options=options, skip=skip):
        try:
            check()
        except Skipped as error:
            depends = wanting and isinstance(error, SkippedAfterFailure)
            if depends:
                yield Outcome(check.name, NOT_CHECKED, "it is not used here (see 'is-built-and-used').")
            else:
                yield Outcome(check.name, SKIPPED, str(error))
        except ContractError as error:
            if wanting and check.name == "is-built-and-used":
                yield Outcome(check.name, NOT_CHECKED, wanting)
            else:
                yield Outcome(check.name, FAILED, str(error))
        else:
            yield Outcome(check.name, OK)


def _wanting(component: Component) -> str:
    """Why the component cannot be built without options; empty if it can."""
    try:
        component.options.accepted(with_inner_parts(component, {}), lookup(None).resolve)
    except RecipeError as error:
        place = f"{component.kind.name}.{component.name}"
        return f"it needs options, -s {place}.KEY=VALUE: {' '.join(str(error).split())}"
    except TextforgeError:
        pass  # a check reports it
    return ""
