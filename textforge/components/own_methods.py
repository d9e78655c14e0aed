"""Optional methods of parts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def own_method(part: Any, name: str) -> Callable[..., Any] | None:
    """An optional method that a part or its class defines; None if it has none.

    A wrapper whose `__getattr__` gives the facts of the vectorizer within would give its `fit_transform` as well, which
    would be fitted on texts that the wrapper has not changed. So a method that only `__getattr__` gives does not count.
    """
    if name not in getattr(part, "__dict__", ()) and not hasattr(type(part), name):
        return None
    method = getattr(part, name, None)  # a property of the class may raise AttributeError
    return method if callable(method) else None
