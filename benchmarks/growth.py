"""Measure how time and memory grow with documents, vocabulary and hidden width; prints a table with fitted exponents.

Each point is measured in a new process. It makes texts (random words with frequencies by Zipf's law, every word at
least once), trains on a few of them to import everything, and then measures TF-IDF of all texts and one epoch of
training. MB is the peak above the process's memory before, including the texts. An exponent is the slope of the
least-squares line through the logarithms: 1 is linear. Linux only.
"""

from __future__ import annotations

import json
import math
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable

from measuring import arguments, forget_peak, peak, table

CLASSES, WORDS, BATCH = 4, 20, 256
LONG = 20
"""Duration, in seconds, above which a point is not measured again."""
LINEAR = {"documents": 100_000, "vocabulary": 10_000, "hidden": 0}
SERIES: dict[str, tuple[dict[str, int], tuple[int, ...]]] = {
    "documents": (LINEAR, (1_000, 10_000, 100_000, 1_000_000)),
    "vocabulary": (LINEAR, (10_000, 100_000, 1_000_000)),
    "hidden": ({**LINEAR, "documents": 20_000}, (64, 128, 256, 512, 1024)),
}
TITLES = {"documents": "documents", "vocabulary": "distinct words", "hidden": "hidden units"}
FIGURES = ("vectorize", "train", "mb")


def texts_of(documents: int, vocabulary: int) -> tuple[list[str], list[str]]:
    """Texts of `WORDS` words, and their labels."""
    import numpy as np

    random = np.random.default_rng(0)
    tokens = documents * WORDS
    shares = 1 / np.arange(1, vocabulary + 1)
    drawn = random.choice(vocabulary, tokens - vocabulary, p=shares / shares.sum())
    numbers = random.permutation(np.concatenate([np.arange(vocabulary), drawn])).reshape(documents, WORDS)
    words = [f"word{number}" for number in range(vocabulary)]
    texts = [" ".join([words[number] for number in row]) for row in numbers.tolist()]
    return texts, [f"label {number}" for number in random.integers(0, CLASSES, documents).tolist()]


def trained(texts: list[str], labels: list[str], hidden: int) -> tuple[float, float]:
    """Seconds of vectorizing, including building the model, and of one epoch."""
    import textforge

    parts = textforge.PluginManager()
    model = parts.part("model", "mlp", hidden=[hidden]) if hidden else parts.part("model", "linear")
    optimizer = (
        parts.part("optimizer", "rowwise-adagrad") if hidden else parts.part("optimizer", "sgd", lr=1.0, sparse=True)
    )
    began = time.perf_counter()
    trainer = textforge.Trainer(
        textforge.Dataset(train=(texts, labels)),
        parts.part("vectorizer", "tfidf"),
        model,
        optimizer,
        epochs=1,
        batch_size=BATCH,
    )
    trainer.prepare()
    between = time.perf_counter()
    next(iter(trainer))
    return between - began, time.perf_counter() - between


def measure_here(documents: int, vocabulary: int, hidden: int) -> dict[str, float]:
    """Measure a point in this process."""
    began = time.perf_counter()
    trained(["a few words"] * BATCH, ["one", "other"] * (BATCH // 2), hidden)
    start, start_mb = time.perf_counter() - began, peak()
    texts, labels = texts_of(documents, vocabulary)
    forget_peak()
    before = peak()
    vectorize, train = trained(texts, labels, hidden)
    return {
        "start": start, "start_mb": start_mb, "texts_mb": before - start_mb,
        "vectorize": vectorize, "train": train, "mb": max(peak() - before, 0.1),
    }  # fmt: skip


def point(times: int, **sizes: int) -> dict[str, float]:
    """Medians over several processes, or fewer if they are slow, since slow ones vary less."""
    command = [sys.executable, __file__, "--point", json.dumps(sizes)]
    runs: list[dict[str, float]] = []
    began = time.perf_counter()
    while len(runs) < times and time.perf_counter() - began < LONG:
        runs.append(json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout))
    found = {name: statistics.median(run[name] for run in runs) for name in runs[0]}
    print(sizes, {name: round(value, 3) for name, value in found.items()}, file=sys.stderr, flush=True)
    return found


def exponent(sizes: Iterable[float], values: Iterable[float]) -> float:
    """Slope of the least-squares line through the logarithms."""
    x, y = ([math.log(value) for value in column] for column in (sizes, values))
    return statistics.linear_regression(x, y).slope


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("series", nargs="*", metavar="SERIES", help=f"{', '.join(SERIES)}; by default all")
    parser.add_argument("--times", type=int, default=3, help="most processes for a point; default 3")
    parser.add_argument("--points", type=int, help="only the first of each series, at least 2")
    parser.add_argument("--point", type=json.loads, help="measure one point, given in JSON, in this process")
    given = parser.parse_args()
    if given.point:
        print(json.dumps(measure_here(**given.point)))
        return
    rows: list[tuple[str, ...]] = []
    every: list[dict[str, float]] = []
    for name in given.series or SERIES:
        base, sizes = SERIES[name]
        sizes = sizes[: given.points]
        points = [point(given.times, **{**base, name: size}) for size in sizes]
        for size, found in zip(sizes, points, strict=True):
            figures = (
                f"{found['vectorize']:.3f}",
                f"{found['train']:.3f}",
                f"{found['mb']:.0f}",
                f"{found['texts_mb']:.0f}",
            )
            rows.append((f"{size:,} {TITLES[name]}", *figures))
        slopes = [exponent(sizes, (one[figure] for one in points)) for figure in FIGURES]
        rows.append(("**exponent**", *(f"**{slope:.2f}**" for slope in slopes), ""))
        every += points
    print(table(("", "vectorize, seconds", "train, seconds", "peak MB", "MB of the texts"), rows))
    start, memory = (statistics.median(one[name] for one in every) for name in ("start", "start_mb"))
    print(f"Not in the table: {start:.1f} s and {memory:.0f} MB for the imports and a first small training.")


if __name__ == "__main__":
    main()
