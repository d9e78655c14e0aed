"""Several optimizers as one: what `muon` and `sparse-adam` are made of."""

from typing import Any

import torch
from torch.optim import Optimizer

from textforge_standard.optimizers.undecorated import undecorated


class _Joined(Optimizer):
    """Each part steps its own parameters; groups and state are this optimizer's, so schedulers and
    checkpoints see one optimizer.
    """

    def __init__(self, *parts: Optimizer) -> None:
        self.parts = parts
        super().__init__([group for part in parts for group in part.param_groups], {})
        self._share()

    def _share(self) -> None:
        """Let the parts work on this optimizer's groups and state."""
        groups = iter(self.param_groups)
        for part in self.parts:
            part.param_groups = [next(groups) for _ in part.param_groups]
            part.state = self.state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)  # of `load_state_dict`, which puts new groups and a new state here
        self._share()

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:
        for part in self.parts:
            part.step()


Joined = undecorated(_Joined)
