"""Judge explanations by deletion: take the words away that an explanation names, and see what becomes of the class.

    python benchmarks/explain.py RUN... [--texts 500]

For test texts of each run (a folder made by `textforge run`), removes the five words that contribute most to the
predicted class, and five random ones of the same text, and compares the probabilities of the class. A text counts as
explained if the first removal lowers the probability more. Texts of fewer than ten different words are left out: five
random words of them would often be the same five. Prints a table in Markdown.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import textforge
from textforge.classifiers.engines.torch_engine import logits
from textforge.insight.answers import read_run
from textforge.insight.own_texts import OwnTexts

WORDS, FEWEST = 5, 10
COLUMNS = (
    "run", "method", "texts", "top five lower it more", "over ten draws", "mean fall, top five",
    "mean fall, random five", "ms per text (median, 95th)", "gap (median, largest)",
)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN")
    parser.add_argument("--texts", type=int, default=500, help="test texts to explain")
    arguments = parser.parse_args()
    print("| " + " | ".join(COLUMNS) + " |")
    print("| --- " * len(COLUMNS) + "|")
    for run in arguments.runs:
        print(row(run, arguments.texts), flush=True)


def row(run: Path, most: int) -> str:
    """A line of the table."""
    classifier = textforge.load(run)
    texts = OwnTexts(read_run(run)).texts()
    draw = random.Random(0)
    draw.shuffle(texts)
    textforge.explain(classifier, texts[:3])  # warm up
    methods, better, often, falls, other_falls, seconds, gaps = set(), [], [], [], [], [], []
    for text in texts:
        began = time.perf_counter()
        (found,) = textforge.explain(classifier, [text])
        took = time.perf_counter() - began
        words = sorted({text[start:end] for start, end in found.words.tolist()})
        if len(words) < FEWEST:
            continue
        top = [one.word for one in found.top_words(n=WORDS)[0]]
        drawn = [draw.sample(words, WORDS) for _ in range(10)]
        variants = [text, without(text, found, top), *(without(text, found, one) for one in drawn)]
        column = classifier.labels.index(found.labels[0])  # the most probable class
        whole, lowered, *others = log_odds(classifier, variants, column)
        better.append(lowered < others[0])
        often.append(np.mean([lowered < other for other in others]))
        falls.append(probability(whole) - probability(lowered))
        other_falls.append(probability(whole) - probability(others[0]))
        seconds.append(took)
        gaps.append(found.gap)
        methods.add(found.method)
        if len(better) == most:
            break
    late = statistics.quantiles(seconds, n=20)[-1]
    cells = (
        run.name, ", ".join(sorted(methods)), str(len(better)), f"{np.mean(better):.1%}", f"{np.mean(often):.1%}",
        f"{np.mean(falls):.3f}", f"{np.mean(other_falls):.3f}",
        f"{1000 * statistics.median(seconds):.1f}, {1000 * late:.1f}",
        f"{statistics.median(gaps):.1g}, {max(gaps):.1g}",
    )  # fmt: skip
    return f"| {' | '.join(cells)} |"


def log_odds(classifier: textforge.Classifier, texts: Sequence[str], column: int) -> list[float]:
    """The log-odds of one of several exclusive classes, for each text."""
    scores = logits(classifier.module, classifier.features(texts), len(classifier.labels), classifier.device, "model")
    scaled = scores.astype(np.float64) / classifier.decision.temperature
    others = np.delete(scaled, column, axis=1)
    return [float(one) for one in scaled[:, column] - np.logaddexp.reduce(others, axis=1)]


def probability(log_odds: float) -> float:
    return float(np.exp(-np.logaddexp(0, -log_odds)))


def without(text: str, found: textforge.Explanation, words: Sequence[str]) -> str:
    """The text without every occurrence of some words."""
    kept, at = [], 0
    for start, end in found.words.tolist():
        if text[start:end] in words:
            kept.append(text[at:start])
            at = end
    return "".join([*kept, text[at:]])


if __name__ == "__main__":
    main()
