"""A test bench for a model: a vectorizer that provides its facts, and the kit's own texts."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from textforge.classifiers.classifier import Classifier
from textforge.classifiers.engines.engine import ModelPart
from textforge.classifiers.engines.numpy_engine import NumpyEngine
from textforge.classifiers.engines.torch_engine import forward
from textforge.classifiers.random_state import RandomState
from textforge.classifiers.vectorizing import fitted_features, given_facts, vectorized
from textforge.components.kinds import DEFAULT_GIVES, fact_text
from textforge.components.manager import PluginManager
from textforge.components.part import Part
from textforge.data.dataset import Dataset
from textforge.data.weights import called_with
from textforge.errors import TextforgeError
from textforge.features.batch import Batch
from textforge.features.ragged import Features
from textforge.testing import probes
from textforge.testing.checks import Skipped
from textforge.testing.inner_parts import every_component, unmet
from textforge.testing.subject import Subject, namespace
from textforge.training.trainer import Trainer

CPU = torch.device("cpu")


class Bench:
    """Builds, runs and trains a model.

    Raises:
        Skipped: no known vectorizer provides the facts that the model needs.
    """

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.fits_itself: bool = subject.part.fits_itself
        fitting = self._fitting()
        self._use(fitting[0])
        if len(fitting) > 1:  # bags or vectors: only trying shows which of them the model accepts
            self._use(next((part for part in fitting if self._takes(part)), fitting[0]))

    @classmethod
    def of(cls, subject: Subject) -> Bench:
        """The bench of a subject, cached on it because finding the vectorizer is slow."""
        if subject.bench is None:
            subject.bench = cls(subject)
        found: Bench = subject.bench
        return found

    @cached_property
    def plugins(self) -> PluginManager:
        """A plugin manager with only the model, the vectorizer and the parts within them, as a bundle needs it."""
        manager = PluginManager(entry_points=False)
        for component in {**every_component(self.subject.part), **every_component(self.part)}.values():
            manager.register(namespace(component), component.name, origin=component.origin)
        return manager

    # -- the vectorizer ------------------------------------------------------------------------

    def _fitting(self) -> list[Part]:
        """Vectorizers that provide the facts that the model needs."""
        if self.subject.given_vectorizer is not None:
            return [self.subject.given_vectorizer]
        needed = unmet(self.subject.part, (*self.subject.component.kind.facts, *DEFAULT_GIVES))
        own = PluginManager(entry_points=False)
        own.register(probes.Probes())
        parts = [own.part("vectorizer", name) for name in ("probe-bag", "probe-dense", "probe-sequence")]
        if found := [part for part in parts if set(needed) <= set(part.gives)]:
            return found
        plugins = self.subject.plugins or PluginManager()
        for name, component in plugins.named("vectorizer").items():
            try:
                if set(needed) <= set(component.gives):
                    return [plugins.part("vectorizer", name)]
            except TextforgeError:
                continue
        missing = " and ".join(fact_text(fact) for fact in needed)
        raise Skipped(f"it needs {missing}, which no vectorizer here gives. Name one that does: vectorizer=….")

    def _use(self, part: Part) -> None:
        self.part = part
        self.fitted: Any = part.build({"seed": 0})
        texts, labels = self.subject.texts
        features = fitted_features(self.fitted, texts, part.label, probes.numbers(labels))
        self._facts = {**given_facts(self.fitted, part), "n_features": features.n_features, "seed": 0}

    def _takes(self, part: Part) -> bool:
        """Whether the model accepts the features of this vectorizer."""
        self._use(part)
        try:
            module = self.module()
            if self.fits_itself:
                self.fit(module)
            forward(module, self.batch(self.subject.texts[0][:4]), self.n_classes, self.subject.label)
        except Exception:
            return False
        return True

    # -- a model -------------------------------------------------------------------------------

    @property
    def n_classes(self) -> int:
        """The number of classes of the training texts."""
        return len({*self.subject.texts[1]})

    def facts(self) -> dict[str, Any]:
        """The facts from which the model is built."""
        labels = self.subject.texts[1]
        about_texts = {
            "labels": tuple(sorted({*labels})),
            "class_counts": np.bincount(probes.numbers(labels)),
            "n_texts": len(labels),
        }
        return {**about_texts, **self._facts, "n_classes": self.n_classes, "multi_label": False}

    def module(self) -> nn.Module:
        """Build a new module, with initial weights drawn as in a run."""
        with RandomState(0, CPU).active():
            module = self.subject.part.build(self.facts())
        if not isinstance(module, nn.Module):
            raise self.subject.breaks(
                f"the factory returned a {type(module).__name__}.",
                "Return a torch.nn.Module whose forward gives logits.",
            )
        return module

    def ready(self) -> nn.Module:
        """Build a new module in evaluation mode, fitted if it fits itself."""
        module = self.module()
        if self.fits_itself:
            self.fit(module)
        return module.eval()

    def fit(self, module: Any, weights: NDArray[np.float64] | None = None) -> tuple[Features, Any]:
        """Fit the module with its own `fit`, and return the features and targets after the call."""
        texts, labels = self.subject.texts
        features, targets = self.features(texts), probes.numbers(labels)
        with RandomState(0, CPU).active():
            called_with(module.fit, features, targets, weights=weights)
        return features, targets

    def features(self, texts: Sequence[str]) -> Features:
        return vectorized(self.fitted, texts, self.part.label)

    def batch(self, texts: Sequence[str]) -> Batch:
        """Vectorize texts into one batch."""
        features = self.features(texts)
        return features.batch(0, len(texts))

    def logits(self, module: nn.Module, batch: Batch) -> torch.Tensor:
        """Compute the logits of a batch in evaluation mode and validate their shape.

        Raises:
            ComponentError: the module raised an exception, or returned anything but logits (n, n_classes).
        """
        module.eval()
        with torch.no_grad():
            return forward(module, batch, self.n_classes, self.subject.label)

    def logits_in_numpy(self, module: nn.Module, texts: Sequence[str]) -> NDArray[np.float32]:
        """Compute the logits of texts by the model's `in_numpy`, with the weights of a module.

        Raises:
            ComponentError: it raised an exception, or returned anything but logits (n, n_classes).
        """
        weights = {name: value.numpy().copy() for name, value in module.state_dict().items()}
        engine = NumpyEngine(ModelPart(self.subject.part, self.facts(), self.n_classes), weights)
        return engine.logits(self.features(texts))

    def trainer(self, dataset: Dataset, epochs: int = 2) -> Trainer:
        """Create a trainer of the model with Adam, or without optimizer if it fits itself."""
        optimizer = None if self.fits_itself else probes.adam
        return Trainer(
            dataset, self.part, self.subject.part, optimizer, epochs=epochs, batch_size=8, device="cpu"
        )  # fmt: skip

    @cached_property
    def classifier(self) -> Classifier:
        """A classifier trained for two epochs on the kit's texts."""
        return self.trainer(Dataset(train=self.subject.texts)).fit()
