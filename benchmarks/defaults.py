"""The default of each option that changes accuracy, beside other values, on anyone's corpora; prints a table.

FOLDER holds NAME-train.csv for each corpus, with the columns text and label. Each setup is cross-validated on three
folds of at most --texts training texts; test texts are never read. A row shows what a value changes, in points of
accuracy and of macro F1: the mean over the corpora, and the corpora where it loses and gains most.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from any_text import read
from measuring import arguments, table

import textforge

Figures = dict[str, tuple[float, float]]
"""Accuracy and macro F1 by corpus."""


@dataclass(frozen=True)
class Setup:
    """Sections of a recipe, and the values to try for some keys beside the defaults."""

    sections: dict[str, Any]
    values: dict[str, list[Any]] = field(default_factory=dict)


BAGS: dict[str, list[Any]] = {
    "vectorizer.split": ["any_script"],
    "vectorizer.ngrams": [[1, 2]],
    "vectorizer.min_df": [2],
    "vectorizer.lowercase": [False],
    "vectorizer.strip_accents": [True],
    "vectorizer.stop_words": ["english"],
    "vectorizer.binary": [True],
}
STEPS: dict[str, list[Any]] = {
    "optimizer.lr": [0.0003, 0.003, 0.01],
    "trainer.epochs": [5, 20],
    "trainer.batch_size": [32, 128],
}
SETUPS = {
    "tfidf, linear-svc": Setup(
        {"vectorizer": {"use": "tfidf"}, "model": {"use": "linear-svc"}},
        {
            **BAGS,
            "vectorizer.sublinear": [True],
            "vectorizer.norm": ["l1", None],
            "model.C": [0.3, 3.0],
            "model.loss": ["hinge"],
            "model.class_weight": ["balanced"],
        },
    ),
    "tfidf, logistic-regression": Setup(
        {"vectorizer": {"use": "tfidf"}, "model": {"use": "logistic-regression"}},
        {"model.C": [0.3, 3.0, 10.0], "model.class_weight": ["balanced"]},
    ),
    "bow, multinomial-nb": Setup(
        {"vectorizer": {"use": "bow"}, "model": {"use": "multinomial-nb"}},
        {"model.alpha": [0.1, 0.3], "model.fit_prior": [False]},
    ),
    "bow, complement-nb": Setup(
        {"vectorizer": {"use": "bow"}, "model": {"use": "complement-nb"}},
        {"model.alpha": [0.1, 0.3], "model.norm": [True]},
    ),
    "bow, nbsvm": Setup(
        {"vectorizer": {"use": "bow"}, "model": {"use": "nbsvm"}},
        {"model.alpha": [0.1, 0.3], "model.beta": [0.25, 0.5], "model.C": [0.1, 0.3], "vectorizer.binary": [True]},
    ),
    "bow, mlp, adam": Setup(
        {"vectorizer": {"use": "bow"}, "model": {"use": "mlp"}, "optimizer": {"use": "adam"}},
        {**STEPS, "model.hidden": [[100], [300]], "model.dropout": [0.3], "model.norm": ["layer"]},
    ),
    "tfidf, linear, adam": Setup(
        {"vectorizer": {"use": "tfidf"}, "model": {"use": "linear"}, "optimizer": {"use": "adam"}}, STEPS
    ),
    "tokens, fasttext, adam": Setup(
        {"vectorizer": {"use": "tokens"}, "model": {"use": "fasttext"}, "optimizer": {"use": "adam"}},
        {**STEPS, "model.dim": [20, 100], "model.ngrams": [1, 3], "model.dropout": [0.3]},
    ),
}


def figures(corpora: dict[str, textforge.Dataset], sections: dict[str, Any], overrides: dict[str, Any]) -> Figures:
    """Cross-validate one setup on every corpus."""
    found = {}
    for name, dataset in corpora.items():
        plugins = textforge.PluginManager()
        plugins.register(InMemory(dataset))
        recipe = {"dataset": {"use": "in-memory"}, **sections}
        with tempfile.TemporaryDirectory() as out:
            done = textforge.cross_validate(
                recipe, folds=3, overrides=overrides, out=Path(out) / "run", plugins=plugins
            )
        measured = done.result["figures"]
        found[name] = measured["accuracy"]["mean"], measured["macro_f1"]["mean"]
    return found


class InMemory:
    """A plugin whose dataset is one that is already read."""

    def __init__(self, dataset: textforge.Dataset) -> None:
        self._dataset = dataset

    @textforge.hookimpl
    def textforge_datasets(self) -> dict[str, Any]:
        def in_memory() -> textforge.Dataset:
            """The corpus."""
            return self._dataset

        return {"in-memory": in_memory}


def change(base: Figures, other: Figures) -> tuple[str, str, str]:
    """Mean difference of accuracy and of macro F1 in points, and the corpora with the extreme differences."""
    points = {name: 100 * (other[name][0] - base[name][0]) for name in base}
    f1 = statistics.mean(100 * (other[name][1] - base[name][1]) for name in base)
    low, high = (choose(points, key=lambda name: points[name]) for choose in (min, max))
    ends = f"{points[low]:+.1f} {low}, {points[high]:+.1f} {high}"
    return f"{statistics.mean(points.values()):+.1f}", f"{f1:+.1f}", ends


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--texts", type=int, default=3000, help="most training texts of a corpus")
    parser.add_argument("--setups", nargs="*", choices=SETUPS, default=list(SETUPS), metavar="NAME")
    given = parser.parse_args()
    corpora = {}
    for path in sorted(given.folder.glob("*-train.csv")):
        texts, labels = read(path)
        step = max(1, len(texts) // given.texts)
        chosen = slice(0, step * given.texts, step)
        corpora[path.name.removesuffix("-train.csv")] = textforge.Dataset(train=(texts[chosen], labels[chosen]))
    rows = []
    for name in given.setups:
        setup = SETUPS[name]
        base = figures(corpora, setup.sections, {})
        accuracy, f1 = (statistics.mean(one[n] for one in base.values()) for n in (0, 1))
        rows.append((f"**{name}**", "defaults", f"{accuracy:.4f}", f"{f1:.4f}", ""))
        print(rows[-1], file=sys.stderr, flush=True)
        for key, values in setup.values.items():
            for value in values:
                try:
                    rows.append(
                        ("", f"`{key}: {value}`", *change(base, figures(corpora, setup.sections, {key: value})))
                    )
                except textforge.TextforgeError as error:
                    rows.append(("", f"`{key}: {value}`", "", "", f"fails: {error}"))
                print(rows[-1], file=sys.stderr, flush=True)
    print(table(("setup", "value", "accuracy", "macro F1", "lowest and highest change of accuracy"), rows))


if __name__ == "__main__":
    main()
