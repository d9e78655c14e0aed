"""Several optimizers in one, as `muon` and `sparse-adam` use them."""

from typing import Any

import torch
from torch.optim import Optimizer

from textforge_standard.optimizers.undecorated import undecorated


class _Joined(Optimizer):
    """Optimizers that step one after another, each on its own parameters.

    They share this optimizer's groups and state, so schedulers and checkpoints see a single optimizer.
    """

    def __init__(self, *parts: Optimizer) -> None:
        self.parts = parts
        super().__init__([group for part in parts for group in part.param_groups], {})
        self._share()

    def _share(self) -> None:
        """Make the parts use this optimizer's groups and state."""
        groups = iter(self.param_groups)
        for part in self.parts:
            part.param_groups = [next(groups) for _ in part.param_groups]
            part.state = self.state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)  # called by `load_state_dict`, which replaces groups and state
        self._share()

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]  # closures are not used
        for part in self.parts:
            part.step()


Joined = undecorated(_Joined)
