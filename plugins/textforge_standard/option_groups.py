"""Options that several factories have in common, declared once."""

import inspect
import textwrap
from collections.abc import Callable
from dataclasses import is_dataclass
from functools import wraps
from typing import Any


def with_groups(*checks: Callable[..., str | None]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Make a factory that takes, besides its own options, those of every dataclass among its positional parameters.

    Such a group of options is documented by its own docstring, and may have a method `wrong`, which
    says how its options contradict each other; `checks` see the options that are the factory's own
    too. The group comes in one piece::

        @with_groups()
        def shapes(seed: int, hold_out: HoldOut, /, *, n: int = 10): ...

    asks for the fact `seed`, and its options are every field of HoldOut, and `n`.
    """
    return lambda build: _grouped(build, checks)


def _grouped(build: Callable[..., Any], checks: tuple[Callable[..., str | None], ...]) -> Callable[..., Any]:
    own = inspect.signature(build).parameters
    positional = [name for name, p in own.items() if p.kind is p.POSITIONAL_ONLY]
    groups = {name: own[name].annotation for name in positional if is_dataclass(own[name].annotation)}
    fields = {name: inspect.signature(group).parameters for name, group in groups.items()}

    def grouped(options: dict[str, Any]) -> dict[str, Any]:
        return {name: group(**{f: options[f] for f in fields[name] if f in options}) for name, group in groups.items()}

    @wraps(build)
    def factory(*facts: Any, **options: Any) -> Any:
        known, made = iter(facts), grouped(options)
        given = (made[name] if name in made else next(known) for name in positional)
        return build(*given, **{name: value for name, value in options.items() if name in own})

    def check_options(**options: Any) -> str | None:
        told = (group.wrong() for group in grouped(options).values() if hasattr(group, "wrong"))
        return next(filter(None, told), None) or next(filter(None, (check(**options) for check in checks)), None)

    facts = [own[name] for name in positional if name not in groups]
    shared = [field for one in fields.values() for field in one.values()]
    mine = [p for p in own.values() if p.kind is p.KEYWORD_ONLY]
    factory.__signature__ = inspect.Signature([*facts, *shared, *mine])  # type: ignore[attr-defined]
    factory.__doc__ = _joined(build, *groups.values())
    factory.check_options = check_options  # type: ignore[attr-defined]
    return factory


def _joined(build: Callable[..., Any], *groups: type) -> str:
    """The docstring of `build` with the lines of the groups' options before its own."""
    told, _, own = (inspect.getdoc(build) or "").partition("\nOptions:\n")
    lines = [(inspect.getdoc(group) or "").partition("\nOptions:\n")[2] for group in groups]
    sections = [textwrap.dedent(section).strip("\n") for section in (*lines, own) if section.strip()]
    return f"{told.rstrip()}\n\nOptions:\n" + textwrap.indent("\n".join(sections), "    ") + "\n"
