"""Scheduler `one-cycle`."""

from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Lt

from textforge_standard.declare import declare
from textforge_standard.ranges import Fraction


def one_cycle(
    optimizer: Any,
    total_steps: int,
    /,
    *,
    warmup: Annotated[float, Gt(0), Lt(1)] = 0.3,
    anneal: Literal["cos", "linear"] = "cos",
    div_factor: Annotated[float, Ge(1)] = 25.0,
    final_div_factor: Annotated[float, Ge(1)] = 10_000.0,
    momentum: tuple[Fraction, Fraction] | None = (0.85, 0.95),
) -> Any:
    """One cycle up to the optimizer's learning rate and down to almost zero (Smith & Topin 2019).

    Options:
        warmup: fraction of all steps during which the rate rises.
        anneal: shape of the rise and the fall.
        div_factor: the first rate is the optimizer's rate divided by this.
        final_div_factor: the last rate is the first divided by this.
        momentum: lowest and highest momentum (Adam's first beta), which moves opposite to the rate; ignored if the
            optimizer has no momentum or momentum 0. null keeps the optimizer's momentum.
    """
    from torch.optim.lr_scheduler import OneCycleLR

    from textforge import RecipeError

    if warmup * total_steps <= 1:
        raise RecipeError(
            f"scheduler 'one-cycle': a rise in {warmup:g} of {total_steps} steps is no more than one step. Train for "
            "more epochs or in smaller batches, or use 'cosine'."
        )
    has_momentum = all(group.get("momentum") or group.get("betas", (0,))[0] for group in optimizer.param_groups)
    known = "momentum" in optimizer.defaults or "betas" in optimizer.defaults
    low, high = momentum or (0.85, 0.95)
    return OneCycleLR(
        optimizer,
        max_lr=[group["lr"] for group in optimizer.param_groups],
        total_steps=total_steps,
        pct_start=warmup,
        anneal_strategy=anneal,
        cycle_momentum=momentum is not None and known and has_momentum,
        base_momentum=low,
        max_momentum=high,
        div_factor=div_factor,
        final_div_factor=final_div_factor,
    )


def _contradiction(*, momentum: tuple[float, float] | None, **_: Any) -> str | None:
    return "momentum must be the lowest, then the highest." if momentum and momentum[0] > momentum[1] else None


declare(one_cycle, check_options=_contradiction)
