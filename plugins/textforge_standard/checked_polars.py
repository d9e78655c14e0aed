"""polars as `pl`, refused in a process where it would wait forever. Import it inside functions: each import checks."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars as pl

__all__ = ["pl"]


def __getattr__(name: str) -> Any:
    if name != "pl":
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    from textforge.errors import require_polars_threads

    require_polars_threads()
    import polars

    return polars
