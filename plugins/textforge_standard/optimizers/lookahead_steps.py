"""The steps of optimizer `lookahead`."""

from typing import Any

import torch
from torch.optim import Optimizer

from textforge_standard.optimizers.undecorated import undecorated

SLOW, COUNT = "lookahead_slow", "lookahead_steps"


class _Lookahead(Optimizer):
    """Steps an inner optimizer, whose groups and state are its own, so schedulers and checkpoints see one optimizer.

    Args:
        inner: moves the fast weights.
        steps: inner steps for each step of the slow weights.
        alpha: the share of the way from slow to fast weights.
    """

    def __init__(self, inner: Optimizer, steps: int, alpha: float) -> None:
        self._inner, self._every, self._alpha = inner, steps, alpha
        super().__init__(inner.param_groups, {})
        for group in self.param_groups:
            group[COUNT] = 0
        self.state = inner.state
        self._share()

    def _share(self) -> None:
        """Let the inner optimizer work on this one's groups and state."""
        self._inner.param_groups, self._inner.state = self.param_groups, self.state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)  # from `load_state_dict`, which puts new groups and a new state here
        self._share()

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:
        # Many optimizers prepare a parameter's state at its first step if that state is empty, so slow weights are
        # put there only afterwards.
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
