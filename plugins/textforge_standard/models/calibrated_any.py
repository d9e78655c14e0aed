"""Model `calibrated` around any model: a sigmoid or softmax, fitted to held-out scores from cross-validation."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from textforge import train_module
from textforge.data import called_with, fit_takes_weights, folds
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


@dataclass(frozen=True)
class Texts:
    """Texts to train on.

    Args:
        features: ragged or dense features.
        targets: class numbers (int64), or 0/1 rows of labels (float32).
        weights: the weight of each text, float64 (n,); None if all count equally.
    """

    features: Any
    targets: Any
    weights: Any

    def rows(self, rows: Any) -> "Texts":
        weights = None if self.weights is None else self.weights[rows]
        return Texts(self.features.take(rows), self.targets[rows], weights)


Train = Callable[[nn.Module, Texts], None]


class CalibratedModel(nn.Module):
    """Scales a model's scores to minimize the log loss on texts that the model was not trained on: see `scaling`.

    Args:
        make: builds the inner model, each time from the same seed.
        train: trains an inner model on texts.
        held_out: draws the texts to score.
        n_classes: number of classes or labels.
        scale: how to fit slopes and shifts.
    """

    slope: torch.Tensor
    shift: torch.Tensor

    def __init__(
        self,
        make: Callable[[], nn.Module],
        train: Train,
        held_out: HeldOut,
        n_classes: int,
        scale: Scale,
    ) -> None:
        super().__init__()
        self.inner = make()
        for name, value in (("slope", 1.0), ("shift", 0.0)):
            self.register_buffer(name, torch.full((n_classes,), value))
        self._make, self._train, self._held_out, self._scale = make, train, held_out, scale

    @property
    def takes_weights(self) -> bool:
        """Whether the inner model can weigh texts; an optimizer always can."""
        return self._train is not by_itself or fit_takes_weights(self.inner)

    def fit(self, features: Any, targets: Any, weights: Any = None) -> None:
        """Fit to features and class numbers (int64), or 0/1 rows of labels (float32), of texts with weights."""
        texts = Texts(features, np.asarray(targets), weights)
        if weights is not None and not weights.all():
            texts = texts.rows(np.flatnonzero(weights))
        scores, scored = [], []
        for kept, held in self._held_out.splits(texts.targets):
            module = self._make()
            known = texts.rows(kept)
            self._train(module, known)
            scores.append(scores_of(module, as_unseen(texts.features.take(held), known.features)))
            scored.append(held)
        self._train(self.inner, texts)
        if scores:
            rows = np.concatenate(scored)
            own = None if texts.weights is None else texts.weights[rows]
            slope, shift = scaling(np.concatenate(scores), texts.targets[rows], self._scale, own)
            self.slope.copy_(torch.from_numpy(slope))
            self.shift.copy_(torch.from_numpy(shift))

    @property
    def warnings(self) -> list[str]:
        """Warnings of the inner model."""
        return list(getattr(self.inner, "warnings", ()))

    def forward(self, batch: Any) -> torch.Tensor:
        scores: torch.Tensor = self.inner(batch).float()
        return self.slope * scores + self.shift

    def explain(self, batch: Any) -> tuple[torch.Tensor, torch.Tensor] | None:
        """Return the contributions by the inner model's `explain`, scaled; None if it has none."""
        explain: Any = getattr(self.inner, "explain", None)
        found = explain(batch) if explain else None
        if found is None:
            return None
        values, bias = found
        return self.slope * values, self.slope * bias + self.shift


def scores_of(module: nn.Module, features: Any, size: int = 512) -> Any:
    """Outputs of a module in evaluation mode, float32, shape (texts, classes)."""
    module.eval()
    with torch.no_grad():
        found = [
            module(features.batch(start, min(start + size, len(features)))).float().numpy()
            for start in range(0, len(features), size)
        ]
    return np.concatenate(found)


def by_itself(module: Any, texts: Texts) -> None:
    """Train a model by its own `fit`."""
    called_with(module.fit, texts.features, texts.targets, weights=texts.weights)


def by_optimizer(optimizer: Any, n_classes: int, epochs: int, batch_size: int, seed: int) -> Train:
    """Return a function that trains a model by an optimizer part, with cross-entropy over shuffled batches."""

    def train(module: nn.Module, texts: Texts) -> None:
        train_module(
            module, optimizer, texts.features, texts.targets, texts.weights,
            n_classes=n_classes, epochs=epochs, batch_size=batch_size, seed=seed,
        )  # fmt: skip

    return train
