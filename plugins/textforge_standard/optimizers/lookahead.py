"""Optimizer `lookahead`."""

from typing import Annotated, Any, cast

from annotated_types import Ge, Gt, Le

from textforge import Optimizer, RecipeError
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
    from textforge_standard.optimizers.lookahead_steps import Lookahead, why_unfit

    inner = of.build(facts)
    if why := why_unfit(inner):
        raise RecipeError(f"optimizer 'lookahead': of: {of.label} {why}. Use {of.label} without lookahead.")
    return Lookahead(inner, steps, alpha)


def _contradiction(*, of: Any, **_: Any) -> str | None:
    return f"of: {of.label} needs a closure, which lookahead does not give. Use it alone." if of.needs_closure else None


def _takes_sparse_gradients(*, of: Any, **_: Any) -> bool:
    return bool(of.takes_sparse_gradients)


declare(lookahead, check_options=_contradiction, sparse_gradients=_takes_sparse_gradients)
