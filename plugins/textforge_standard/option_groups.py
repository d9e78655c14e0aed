"""Groups of options that several factories share."""

import inspect
import textwrap
from collections.abc import Callable
from dataclasses import is_dataclass
from functools import wraps
from typing import Any

from textforge_standard.declare import declare

Check = Callable[..., str | None]
"""Takes options by name; returns a sentence about options that contradict each other, or None."""


def with_groups(*checks: Check) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Make a decorator that expands every dataclass among a factory's positional parameters into options.

    The docstring of such a dataclass documents its fields. Its method `wrong`, if it has one, reports
    fields that contradict each other; `checks` receive all options of the factory. Its method `brings_columns`
    becomes the factory's attribute of this name. The factory receives
    one instance of each dataclass::

        @with_groups()
        def shapes(seed: int, hold_out: HoldOut, /, *, n: int = 10): ...

    asks for the fact `seed`; its options are `n` and every field of HoldOut.
    """
    return lambda build: _grouped(build, checks)


def _grouped(build: Callable[..., Any], checks: tuple[Check, ...]) -> Callable[..., Any]:
    own = inspect.signature(build).parameters
    positional = [name for name, p in own.items() if p.kind is p.POSITIONAL_ONLY]
    keywords = {name for name, p in own.items() if p.kind is p.KEYWORD_ONLY}  # a group may have the name of an option
    groups = {name: own[name].annotation for name in positional if is_dataclass(own[name].annotation)}
    fields = {name: inspect.signature(group).parameters for name, group in groups.items()}

    def grouped(options: dict[str, Any]) -> dict[str, Any]:
        return {name: group(**{f: options[f] for f in fields[name] if f in options}) for name, group in groups.items()}

    @wraps(build)
    def factory(*facts: Any, **options: Any) -> Any:
        known, made = iter(facts), grouped(options)
        given = (made[name] if name in made else next(known) for name in positional)
        return build(*given, **{name: value for name, value in options.items() if name in keywords})

    def check_options(**options: Any) -> str | None:
        by_group = (group.wrong() for group in grouped(options).values() if hasattr(group, "wrong"))
        return next(filter(None, by_group), None) or next(filter(None, (check(**options) for check in checks)), None)

    facts = [own[name] for name in positional if name not in groups]
    shared = [field for one in fields.values() for field in one.values()]
    mine = [p for p in own.values() if p.kind is p.KEYWORD_ONLY]
    vars(factory)["__signature__"] = inspect.Signature([*facts, *shared, *mine])
    factory.__doc__ = _joined(build, *groups.values())
    declare(factory, check_options=check_options)
    if any(hasattr(group, "brings_columns") for group in groups.values()):

        def brings_columns(**options: Any) -> Any:
            return next(one.brings_columns() for one in grouped(options).values() if hasattr(one, "brings_columns"))

        declare(factory, brings_columns=brings_columns)
    return factory


def _joined(build: Callable[..., Any], *groups: type) -> str:
    """The docstring of `build`, with the option lines of the groups before its own."""
    about, _, own = (inspect.getdoc(build) or "").partition("\nOptions:\n")
    lines = [(inspect.getdoc(group) or "").partition("\nOptions:\n")[2] for group in groups]
    sections = [textwrap.dedent(section).strip("\n") for section in (*lines, own) if section.strip()]
    return f"{about.rstrip()}\n\nOptions:\n" + textwrap.indent("\n".join(sections), "    ") + "\n"
