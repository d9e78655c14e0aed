"""Contract checks for schedulers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from textforge.errors import RecipeError
from textforge.testing.checks import as_contract_error, rule
from textforge.testing.subject import Subject, exercise

RATES = (0.01, 0.1)
LENGTHS = ((1, 1), (2, 1), (2, 2), (7, 3), (1000, 100))
"""Pairs of total steps and steps per epoch."""


@exercise("scheduler")
def _work(subject: Subject) -> Mapping[str, Any]:
    """Step through a training of four epochs."""
    return {"rates": [rate for pair in rates(subject, 20, 5) for rate in pair]}


def rates(subject: Subject, total: int, per_epoch: int, mode: str = "min") -> list[list[float]]:
    """The learning rates of two parameter groups at each step of a training."""
    groups = [{"params": [torch.nn.Parameter(torch.zeros(2))], "lr": rate} for rate in RATES]
    optimizer = torch.optim.SGD(groups, momentum=0.9)
    scheduler = subject.build(optimizer=optimizer, total_steps=total, steps_per_epoch=per_epoch, monitor_mode=mode)
    if not isinstance(scheduler, (LRScheduler, ReduceLROnPlateau)):
        raise subject.breaks(
            f"the factory returned a {type(scheduler).__name__}.",
            "Return a torch.optim.lr_scheduler.LRScheduler; LambdaLR makes one from a function.",
        )
    found = []
    for step in range(1, total + 1):  # as in training: no scheduler step after the last update
        found.append([float(group["lr"]) for group in optimizer.param_groups])
        optimizer.step()
        if isinstance(scheduler, ReduceLROnPlateau):
            if step % per_epoch == 0:
                scheduler.step(0.5)
        elif step < total:
            scheduler.step()
    return found


@rule("scheduler")
def serves_trainings_of_any_length(subject: Subject) -> None:
    """It supports trainings of one, two or very many steps; a RecipeError may refuse short ones."""
    for total, per_epoch in LENGTHS:
        _rates(subject, total, per_epoch)


@rule("scheduler", after=("serves-trainings-of-any-length",))
def its_rates_are_finite_and_not_negative(subject: Subject) -> None:
    """No learning rate is negative, infinite or NaN, in trainings of any length."""
    for total, per_epoch in LENGTHS:
        for mode in ("min", "max"):
            for step, pair in enumerate(_rates(subject, total, per_epoch, mode), 1):
                if not all(math.isfinite(rate) and rate >= 0 for rate in pair):
                    raise subject.breaks(
                        f"at step {step} of {total} the learning rates are {pair[0]:g} and {pair[1]:g}.",
                        "Bound the factor from below, as in max(0.0, …): there may be more steps than expected.",
                    )


@rule("scheduler", after=("serves-trainings-of-any-length",))
def keeps_the_ratio_of_groups(subject: Subject) -> None:
    """Parameter groups with different learning rates keep different rates."""
    for pair in rates(subject, 20, 5):
        if pair[0] == pair[1] != 0:
            raise subject.breaks(
                f"two groups with the rates {RATES[0]:g} and {RATES[1]:g} both got {pair[0]:g}.",
                "Multiply each group's own rate (base_lrs) by a factor; layers may have their own rates.",
            )


def _rates(subject: Subject, total: int, per_epoch: int, mode: str = "min") -> list[list[float]]:
    """Like `rates`, but empty if the scheduler refuses a short training."""
    where = f"in a training of {total} steps"
    advice = "total_steps and steps_per_epoch may be 1 (divide by max(1, …)), or say in a RecipeError what to do."
    try:
        with as_contract_error(subject.label, where, advice, RecipeError):
            return rates(subject, total, per_epoch, mode)
    except RecipeError as error:
        if total > 100:
            raise subject.breaks(f"it refuses a training of {total} steps: {error}", advice) from error
        return []
