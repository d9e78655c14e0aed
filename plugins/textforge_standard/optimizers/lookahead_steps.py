"""The optimizer that `lookahead` builds."""

import inspect
from typing import Any

import torch
from torch.optim import Optimizer

from textforge_standard.optimizers.undecorated import undecorated

SLOW, COUNT = "lookahead_slow", "lookahead_steps"


class _Lookahead(Optimizer):
    """Steps an inner optimizer on the fast weights, and keeps the slow weights in its state.

    The two share groups and state, so schedulers and checkpoints see a single optimizer.

    Args:
        inner: optimizer of the fast weights.
        steps: inner steps per slow step.
        alpha: fraction of the way from slow to fast weights.
    """

    def __init__(self, inner: Optimizer, steps: int, alpha: float) -> None:
        self._inner, self._every, self._alpha = inner, steps, alpha
        super().__init__(inner.param_groups, {})
        for group in self.param_groups:
            group[COUNT] = 0
        self.state = inner.state
        self._share()

    def _share(self) -> None:
        """Make the inner optimizer use this one's groups and state."""
        self._inner.param_groups, self._inner.state = self.param_groups, self.state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)  # called by `load_state_dict`, which replaces groups and state
        self._share()

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]  # closures are not used
        # Many optimizers initialize a parameter's state only if it is empty, so slow weights are added after the
        # first inner step.
        moving = [p for group in self.param_groups for p in group["params"] if p.grad is not None]
        first = {p: p.detach().clone() for p in moving if SLOW not in self.state.get(p, ())}
        self._inner.step()
        for parameter, before in first.items():
            self.state[parameter][SLOW] = before
        for group in self.param_groups:
            group[COUNT] += 1
            if group[COUNT] % self._every:
                continue
            for parameter in group["params"]:
                if SLOW in self.state.get(parameter, ()):
                    slow = self.state[parameter][SLOW]
                    slow.lerp_(parameter, self._alpha)
                    parameter.copy_(slow)


Lookahead = undecorated(_Lookahead)


def why_unfit(inner: Optimizer) -> str | None:
    """Why slow weights cannot follow an optimizer, as a predicate; None if they can.

    A slow step moves the weights. That of an optimizer with a closure, or with training weights that depend on its
    state, would contradict what it remembers.
    """
    if all(callable(getattr(inner, name, None)) for name in ("train", "eval")):
        return "has train() and eval(): its training weights are not those to keep, and only it can move them"
    closure = inspect.signature(type(inner).step).parameters.get("closure")
    needed = closure is not None and closure.default is closure.empty
    return "needs a closure, which lookahead does not give" if needed else None
