"""The kit's own texts and components, independent of installed plugins."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from textforge.classifiers.random_state import RandomState
from textforge.components.hookspecs import hookimpl
from textforge.data.dataset import Dataset, encode_labels
from textforge.features.layers import FeatureLinear
from textforge.features.ragged import Ragged
from textforge.training.batch_loss import plain_loss

TOPICS = {
    "ball": ("pitcher", "inning", "bat", "team", "league", "glove"),
    "food": ("bread", "soup", "salt", "plate", "spoon", "taste"),
    "paint": ("pixel", "image", "color", "shader", "texture", "vertex"),
    "space": ("orbit", "launch", "moon", "rocket", "lunar", "probe"),
    "water": ("river", "lake", "rain", "wave", "shore", "boat"),
}
SINGLE = (
    "bat team glove", "bread", "the pixel of a soup and a plate", "", "image soup salt color plate glove bat team",
)  # fmt: skip
COMMON = ("the", "a", "of", "and", "to", "in", "is", "it", "that", "was")


def labelled(n_texts: int = 24, n_classes: int = 3, seed: int = 0) -> tuple[list[str], list[str]]:
    """Short English texts on `n_classes` topics, equally many per topic, and their labels.

    Some have two sentences: else a model of sentences has layers that no gradient reaches.
    """
    rng = random.Random(seed)  # noqa: S311  (no secret)
    names = sorted(TOPICS)[:n_classes]
    labels = [names[row % n_classes] for row in range(n_texts)]
    texts = []
    for row, label in enumerate(labels):
        topic, common = rng.sample(TOPICS[label], 3), rng.choices(COMMON, k=2 + row % 5)
        texts.append(f"{' '.join(topic)}{'. ' if row % 4 == 3 else ' '}{' '.join(common)}")
    return texts, labels


def labelled_sets(n_texts: int = 24, n_classes: int = 3, seed: int = 0) -> tuple[list[str], list[list[str]]]:
    """Texts on one topic, two or none, and their sets of labels."""
    texts, labels = labelled(n_texts, n_classes, seed)
    for row in range(n_texts):
        if row % 4 == 1:
            texts[row], labels[row] = f"{texts[row]} {texts[row - 1]}", f"{labels[row]} {labels[row - 1]}"
        elif row % 8 == 7:
            texts[row], labels[row] = "the a of and", ""
    return texts, [sorted(set(label.split())) for label in labels]


def numbers(labels: Sequence[Any]) -> NDArray[Any]:
    """Encode labels as models and losses get them: int64 (n,), or float32 0/1 (n, n_classes) for sets of labels."""
    several = not isinstance(labels[0], str)
    return encode_labels(labels, sorted({name for row in labels for name in (row if several else [row])}), "train")


def dataset(n_texts: int = 24, n_classes: int = 3) -> Dataset:
    """A dataset with one label per text."""
    return Dataset(train=labelled(n_texts, n_classes))


def dataset_of_sets(n_texts: int = 24, n_classes: int = 3) -> Dataset:
    """A dataset with a set of labels per text."""
    return Dataset(train=labelled_sets(n_texts, n_classes))


def words(text: str) -> list[str]:
    """The words of a text, split at whitespace, without the period at the end of a sentence."""
    return text.replace(". ", " ").split()


class ProbeBag:
    """Bags of words: counts of words split at whitespace."""

    gives: tuple[str, ...] = ("n_features",)
    first = 0
    """Id of the first word."""

    def __init__(self) -> None:
        self.words: dict[str, int] = {}

    def fit(self, texts: Sequence[str]) -> Self:
        return self.from_state({"words": sorted({word for text in texts for word in words(text)})})

    def state(self) -> dict[str, Any]:
        return {"words": list(self.words)}

    def from_state(self, state: dict[str, Any]) -> Self:
        self.words = {word: number for number, word in enumerate(state["words"], self.first)}
        return self

    def transform(self, texts: Sequence[str]) -> Any:
        rows = [sorted(self.words[word] for word in words(text) if word in self.words) for text in texts]
        return self._ragged(rows, len(self.words))

    def _ragged(self, rows: list[list[int]], n_features: int) -> Ragged:
        offsets = np.cumsum([0, *map(len, rows)])
        return Ragged(np.array([n for row in rows for n in row], dtype=np.int32), offsets, n_features)


class ProbeSequence(ProbeBag):
    """Sequences of word ids: 0 is padding, 1 an unknown word. It has no word vectors."""

    gives: tuple[str, ...] = ("vocab_size", "vectors")
    first = 2
    vectors = None

    @property
    def vocab_size(self) -> int:
        return len(self.words) + self.first

    def transform(self, texts: Sequence[str]) -> Any:
        rows = [[self.words.get(word, 1) for word in words(text)] for text in texts]
        return self._ragged(rows, self.vocab_size)


class ProbeDense(ProbeBag):
    """Dense vectors of word counts."""

    def transform(self, texts: Sequence[str]) -> Any:
        bags = super().transform(texts)
        vectors = np.zeros((len(bags), bags.n_features), dtype=np.float32)
        np.add.at(vectors, (np.repeat(np.arange(len(bags)), np.diff(bags.offsets)), bags.indices), 1.0)
        return vectors


def probe_model(n_features: int, n_classes: int, /) -> nn.Module:
    """A linear model."""
    return FeatureLinear(n_features, n_classes)


def net(n_features: int, n_classes: int, *, seed: int = 0) -> nn.Module:
    """A network with a feature layer, a hidden layer and an output layer, initialized from the seed."""
    with RandomState(seed, torch.device("cpu")).active():
        return nn.Sequential(
            FeatureLinear(n_features, 8), nn.Tanh(), nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, n_classes)
        )  # fmt: skip


def adam(params: Any) -> torch.optim.Optimizer:
    """The optimizer with which the kit trains models."""
    return torch.optim.Adam(params, lr=0.01)


def probe_adam(params: Any, /, *, lr: float = 0.01) -> torch.optim.Optimizer:
    """Adam.

    Options:
        lr: learning rate.
    """
    return torch.optim.Adam(params, lr=lr)


def probe_loss() -> Any:
    """Cross-entropy, or binary cross-entropy for multi-label data."""
    return plain_loss


def probe_metric() -> Any:
    """The mean probability of the first class."""
    return lambda gold, probabilities: float(probabilities[:, 0].mean())


def probe_preprocessor() -> Any:
    """Adds a space before and after a text."""
    return " {} ".format


class Probes:
    """The plugin that offers the kit's components."""

    @hookimpl
    def textforge_vectorizers(self) -> dict[str, Any]:
        return {"probe-bag": ProbeBag, "probe-sequence": ProbeSequence, "probe-dense": ProbeDense}

    @hookimpl
    def textforge_models(self) -> dict[str, Any]:
        return {"probe-model": probe_model}

    @hookimpl
    def textforge_optimizers(self) -> dict[str, Any]:
        return {"probe-adam": probe_adam}

    @hookimpl
    def textforge_losses(self) -> dict[str, Any]:
        return {"probe-loss": probe_loss}

    @hookimpl
    def textforge_metrics(self) -> dict[str, Any]:
        return {"probe-metric": probe_metric}

    @hookimpl
    def textforge_preprocessors(self) -> dict[str, Any]:
        return {"probe-preprocessor": probe_preprocessor}
