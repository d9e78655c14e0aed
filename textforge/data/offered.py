"""Call plugin code with the optional arguments that it declares as parameters, and without the others."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any


def takes(function: Any, name: str, *, after: int = 0) -> bool:
    """Whether a function, or the forward pass of a module, has a parameter of this name.

    Args:
        function: the function or module.
        name: the name of the parameter.
        after: number of leading parameters that do not count, because they get positional arguments.
    """
    try:
        parameters = [*inspect.signature(getattr(function, "forward", function)).parameters.values()]
    except (TypeError, ValueError):  # built-in functions may have no signature
        return False
    by_name = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return any(one.name == name and one.kind in by_name for one in parameters[after:])


def called_offering(function: Callable[..., Any], *arguments: Any, **offered: Any) -> Any:
    """Call a function with its arguments, and with those offered by name that it has parameters for.

    A vectorizer around another one passes on the targets of the training texts in this way:
    `called_offering(inner.fit, texts, targets=targets)`.
    """
    taken = {name: value for name, value in offered.items() if takes(function, name, after=len(arguments))}
    return function(*arguments, **taken)
