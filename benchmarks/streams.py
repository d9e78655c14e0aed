"""Measure training on a stream of few and of four times as many documents; prints a table with the ratios.

documents.py makes the documents, which are written to disk. The first use creates the store that later runs read.
Figures are medians of whole processes, which alternate: few, many, few, many.

Usage: streams.py [--documents 100000] [--runs 3]      (by default 2 and 8 million documents, once)
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from documents import sentences, write_csv
from measuring import TEXTFORGE, arguments, measure, table

N_TEST = 20_000
GROWTH = 4
TFIDF = {"use": "tfidf", "sublinear": True}
RUNS: dict[str, tuple[dict[str, object], bool]] = {
    "`hashing`, first use": ({"use": "hashing"}, True),
    "`hashing`": ({"use": "hashing"}, False),
    "`tfidf`": (TFIDF, False),
}
"""The runs: the vectorizer, and whether the store must be created first."""
HEAD = ("whole process", "documents", "peak MB", "seconds", "µs a document", "accuracy")


class Figures(NamedTuple):
    """The measurements of one process."""

    seconds: float
    memory: float
    accuracy: float


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--documents", type=int, default=2_000_000, help="of the smaller corpus")
    parser.add_argument("--runs", type=int, default=1, help="of each")
    parser.add_argument("--folder", type=Path, help="folder for documents and stores; by default a temporary one")
    given = parser.parse_args()
    sizes = (given.documents, GROWTH * given.documents)
    with tempfile.TemporaryDirectory(prefix="streams-", dir=given.folder) as folder:
        print(measured(Path(folder), sizes, given.runs))


def measured(folder: Path, sizes: tuple[int, int], runs: int) -> str:
    """Write documents, run textforge on them, and format the results."""
    os.environ["TEXTFORGE_CACHE"] = str(folder / "cache")
    corpus = sentences()
    write_csv(folder / "test.csv", N_TEST, corpus["test"], seed=1)
    trains = {n: folder / f"train-{n}.csv" for n in sizes}
    for n, train in trains.items():
        write_csv(train, n, corpus["train"])
    del corpus
    for n in sizes:  # warms the disk cache, and creates the stores for runs that only read them
        one_run(folder, {"use": "hashing"}, trains[n], anew=False)
    rows = []
    for name, (vectorizer, anew) in RUNS.items():
        found: dict[int, list[Figures]] = {n: [] for n in sizes}
        for _ in range(runs):
            for n in sizes:
                found[n].append(one_run(folder, vectorizer, trains[n], anew))
        figures = {n: Figures(*map(statistics.median, zip(*found[n], strict=True))) for n in sizes}
        rows += [
            (name, f"{n:,}", f"{memory:.0f}", f"{seconds:.1f}", f"{seconds / n * 1e6:.2f}", f"{accuracy:.3f}")
            for n, (seconds, memory, accuracy) in figures.items()
        ]
        few, many = (figures[n] for n in sizes)
        time = many.seconds / few.seconds / GROWTH
        rows.append(("**ratio**", "", f"**{many.memory / few.memory:.2f}**", "", f"**{time:.2f}**", ""))
    written = ", ".join(f"{n:,} documents are {path.stat().st_size / 1e6:,.0f} MB" for n, path in trains.items())
    return f"{table(HEAD, rows)}\n{written}.\n"


def one_run(folder: Path, vectorizer: dict[str, object], train: Path, anew: bool) -> Figures:
    """Train on a file, with a temporary new store if `anew`."""
    recipe, out = folder / "recipe.yaml", folder / "run"
    dataset = {"use": "csv", "train": str(train), "test": str(folder / "test.csv"), "stream": True}
    recipe.write_text(  # JSON is YAML
        json.dumps(
            {
                "dataset": dataset,
                "vectorizer": vectorizer,
                "model": "linear",
                "optimizer": {"use": "adagrad", "lr": 0.1, "sparse": True},
                "trainer": {"epochs": 1, "batch_size": 2048},
            }
        )
    )
    shutil.rmtree(out, ignore_errors=True)
    cache = os.environ["TEXTFORGE_CACHE"]
    if anew:
        os.environ["TEXTFORGE_CACHE"] = f"{cache}-anew"
    seconds, memory, output = measure([*TEXTFORGE, "run", str(recipe), "--out", str(out), "--quiet", "--json"], folder)
    if anew:
        shutil.rmtree(f"{cache}-anew")
        os.environ["TEXTFORGE_CACHE"] = cache
    result = json.loads(output)
    print(train.name, vectorizer, f"{seconds:.1f} s, {memory:.0f} MB", result["seconds"], file=sys.stderr)
    return Figures(seconds, memory, result["test"]["accuracy"])


if __name__ == "__main__":
    main()
