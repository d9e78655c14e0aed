"""Contributions that only a torch module can give: its own `explain`, and integrated gradients."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from textforge.classifiers.classifier import Classifier
from textforge.classifiers.engines.torch_engine import forward
from textforge.components.part import part_name, plugin_errors
from textforge.errors import ComponentError
from textforge.features.batch import RaggedBatch
from textforge.features.ragged import Ragged

AT_ONCE = 1 << 16
"""Most entries in one batch of points."""

Sums = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]
"""Values, mean and bias, as in `Attribution`."""


def own_contributions(classifier: Classifier, row: Ragged) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Contributions by the model's own `explain`: (entries, n_classes) and biases (n_classes,); None if it has none.

    Raises:
        ComponentError: `explain` raised, or returned something else.
    """
    explain: Callable[[RaggedBatch], Any] | None = getattr(classifier.module, "explain", None)
    if explain is None:
        return None
    who = part_name(classifier.parts.get("model"), "the model")
    batch = row.batch(0, 1).to(classifier.device)
    with plugin_errors(who, "explaining a batch"), torch.no_grad():
        found = explain(batch)
    if found is None:
        return None
    n_classes = len(classifier.labels)
    shapes = ((len(batch.indices), n_classes), (n_classes,))
    if not isinstance(found, tuple) or tuple(tuple(one.shape) for one in found if torch.is_tensor(one)) != shapes:
        raise ComponentError(
            f"{who}: explain must return a tensor of shape {shapes[0]}, one row for each entry of the batch, "
            f"and biases of shape {shapes[1]}."
        )
    values, bias = (one.detach().double().cpu().numpy() for one in found)
    return values, bias


def integrated(classifier: Classifier, row: Ragged, classes: Sequence[int], points: Sequence[int]) -> Iterator[Sums]:
    """Yield integrated gradients for each number of points; nothing if no gradient reaches the features.

    Args:
        classifier: the classifier.
        row: features of one text.
        classes: numbers of the classes to explain.
        points: numbers of points to take gradients at.

    Raises:
        ComponentError: the model raised.
    """
    who = part_name(classifier.parts.get("model"), "the model")
    path = _Path(classifier.module, row.batch(0, 1).to(classifier.device), len(classifier.labels), who)
    path.embeddings = [layer for layer in path.embeddings if layer.num_embeddings == row.n_features]
    integrate = path.over_embeddings if path.reads_embeddings() else path.over_weights
    for number in points:
        sums = integrate(number, classes)
        if sums is None:
            return
        yield sums


