"""A plugin with optimizers of other packages, as an author would write it; used by tests and benchmarks."""

from __future__ import annotations

from typing import Any

from textforge import hookimpl


def adamw_schedule_free(params: Any, /, *, lr: float = 0.01, warmup_steps: int = 0) -> Any:
    """Schedule-free AdamW (Defazio et al. 2024).

    Options:
        lr: learning rate.
        warmup_steps: steps in which the rate rises.
    """
    from schedulefree import AdamWScheduleFree

    return AdamWScheduleFree(params, lr=lr, warmup_steps=warmup_steps)


def sgd_schedule_free(params: Any, /, *, lr: float = 1.0) -> Any:
    """Schedule-free SGD (Defazio et al. 2024).

    Options:
        lr: learning rate.
    """
    from schedulefree import SGDScheduleFree

    return SGDScheduleFree(params, lr=lr)


def radam_schedule_free(params: Any, /, *, lr: float = 0.01) -> Any:
    """Schedule-free RAdam (Defazio et al. 2024).

    Options:
        lr: learning rate.
    """
    from schedulefree import RAdamScheduleFree

    return RAdamScheduleFree(params, lr=lr)


def adamw_schedule_free_closure(params: Any, /, *, lr: float = 0.01) -> Any:
    """Schedule-free AdamW whose step takes a closure, and which has no modes.

    Options:
        lr: learning rate.
    """
    from schedulefree import AdamWScheduleFreeClosure

    return AdamWScheduleFreeClosure(params, lr=lr)


def lion(params: Any, /, *, lr: float = 0.003) -> Any:
    """Lion (Chen et al. 2023).

    Options:
        lr: learning rate.
    """
    from lion_pytorch import Lion

    return Lion(params, lr=lr)


def prodigy(params: Any, /, *, lr: float = 1.0) -> Any:
    """Prodigy, which estimates its learning rate (Mishchenko & Defazio 2023).

    Options:
        lr: factor of the estimated rate.
    """
    from prodigyopt import Prodigy

    return Prodigy(params, lr=lr)


def sam(params: Any, /, *, lr: float = 0.5, momentum: float = 0.9, rho: float = 0.05) -> Any:
    """Sharpness-aware minimization (Foret et al. 2021) around stochastic gradient descent.

    Options:
        lr: learning rate.
        momentum: of the gradient descent.
        rho: distance to the worse point.
    """
    from sharpness_aware import SharpnessAware

    return SharpnessAware(params, lr=lr, momentum=momentum, rho=rho)


sam.needs_closure = "after_gradients"  # type: ignore[attr-defined]

OPTIMIZERS = {
    "adamw-schedule-free": adamw_schedule_free,
    "sgd-schedule-free": sgd_schedule_free,
    "radam-schedule-free": radam_schedule_free,
    "adamw-schedule-free-closure": adamw_schedule_free_closure,
    "lion": lion,
    "prodigy": prodigy,
    "sam": sam,
}


@hookimpl
def textforge_optimizers() -> dict[str, Any]:
    return OPTIMIZERS
