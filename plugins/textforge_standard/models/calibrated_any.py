"""Model `calibrated` around any model: a sigmoid or softmax, fitted to held-out scores from cross-validation."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from textforge.data import folds
from textforge_standard.models.scaling import Scale, scaling
from textforge_standard.models.unseen import as_unseen


@dataclass(frozen=True)
class HeldOut:
    """How to draw texts that the scored model was not trained on.

    Args:
        n_folds: number of folds, at most one per text; each is scored by a model trained on the others.
        enough: number of scored texts after which no further fold is trained; None scores all.
        seed: seed of the draw.
    """

    n_folds: int
    enough: int | None
    seed: int

    def splits(self, targets: Any) -> Iterator[tuple[Any, Any]]:
        """Yield the row numbers to train on and those to score, while more scores are needed."""
        scored = 0
        for held in folds(targets, min(self.n_folds, len(targets)), self.seed):
            kept = np.setdiff1d(np.arange(len(targets)), held)
            if targets.ndim == 2 or (targets[kept] != targets[kept[0]]).any():  # no model learns a single class
                yield kept, held
                scored += len(held)
            if self.enough is not None and scored >= self.enough:
                return


class CalibratedModel(nn.Module):
    """Scales a model's scores to minimize the log loss on texts that the model was not trained on: see `scaling`.

    Args:
        make: builds the inner model, each time from the same seed.
        train: trains an inner model on features and targets.
        held_out: draws the texts to score.
        n_classes: number of classes or labels.
        scale: how to fit slopes and shifts.
    """

    slope: torch.Tensor
    shift: torch.Tensor

    def __init__(
        self,
        make: Callable[[], nn.Module],
        train: Callable[[nn.Module, Any, Any], None],
        held_out: HeldOut,
        n_classes: int,
        scale: Scale,
    ) -> None:
        super().__init__()
        self.inner = make()
        for name, value in (("slope", 1.0), ("shift", 0.0)):
            self.register_buffer(name, torch.full((n_classes,), value))
        self._make, self._train, self._held_out, self._scale = make, train, held_out, scale

    def fit(self, features: Any, targets: Any) -> None:
        """Fit to features and class numbers (int64), or 0/1 rows of labels (float32)."""
        targets = np.asarray(targets)
        scores, wanted = [], []
        for kept, held in self._held_out.splits(targets):
            module = self._make()
            known = features.take(kept)
            self._train(module, known, targets[kept])
            scores.append(scores_of(module, as_unseen(features.take(held), known)))
            wanted.append(targets[held])
        self._train(self.inner, features, targets)
        if scores:
            slope, shift = scaling(np.concatenate(scores), np.concatenate(wanted), self._scale)
            self.slope.copy_(torch.from_numpy(slope))
            self.shift.copy_(torch.from_numpy(shift))

    @property
    def warnings(self) -> list[str]:
        """Warnings of the inner model."""
        return list(getattr(self.inner, "warnings", ()))

    def forward(self, batch: Any) -> torch.Tensor:
        scores: torch.Tensor = self.inner(batch).float()
        return self.slope * scores + self.shift


def scores_of(module: nn.Module, features: Any, size: int = 512) -> Any:
    """Outputs of a module in evaluation mode, float32, shape (texts, classes)."""
    module.eval()
    with torch.no_grad():
        found = [
            module(features.batch(start, min(start + size, len(features)))).float().numpy()
            for start in range(0, len(features), size)
        ]
    return np.concatenate(found)


def by_itself(module: Any, features: Any, targets: Any) -> None:
    """Train a model by its own `fit`."""
    module.fit(features, targets)


def by_optimizer(optimizer: Any, epochs: int, batch_size: int, seed: int) -> Callable[[nn.Module, Any, Any], None]:
    """Return a function that trains a model by an optimizer part, with cross-entropy over shuffled batches."""

    def train(module: nn.Module, features: Any, targets: Any) -> None:
        module.train()
        made = optimizer.build({"params": list(module.parameters()), "module": module})
        wanted = torch.from_numpy(np.asarray(targets))
        loss = binary_cross_entropy_with_logits if wanted.ndim == 2 else cross_entropy
        for epoch in range(epochs):
            order = np.random.default_rng([seed, epoch]).permutation(len(targets))
            for start in range(0, len(order), batch_size):
                rows = order[start : start + batch_size]
                made.zero_grad(set_to_none=True)
                value: Any = loss(module(features.take(rows).batch(0, len(rows))), wanted[torch.from_numpy(rows)])
                value.backward()
                made.step()

    return train
