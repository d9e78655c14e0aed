"""What a classifier learnt for a class: the words of its training texts that speak most for and against it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from textforge.classifiers.classifier import Classifier
from textforge.components.manager import PluginManager
from textforge.data.dataset import Dataset
from textforge.data.labels import label_name
from textforge.data.streams import Stream
from textforge.errors import RecipeError
from textforge.insight.explanations.attribution import DELETED, EXACT, INTEGRATED, POINTS
from textforge.insight.explanations.texts import WordAttribution, attribute_words, class_number
from textforge.insight.own_texts import dataset_of
from textforge.runs import folder as run_folder
from textforge.runs.loading import load

SAMPLE = {EXACT: 1000, INTEGRATED: 300, DELETED: 60}
"""Most training texts that are explained, by the method."""
QUICK_SAMPLE, QUICK_POINTS = 100, (4,)
"""Most texts, and the number of points, of a quick sample. The errors of single texts cancel out in the means."""
AT_ONCE = 64
"""Number of texts that are vectorized together."""
COUNTED = 20_000
"""Most training texts in which words are counted."""


def explain_class(
    run: str | Path, label: Any, *, limit: int | None = 20, plugins: PluginManager | None = None
) -> dict[str, Any]:
    """Return the words of the training texts that speak most for a class, and those most against it.

    Training texts are explained as `textforge.explain` does: all of them, or a random sample, the same for every class.
    Words are ordered by their mean contribution times the square root of the number of explained texts with them, so
    that neither the rarest nor merely the most frequent words come first. Upper and lower case count as the same word.

    Args:
        run: a finished run, whose recipe still reads the training texts.
        label: the class, as a label or the label's name.
        limit: the largest number of words for the class, and of words against it; None for all.
        plugins: the plugin manager that looks up components. Defaults to everything installed.

    Returns:
        JSON values: `label`; `method`; `n`, the number of training texts; `explained`, how many of them were explained;
        `counted`, in how many of them words were counted; `for` and `against`, lists of words with `contribution`, the
        mean over the explained texts with the word, `texts`, the number of counted texts with the word, and
        `with_label`, how many of these have the label; and `warnings`.

    Raises:
        BundleError: there is no finished run at that path, or it is damaged.
        RecipeError: the label is unknown, `limit` is below 1, or `run` is a bundle, which has no recipe to read texts.
        TextforgeError: the data cannot be loaded.
    """
    if limit is not None and limit < 1:
        raise RecipeError(f"limit must be a whole number from 1, not {limit!r}.")
    path = Path(run)
    plugins = plugins or PluginManager()
    classifier = load(path, plugins=plugins)
    name = label_name(classifier.labels[class_number(classifier, label)])
    if not (path / run_folder.RESOLVED).is_file():
        raise RecipeError(
            f"{path}: a bundle has no training texts to explain a class by. Name the run folder that it is in."
        )
    dataset = dataset_of(path, plugins)
    texts, golds = training_texts(dataset)
    found, method, explained = contributions(classifier, texts, [name])
    means = found[name]
    ordered = by_weight(means)
    chosen = {
        "for": [word for word in ordered if sum(means[word]) > 0][:limit],
        "against": [word for word in reversed(ordered) if sum(means[word]) < 0][:limit],
    }
    having = [name in gold for gold in golds]
    words = {*chosen["for"], *chosen["against"]}
    counts = _counts(words, texts, having) | _column_counts(words, classifier, texts, having)
    return {
        "run": str(path),
        "label": classifier.labels[class_number(classifier, label)],
        "method": method,
        "n": dataset.n_train,
        "explained": explained,
        "counted": len(texts),
        **{
            side: [
                {
                    "word": word,
                    "contribution": float(np.mean(means[word])),
                    "texts": counts[word][0],
                    "with_label": counts[word][1],
                }
                for word in ordered
            ]
            for side, ordered in chosen.items()
        },
        "warnings": _warnings(dataset, path),
    }


def training_texts(dataset: Dataset) -> tuple[list[str], list[set[str]]]:
    """The first training texts, at most COUNTED, with the names of their labels."""
    train = dataset.train
    chunks = (train.chunk(n) for n in range(train.n_chunks)) if isinstance(train, Stream) else iter([train])
    pairs = (pair for texts, labels in chunks for pair in zip(texts, labels, strict=True))
    read = list(islice(pairs, COUNTED))
    golds = [{label_name(one) for one in (label if isinstance(label, tuple) else (label,))} for _, label in read]
    return [text for text, _ in read], golds


def contributions(
    classifier: Classifier, texts: Sequence[str], names: Sequence[str], *, quick: bool = False
) -> tuple[dict[str, dict[str, list[float]]], str, int]:
    """Explain a random sample of texts; a `quick` one of fewer texts, and with gradients at fewer points.

    Returns:
        For each class by its name, the contributions of each word in each text with it; the method; and the number of
        texts explained.
    """
    most = QUICK_SAMPLE if quick else max(SAMPLE.values())
    chosen = [texts[row] for row in np.random.default_rng(0).permutation(len(texts))[:most].tolist()]
    classes = [class_number(classifier, name) for name in names]
    found: dict[str, dict[str, list[float]]] = {name: defaultdict(list) for name in names}
    method, done = EXACT, 0
    for start in range(0, len(chosen), AT_ONCE):
        together = chosen[start : start + AT_ONCE]
        features = classifier.features(together)
        for row, text in enumerate(together):
            one = attribute_words(
                classifier, text, features.take(np.array([row])), classes, QUICK_POINTS if quick else POINTS
            )
            for name, values in zip(names, _sums(text, one), strict=True):
                for word, value in values:
                    found[name][word].append(value)
            for column in one.columns:
                for name, value in zip(names, column.contributions.tolist(), strict=True):
                    found[name][column.text].append(value)
            method, done = one.found.method, done + 1
            if done >= SAMPLE[method]:
                return found, method, done
    return found, method, done


def _sums(text: str, one: WordAttribution) -> Iterator[list[tuple[str, float]]]:
    """The contributions of a text's words in lower case to each class; equal words are added up."""
    numbers: dict[str, int] = {}
    places = [numbers.setdefault(text[start:end].casefold(), len(numbers)) for start, end in one.pieces.tolist()]
    sums = np.zeros((len(numbers), one.values.shape[1]))
    np.add.at(sums, places, one.values)
    for column in sums.T.tolist():
        yield [(word, value) for word, value in zip(numbers, column, strict=True) if value]


