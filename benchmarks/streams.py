"""Corpora larger than memory: the whole process on few and on four times as many documents.

    python benchmarks/streams.py                  # 2 and 8 million documents
    python benchmarks/streams.py --documents 100000 --runs 3

Prints a table of peak memory and time a document, and their ratios: both should stay what they are.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

import yaml
from documents import sentences, write_csv
from measuring import machine, measure

N_TEST = 20_000
GROWTH = 4
VECTORIZERS = {"hashing": {"use": "hashing"}, "tfidf": {"use": "tfidf", "sublinear": True}}


def recipe(vectorizer: str, train: Path, test: Path) -> dict[str, object]:
    """One pass of a linear model over a stream."""
    return {
        "dataset": {"use": "csv", "train": str(train), "test": str(test), "stream": True},
        "vectorizer": VECTORIZERS[vectorizer],
        "model": "linear",
        "optimizer": {"use": "adam", "lr": 0.01},
        "trainer": {"epochs": 1, "batch_size": 8192},
    }


def main() -> None:
    """Write the documents, run textforge on them, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=2_000_000, help="of the smaller corpus")
    parser.add_argument("--runs", type=int, default=1, help="of each, in turn; medians are told")
    parser.add_argument("--vectorizers", nargs="+", default=list(VECTORIZERS), choices=list(VECTORIZERS))
    parser.add_argument("--folder", type=Path, help="where documents and stores are written; by default a new one")
    given = parser.parse_args()
    sizes = [given.documents, GROWTH * given.documents]
    folder = Path(tempfile.mkdtemp(prefix="streams-", dir=given.folder))
    os.environ["TEXTFORGE_CACHE"] = str(folder / "cache")
    try:
        print(table(folder, sizes, given.vectorizers, given.runs))
    finally:
        shutil.rmtree(folder)


def table(folder: Path, sizes: list[int], vectorizers: list[str], runs: int) -> str:
    """Measure, and lay the figures out as Markdown."""
    corpus = sentences()
    test = folder / "test.csv"
    write_csv(test, N_TEST, corpus["test"], seed=1)
    trains = {n: folder / f"train-{n}.csv" for n in sizes}
    for n, train in trains.items():
        write_csv(train, n, corpus["train"])
    del corpus
    lines = [
        f"{machine()}; {', '.join(f'{n:,} documents are {p.stat().st_size >> 20:,} MB' for n, p in trains.items())}.",
        "",
        "| run | documents | peak memory, MB | seconds | µs a document | accuracy |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, vectorizer, cold in [("first use, hashing", "hashing", True), *((v, v, False) for v in vectorizers)]:
        found = {n: [] for n in sizes}
        for _ in range(runs):
            for n in sizes:
                if cold:
                    shutil.rmtree(folder / "cache", ignore_errors=True)
                found[n].append(one_run(folder, vectorizer, trains[n], test))
        if cold:  # the stores of both, for the runs that follow
            for n in sizes[:-1]:
                one_run(folder, vectorizer, trains[n], test)
        figures = {n: [statistics.median(column) for column in zip(*found[n], strict=True)] for n in sizes}
        for n, (seconds, memory, accuracy) in figures.items():
            lines.append(
                f"| {name} | {n:,} | {memory:.0f} | {seconds:.1f} | {seconds / n * 1e6:.2f} | {accuracy:.3f} |"
            )
        small, large = (figures[n] for n in sizes)
        time_ratio = (large[0] / sizes[1]) / (small[0] / sizes[0])
        lines.append(f"| | ratio | **{large[1] / small[1]:.2f}** | | **{time_ratio:.2f}** | |")
    return "\n".join(lines)


def one_run(folder: Path, vectorizer: str, train: Path, test: Path) -> tuple[float, float, float]:
    """Seconds, peak MB and accuracy of one process."""
    written = folder / "recipe.yaml"
    written.write_text(yaml.safe_dump(recipe(vectorizer, train, test)))
    out = folder / "run"
    shutil.rmtree(out, ignore_errors=True)
    command = [sys.executable, "-m", "textforge", "run", str(written), "--out", str(out), "--quiet", "--json"]
    seconds, memory, told = measure(command, str(folder))
    result = json.loads(told)
    print(vectorizer, train.name, f"{seconds:.1f} s, {memory:.0f} MB", result["seconds"], file=sys.stderr)
    return seconds, memory, result["test"]["accuracy"]


if __name__ == "__main__":
    main()
