"""Call plain functions with the facts that their parameters name."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from textforge.components.options import REQUIRED
from textforge.errors import PluginError, did_you_mean, listed


def call_with_facts(factory: Callable[..., Any], facts: Mapping[str, Any]) -> Any:
    """Call `factory` with the facts named by its positional parameters.

    This serves plain functions passed in code, so ordinary parameters without a default count as facts.

    Raises:
        PluginError: a parameter without a default is not in `facts`.
    """
    arguments: list[Any] = []
    by_name: dict[str, Any] = {}
    for name, parameter in inspect.signature(factory).parameters.items():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD, parameter.KEYWORD_ONLY):
            continue
        if name in facts:
            if parameter.kind is parameter.POSITIONAL_ONLY:
                arguments.append(facts[name])
            else:
                by_name[name] = facts[name]
        elif parameter.default is not REQUIRED:
            if parameter.kind is parameter.POSITIONAL_ONLY:
                arguments.append(parameter.default)
        else:
            shown = getattr(factory, "__name__", repr(factory))
            raise PluginError(
                f"'{shown}' asks for '{name}', which is not known here. "
                f"Known: {listed(facts)}.{did_you_mean(name, facts)}"
            )
    return factory(*arguments, **by_name)