@cache
def _quadrature(points: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Points and weights of the Gauss-Legendre quadrature between -1 and 1; computing them takes milliseconds."""
    return np.polynomial.legendre.leggauss(points)


class _Path:
    """The straight path from a text without words to a text, and gradients along it."""

    def __init__(self, module: nn.Module, batch: RaggedBatch, n_classes: int, who: str) -> None:
        self.module, self.batch, self.n_classes, self.who = module, batch, n_classes, who
        self.embeddings = [layer for layer in module.modules() if isinstance(layer, nn.Embedding)]

    def reads_embeddings(self) -> bool:
        """Whether the model reads the whole sequence through an `nn.Embedding`."""
        if self.batch.weights is not None or not self.embeddings:
            return False
        with torch.no_grad(), self._scaled(torch.ones(1, device=self.batch.indices.device)) as vectors:
            forward(self.module, self.batch, self.n_classes, self.who)
        return any(one.ndim == 3 and one.shape[1] >= len(self.batch.indices) for one in vectors)

    def over_embeddings(self, points: int, classes: Sequence[int]) -> Sums:
        """Integrate the gradients of the word vectors, from vectors of zeros."""
        n = len(self.batch.indices)
        values = np.zeros((n, len(classes) + 1))
        for scales, shares in self._parts(points):
            with self._scaled(scales) as vectors:
                outputs = forward(self.module, self._copies(len(scales)), self.n_classes, self.who)
            read = [one for one in vectors if one.ndim == 3 and one.shape[1] >= n]
            for column, gradients in enumerate(self._gradients(outputs, read, classes)):
                for vector, gradient in zip(read, gradients, strict=True):
                    if gradient is None:
                        continue
                    whole = vector.detach()[:, :n] / scales[:, None, None]
                    products = (gradient[:, :n] * whole).sum(dim=2).double()
                    values[:, column] += (products * shares[:, None]).sum(dim=0).cpu().numpy()
        with torch.no_grad(), self._scaled(torch.zeros(1, device=self.batch.indices.device)):
            bias = forward(self.module, self.batch, self.n_classes, self.who)
        return self._sums(values, bias, classes)

    def over_weights(self, points: int, classes: Sequence[int]) -> Sums | None:
        """Integrate the gradients of the bag's weights, from weights of zero; None if the model reads no weights."""
        n = len(self.batch.indices)
        own = torch.ones(n, device=self.batch.indices.device) if self.batch.weights is None else self.batch.weights
        values = np.zeros((n, len(classes) + 1))
        for scales, shares in self._parts(points):
            weights = (scales[:, None] * own).flatten().requires_grad_()
            outputs = forward(self.module, self._copies(len(scales), weights), self.n_classes, self.who)
            for column, gradients in enumerate(self._gradients(outputs, [weights], classes)):
                if gradients[0] is None:
                    return None
                products = (gradients[0].view(len(scales), n) * own).double()
                values[:, column] += (products * shares[:, None]).sum(dim=0).cpu().numpy()
        with torch.no_grad():
            bias = forward(self.module, self._copies(1, torch.zeros_like(own)), self.n_classes, self.who)
        return self._sums(values, bias, classes)

    def _sums(self, values: NDArray[np.float64], bias: torch.Tensor, classes: Sequence[int]) -> Sums:
        """Values of the explained classes, the mean over all classes, and biases."""
        whole = values[:, :-1].mean(axis=1) if self._explains_all(classes) else values[:, -1]
        return values[:, :-1], whole, bias.double().cpu().numpy()[0]

    def _explains_all(self, classes: Sequence[int]) -> bool:
        return len({*classes}) == len(classes) == self.n_classes

    def _parts(self, points: int) -> Any:
        """Points of the Gauss-Legendre quadrature between 0 and 1 and their shares, in batches."""
        at, shares = _quadrature(points)
        size = max(1, AT_ONCE // max(1, len(self.batch.indices)))
        device = self.batch.indices.device
        for start in range(0, points, size):
            part = slice(start, start + size)
            scales = torch.from_numpy((at[part] + 1) / 2).float().to(device)
            yield scales, torch.from_numpy(shares[part] / 2).to(device)

    def _copies(self, n: int, weights: torch.Tensor | None = None) -> RaggedBatch:
        indices = self.batch.indices
        offsets = torch.arange(n, device=indices.device, dtype=torch.int32) * len(indices)
        return RaggedBatch(indices.repeat(n), offsets, weights)

    def _gradients(self, outputs: torch.Tensor, inputs: list[torch.Tensor], classes: Sequence[int]) -> Any:
        """Yield the gradients of each class, and of the mean of all classes unless it follows from these.

        None for an input that does not matter.
        """
        mean = () if self._explains_all(classes) else (outputs.mean(dim=1),)
        for output in (*(outputs[:, number] for number in classes), *mean):
            if outputs.requires_grad:
                yield torch.autograd.grad(output.sum(), inputs, retain_graph=True, allow_unused=True)
            else:
                yield [None] * len(inputs)

    @contextmanager
    def _scaled(self, scales: torch.Tensor) -> Any:
        """Multiply what each embedding returns by a factor for each text, and collect the products."""
        vectors: list[torch.Tensor] = []

        def scale(layer: nn.Module, given: Any, found: torch.Tensor) -> torch.Tensor:
            if found.ndim != 3 or len(found) != len(scales):
                return found
            scaled = (found.detach() * scales[:, None, None]).requires_grad_(torch.is_grad_enabled())
            vectors.append(scaled)
            return scaled

        handles = [layer.register_forward_hook(scale) for layer in self.embeddings]
        try:
            yield vectors
        finally:
            for handle in handles:
                handle.remove()
