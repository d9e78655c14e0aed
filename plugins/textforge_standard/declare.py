"""Attributes of a factory that tell the core what the signature cannot, set in one typed way."""

from collections.abc import Callable
from typing import Any, TypedDict, Unpack


class Attributes(TypedDict, total=False):
    """The attributes that textforge reads from factories."""

    check_options: Callable[..., str | None]
    """Takes all options by name; returns a sentence if they contradict each other, else None."""
    needs: Callable[..., tuple[str, ...]]
    """Takes all options by name; returns facts that the factory needs besides those it asks for."""
    fits_itself: bool | Callable[..., bool]
    """Whether a model is trained by its own `fit`; may be a function of the options."""
    in_numpy: str | Callable[..., str | None] | None
    """The function 'module:name' that computes a model without torch; may be a function of the options, which returns
    None where the model needs torch."""
    sparse_gradients: bool | str | Callable[..., bool]
    """Whether an optimizer takes sparse gradients: a bool, the option that decides, or a function of the options."""
    needs_closure: bool | str | Callable[..., bool | str]
    """Whether an optimizer's step needs a closure: True, or 'after_gradients' for one that also needs gradients before
    it; may be a function of the options."""
    streams: Callable[..., bool]
    """Takes all options by name; returns whether a dataset's training split is a stream."""
    brings_columns: Callable[..., Any]
    """Takes all options by name; returns the columns that a dataset brings beside the texts, with their kinds."""
    look_at: Callable[..., Any]
    """Takes a path; returns the options with which a dataset reads it, or None. `textforge init` calls it."""
    tables: Any
    """A `textforge.data.TableFormat`, by which `textforge predict` reads and writes a dataset's files."""
    greater_is_better: bool
    """Whether larger values of a metric are better; True if not set."""


def declare(factory: Callable[..., Any], **attributes: Unpack[Attributes]) -> None:
    """Set attributes of a factory, as `factory.name = value` does, but checked by type checkers."""
    vars(factory).update(attributes)
