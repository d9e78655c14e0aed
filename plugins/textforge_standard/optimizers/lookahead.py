"""Optimizer `lookahead`."""

from typing import Annotated, Any, cast

from annotated_types import Ge, Gt, Le

from textforge import Optimizer
from textforge_standard.declare import declare


def lookahead(
    facts: dict[str, Any],
    /,
    *,
    of: Optimizer = cast(Any, "adam"),  # noqa: B008  (a default is written as in a recipe)
    steps: Annotated[int, Ge(1)] = 5,
    alpha: Annotated[float, Gt(0), Le(1)] = 0.5,
) -> Any:
    """Slow weights that follow the fast weights of another optimizer (Zhang, Lucas, Hinton & Ba 2019).

    Every few steps the slow weights move a fraction of the way to the fast weights, which continue from there.

    Options:
        of: the optimizer of the fast weights.
        steps: fast steps per slow step.
        alpha: fraction of the way that the slow weights move.
    """
    from textforge_standard.optimizers.lookahead_steps import Lookahead

    return Lookahead(of.build(facts), steps, alpha)


def _takes_sparse_gradients(*, of: Any, **_: Any) -> bool:
    return bool(of.takes_sparse_gradients)


declare(lookahead, sparse_gradients=_takes_sparse_gradients)
