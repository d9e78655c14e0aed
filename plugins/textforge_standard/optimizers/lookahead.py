"""Optimizer `lookahead`."""

from typing import Annotated, Any

from annotated_types import Ge, Gt, Le

from textforge import Optimizer


def lookahead(
    facts: dict[str, Any],
    /,
    *,
    of: Optimizer = "adam",  # type: ignore[assignment]  (as a recipe writes it)
    steps: Annotated[int, Ge(1)] = 5,
    alpha: Annotated[float, Gt(0), Le(1)] = 0.5,
):
    """Slow weights that follow an optimizer's fast ones (Zhang, Lucas, Hinton & Ba 2019).

    After every few steps the slow weights move part of the way to the fast weights, which go on from there.

    Options:
        of: the optimizer that moves the fast weights.
        steps: steps of the fast weights for each step of the slow ones.
        alpha: the share of the way that the slow weights move.
    """
    from textforge_standard.optimizers.lookahead_steps import Lookahead

    return Lookahead(of.build(facts), steps, alpha)


def _sparse(*, of: Any, **_: Any) -> bool:
    return bool(of.takes_sparse_gradients)


lookahead.sparse_gradients = _sparse
