"""Model `calibrated` over a linear SVM: its weights as buffers, and the probabilities of scikit-learn."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.functional import logsigmoid

from textforge import DataError
from textforge_standard.models.linear_scores import (
    NEVER,
    SURE,
    as_matrix,
    constant,
    convergence_warnings,
    weighted_sums,
    with_weight,
)


@dataclass(frozen=True)
class Calibration:
    """A linear classifier with sigmoids over its margins, fitted in folds."""

    make: Callable[[], Any]
    """Makes an unfitted CalibratedClassifierCV; called only by `fit`."""
    folds: int
    """Its `cv`."""
    ensemble: bool
    """Whether it keeps the machine of each fold, instead of one."""


class CalibratedScores(nn.Module):
    """Linear margins, a sigmoid over each, and the mean over the machines that were kept.

    Args:
        calibration: what `fit` fits.
        n_features: number of features.
        n_classes: number of classes or labels.
        multi_label: whether a text may have several labels.
    """

    weight: torch.Tensor
    bias: torch.Tensor
    slope: torch.Tensor
    shift: torch.Tensor

    def __init__(self, calibration: Calibration, n_features: int, n_classes: int, multi_label: bool) -> None:
        super().__init__()
        self.warnings: list[str] = []
        self._calibration, self._multi_label = calibration, multi_label
        self._shape = (calibration.folds if calibration.ensemble else 1, n_classes)
        shapes = {"weight": (n_features, *self._shape), "bias": self._shape}
        for name, shape in {**shapes, "slope": self._shape, "shift": self._shape}.items():
            self.register_buffer(name, torch.zeros(shape, dtype=torch.float64))

    def fit(self, features: Any, targets: Any, weights: Any = None) -> None:
        """Fit to features and class numbers (n,), or 0/1 rows of labels (n, n_classes), of texts with weights (n,).

        Raises:
            DataError: a class has fewer texts than there are folds.
        """
        matrix, targets, weights = with_weight(as_matrix(features), np.asarray(targets), weights)
        given = partial(self._fitted, matrix, weights)
        self.warnings.clear()
        learnt = {name: np.zeros(tuple(buffer.shape)) for name, buffer in self.named_buffers()}
        if self._multi_label:
            for label, column in enumerate(targets.T > 0.5):
                if column.all() or not column.any():
                    learnt["shift"][:, label] = SURE if column[0] else -SURE
                    self.warnings.append(constant("calibrated", label, column[0]))
                else:
                    _read(given(column), learnt, [label])
        else:
            learnt["shift"][:] = NEVER
            _read(given(targets), learnt, np.unique(targets))
        for name, buffer in self.named_buffers():
            buffer.copy_(torch.from_numpy(learnt[name]))

    def _fitted(self, matrix: Any, weights: Any, y: Any) -> Any:
        """Fit the CalibratedClassifierCV of some classes."""
        rarest = np.unique(y, return_counts=True)[1].min()
        if rarest < (folds := self._calibration.folds):
            raise DataError(
                f"model 'calibrated' needs {folds} training texts of every class, one for each fold, "
                f"and the rarest class has {rarest}. Lower model.cv, or use 'logistic-regression'."
            )
        estimator = self._calibration.make()
        with convergence_warnings("calibrated", estimator, self.warnings):
            return estimator.fit(matrix, y, sample_weight=weights)

    def forward(self, batch: Any) -> torch.Tensor:
        sums: Any = weighted_sums(batch, self.weight.flatten(1))
        margins: torch.Tensor = sums.unflatten(1, self._shape) + self.bias
        inner = self.slope * margins + self.shift
        yes = logsigmoid(inner)
        if self._multi_label:
            return (yes.logsumexp(dim=1) - logsigmoid(-inner).logsumexp(dim=1)).float()
        # The mean of probabilities is their sum up to a constant, which the softmax cancels.
        return yes.log_softmax(dim=2).logsumexp(dim=1).log_softmax(dim=1).float()


def _read(fitted: Any, learnt: dict[str, Any], columns: Any) -> None:
    """Copy weights and sigmoids of a fitted CalibratedClassifierCV into `learnt`, at the columns of its classes."""
    for fold, one in enumerate(fitted.calibrated_classifiers_):
        margins, sigmoids = one.estimator, one.calibrators
        # scikit-learn's sigmoid is 1 / (1 + exp(a * margin + b)); for two classes it fits only the second.
        for column, row, sign in _pairs(columns, len(sigmoids)):
            learnt["weight"][:, fold, column] = margins.coef_[row]
            learnt["bias"][fold, column] = margins.intercept_[row]
            learnt["slope"][fold, column] = -sign * sigmoids[row].a_
            learnt["shift"][fold, column] = -sign * sigmoids[row].b_


def _pairs(columns: Any, rows: int) -> list[tuple[int, int, int]]:
    """For each column, the row of the machine and the sign (1, or -1 for the opposite class)."""
    if rows == 1 and len(columns) == 2:
        return [(columns[0], 0, -1), (columns[1], 0, 1)]
    return [(column, row, 1) for row, column in enumerate(columns)]