def by_weight(means: Mapping[str, Sequence[float]]) -> list[str]:
    """Order words by their mean contribution times the square root of the number of texts, those for a class first."""
    weight = {word: sum(values) / len(values) ** 0.5 for word, values in means.items()}
    return sorted(weight, key=lambda word: (-weight[word], word))


def _counts(words: set[str], texts: Sequence[str], having: Sequence[bool]) -> dict[str, tuple[int, int]]:
    """For each word, the number of texts with it, and how many of these have the label."""
    folded = [text.casefold() for text in texts]
    found = {}
    for word in words:
        pattern = re.compile(_edge(word[:1]) + re.escape(word) + _edge(word[-1:]))
        rows = [n for n, text in enumerate(folded) if word in text and pattern.search(text)]
        found[word] = (len(rows), sum(having[n] for n in rows))
    return found


def _column_counts(
    names: set[str], classifier: Classifier, texts: Sequence[str], having: Sequence[bool]
) -> dict[str, tuple[int, int]]:
    """For each feature of columns, the number of texts with it, and how many of these have the label."""
    if not (classifier.columns and hasattr(classifier.vectorizer, "column_features")):
        return {}
    found: dict[str, list[bool]] = defaultdict(list)
    for text, has in zip(texts, having, strict=True):
        for name in names.intersection(classifier.vectorizer.column_features(text).values()):
            found[name].append(has)
    return {name: (len(own), sum(own)) for name, own in found.items()}


def _edge(character: str) -> str:
    """A pattern for the edge of a word: a letter of a script that separates words has no further one beside it."""
    return r"\b" if character.isalnum() and ord(character) < 0xE00 else ""


def _warnings(dataset: Dataset, path: Path) -> list[str]:
    then = run_folder.data_fingerprint(path)
    if then is None or isinstance(dataset.train, Stream) or dataset.fingerprint() == then:
        return []
    return [f"{path}: the data have changed since the run (by their SHA-256)."]
