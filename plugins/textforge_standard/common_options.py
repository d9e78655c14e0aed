"""Documentation of options that mean the same in many parts of a kind, written once."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any


def completed_doc(described: Callable[..., Any], common: Mapping[str, str]) -> str:
    """The docstring of a factory, completed by documentation from `common` for each option that it leaves out."""
    head, _, own = (inspect.getdoc(described) or "").partition("\nOptions:\n")
    lines = own.rstrip().splitlines()
    documented = {line.strip().partition(":")[0] for line in lines}
    names = [name for name, p in inspect.signature(described).parameters.items() if p.kind is p.KEYWORD_ONLY]
    lines += [f"    {name}: {common[name]}" for name in names if name not in documented and name in common]
    return "\n".join([head.rstrip(), "", "Options:", *lines]) + "\n"
