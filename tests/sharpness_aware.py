"""Sharpness-aware minimization, whose step needs a closure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.optim import SGD, Optimizer


class SharpnessAware(Optimizer):
    """Sharpness-aware minimization (Foret et al. 2021): a step of SGD with the gradient at a worse point nearby."""

    def __init__(self, params: Any, *, rho: float, **options: Any) -> None:
        self.inner = SGD(params, **options)
        super().__init__(self.inner.param_groups, {"rho": rho})
        self._share()

    def _share(self) -> None:
        self.inner.param_groups, self.inner.state = self.param_groups, self.state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._share()

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> None:  # type: ignore[override]
        assert closure is not None, "sharpness-aware minimization needs a closure"
        moving = [(group, p) for group in self.param_groups for p in group["params"] if p.grad is not None]
        norm = torch.stack([p.grad.norm() for _, p in moving]).norm() + 1e-12
        before = [p.clone() for _, p in moving]
        for group, p in moving:
            p.add_(p.grad * (group["rho"] / norm))
        with torch.enable_grad():
            closure()
        for (_, p), own in zip(moving, before, strict=True):
            p.copy_(own)
        self.inner.step()
