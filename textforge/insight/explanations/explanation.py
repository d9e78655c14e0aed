"""The explanation of one prediction."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from textforge.data.labels import label_name
from textforge.errors import RecipeError, did_you_mean, listed
from textforge.insight.explanations.words import Pieces


@dataclass(frozen=True)
class Explanation:
    """What each word of a text gave to each class.

    For each class, `bias` plus the sums of `contributions` and of `columns` plus `rest` is its score, except for `gap`.
    Softmax of the scores of all classes (sigmoid in a multi-label classifier) gives the probabilities. Scores of one
    text may all be shifted by the same number, which changes no probability; so a contribution to one of several
    exclusive classes is its difference from the mean over all classes.
    """

    text: str
    labels: tuple[Any, ...]
    """The explained classes, the most probable first."""
    predicted: Any
    """The answer of the classifier: a label, None if it abstains, or a tuple of labels."""
    probabilities: NDArray[np.float64]
    """Shape (classes,)."""
    words: Pieces
    """First character of each word and the one after its last, int64, shape (n, 2), in the order of the text."""
    contributions: NDArray[np.float64]
    """Shape (n, classes)."""
    features: tuple[FeatureContribution, ...]
    """The features behind the words, such as n-grams, the strongest first; empty if explained by deletion."""
    bias: NDArray[np.float64]
    """Shape (classes,): the score of a text without words."""
    rest: NDArray[np.float64]
    """Shape (classes,): contributions of features of a text without words, such as marks of its ends."""
    method: str
    """'exact', 'integrated gradients' or 'deletion'."""
    gap: float
    """Largest difference, over the classes, between a score and the sum."""
    columns: tuple[FeatureContribution, ...] = ()
    """What the columns of the text gave, the strongest first, named as in `price` and `country=US`."""

    def column(self, label: Any = None) -> int:
        """Return the number of an explained class by its label or the label's name; by default the most probable one.

        Raises:
            RecipeError: the class is not explained here.
        """
        if label is None:
            return 0
        names = [label_name(one) for one in self.labels]
        if label_name(label) not in names:
            raise RecipeError(
                f"label '{label_name(label)}' is not explained here.{did_you_mean(label_name(label), names)} "
                f"Explained: {listed(names)}."
            )
        return names.index(label_name(label))

    def marks(self, label: Any = None) -> list[tuple[str, float]]:
        """Return the text in pieces with the contribution of each to a class; white space and the like have 0.

        The pieces joined are the text.
        """
        column, found, at = self.column(label), [], 0
        for (start, end), value in zip(self.words.tolist(), self.contributions[:, column].tolist(), strict=True):
            if start > at:
                found.append((self.text[at:start], 0.0))
            found.append((self.text[start:end], value))
            at = end
        if at < len(self.text):
            found.append((self.text[at:], 0.0))
        return found

    def top_words(
        self, label: Any = None, n: int | None = None
    ) -> tuple[list[WordContribution], list[WordContribution]]:
        """Return the words that speak most for a class, and those most against it; equal words are added up."""
        sums: dict[str, list[float]] = defaultdict(list)
        column = self.column(label)
        for (start, end), value in zip(self.words.tolist(), self.contributions[:, column].tolist(), strict=True):
            sums[self.text[start:end]].append(value)
        rows = [WordContribution(word, sum(values), len(values)) for word, values in sums.items()]
        rows.sort(key=lambda row: (-row.contribution, row.word))
        positive = [row for row in rows if row.contribution > 0]
        negative = [row for row in reversed(rows) if row.contribution < 0]
        return positive[:n], negative[:n]

    def as_json(self) -> dict[str, Any]:
        """Return the explanation as JSON values."""
        classes = []
        for column, label in enumerate(self.labels):
            classes.append(
                {
                    "label": label,
                    "probability": float(self.probabilities[column]),
                    "bias": float(self.bias[column]),
                    "rest": float(self.rest[column]),
                    "score": self._score(column),
                }
            )
        found = {
            "text": self.text,
            "predicted": list(self.predicted) if isinstance(self.predicted, tuple) else self.predicted,
            "method": self.method,
            "gap": self.gap,
            "classes": classes,
            "words": [
                {"word": self.text[start:end], "start": start, "end": end, "contributions": values}
                for (start, end), values in zip(self.words.tolist(), self.contributions.tolist(), strict=True)
            ],
            "features": [
                {"text": one.text, "count": one.count, "contributions": one.contributions.tolist()}
                for one in self.features
            ],
        }
        if self.columns:
            found["columns"] = [{"name": one.text, "contributions": one.contributions.tolist()} for one in self.columns]
        return found

    def _score(self, column: int) -> float:
        of_columns = sum(float(one.contributions[column]) for one in self.columns)
        return float(self.bias[column] + self.rest[column] + self.contributions[:, column].sum() + of_columns)


@dataclass(frozen=True)
class WordContribution:
    """Equal words of a text."""

    word: str
    contribution: float
    count: int


@dataclass(frozen=True)
class FeatureContribution:
    """One feature of a text, as the text writes it."""

    text: str
    count: int
    """How often the feature occurs in the text."""
    contributions: NDArray[np.float64]
    """Shape (classes,)."""
