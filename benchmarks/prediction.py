"""Compare prediction with scikit-learn and fastText; prints Markdown tables.

Bulk: the repeated test posts of all 20 Newsgroups, with a run of recipes/newsgroups20-linear.yaml, with scikit-learn's
TfidfVectorizer(sublinear_tf=True, min_df=2) and LinearSVC, and with fastText (25 epochs, bigrams; its time includes the
usual splitting into words and punctuation). Each loaded program predicts labels within its process, alternately, A B A
B …, after one uncounted turn. Figures are medians; ratios (texts per second, textforge to the other) are medians of the
turns' ratios. One text: each test post of the three groups of recipes/newsgroups.yaml alone. Command line: whole
processes on files of 10,000 and 200,000 texts, with start-up and peak memory.

fastText runs in a separate Python, named by --fasttext or $FASTTEXT_PYTHON. Without it, its row is omitted. Needs the
corpus in scikit-learn's cache. Peak memory needs Linux.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from measuring import ROOT, TEXTFORGE, arguments, measure, table, verdict
from sklearn.datasets import fetch_20newsgroups

import textforge

P50_MS = 1
TIMES = {"TfidfVectorizer and LinearSVC": 4, "fastText": 1.5}
"""Targets: milliseconds for one text, and the speed-up over each alternative."""
SINGLE_GROUPS = ["comp.graphics", "sci.space", "rec.sport.baseball"]


class FastText:
    """fastText in a process of another Python, which predicts on request."""

    def __init__(self, python: str, train: Any, test: list[str], times: int, folder: Path) -> None:
        given = {"texts": train.data, "labels": train.target.tolist(), "test": test, "times": times}
        (folder / "given.json").write_text(json.dumps(given))
        self.process = subprocess.Popen(
            [python, str(ROOT / "benchmarks" / "fasttext_supervised.py"), "--serve", str(folder / "given.json")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={key: value for key, value in os.environ.items() if key != "PYTHONPATH"},
        )  # fmt: skip
        if self._line() != "ready":
            sys.exit(f"{python}: fastText does not work there.")

    def __call__(self) -> float:
        """Seconds including splitting texts into words; those without it are stored."""
        assert self.process.stdin
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        seconds, self.alone = map(float, self._line().split())
        return seconds

    def _line(self) -> str:
        assert self.process.stdout
        return self.process.stdout.readline().strip()


def timed(call: Callable[..., Any], *arguments: Any) -> float:
    began = time.perf_counter()
    call(*arguments)
    return time.perf_counter() - began


def run_of(recipe: str, runs: Path) -> Path:
    """The run of a recipe in the folder, or a new run there."""
    path = runs / recipe
    if not path.exists():
        print(f"training {recipe} …", file=sys.stderr)
        textforge.run(ROOT / "recipes" / f"{recipe}.yaml", out=path)
    return path


def bulk(runs: Path, pairs: int, n_texts: int, python: str | None, folder: Path) -> str:
    """Texts per second of each program, and textforge's speed-up."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import make_pipeline
    from sklearn.svm import LinearSVC

    train, test = (fetch_20newsgroups(subset=name) for name in ("train", "test"))
    times = -(-n_texts // len(test.data))
    texts = test.data * times
    pipeline = make_pipeline(TfidfVectorizer(sublinear_tf=True, min_df=2), LinearSVC()).fit(train.data, train.target)
    classifier = textforge.load(run_of("newsgroups20-linear", runs))
    peers: dict[str, Callable[[], float]] = {
        "textforge": lambda: timed(classifier.predict, texts),
        "TfidfVectorizer and LinearSVC": lambda: timed(pipeline.predict, texts),
    }
    if python:
        fasttext = FastText(python, train, test.data, times, folder)
        peers["fastText"] = fasttext
        peers["fastText, splitting not counted"] = lambda: fasttext.alone
    turns = []
    for turn in range(pairs + 1):
        seconds = {name: peer() for name, peer in peers.items()}
        print({name: f"{len(texts) / one:,.0f}" for name, one in seconds.items()}, file=sys.stderr)
        turns += [seconds] if turn else []
    rows, targets = [], []
    for name in peers:
        ratio = statistics.median(one[name] / one["textforge"] for one in turns)
        rate = len(texts) / statistics.median(one[name] for one in turns)
        rows.append((name, f"{rate:,.0f}", "" if name == "textforge" else f"**{ratio:.1f}**"))
        if name in TIMES:
            targets.append(f"{TIMES[name]:g} times {name} ({verdict(ratio >= TIMES[name])})")
    head = (f"{len(texts):,} texts", "texts a second", "textforge is so many times as fast")
    return f"{table(head, rows)}\nTarget: at least {', '.join(targets)}.\n"


def single(runs: Path, pairs: int) -> str:
    """Milliseconds to predict one text, textforge and scikit-learn alternately."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    train, test = (fetch_20newsgroups(subset=name, categories=SINGLE_GROUPS) for name in ("train", "test"))
    pipeline = make_pipeline(TfidfVectorizer(), LogisticRegression(max_iter=1000)).fit(train.data, train.target)
    classifier = textforge.load(run_of("newsgroups", runs))
    peers = {"textforge": classifier.predict, "TfidfVectorizer and LogisticRegression": pipeline.predict}
    found: dict[str, list[Sequence[float]]] = {name: [] for name in peers}
    for turn in range(pairs + 1):
        for name, predict in peers.items():
            seconds = sorted(timed(predict, [text]) for text in test.data)
            found[name] += [[seconds[int(share * len(seconds))] for share in (0.5, 0.95)]] if turn else []
    rows = []
    for name, figures in found.items():
        p50, p95 = (statistics.median(column) * 1e3 for column in zip(*figures, strict=True))
        rows.append((name, f"**{p50:.2f}**", f"{p95:.2f}"))
    ours = statistics.median(p50 for p50, _ in found["textforge"]) * 1e3
    target = f"Target: a p50 below {P50_MS} ms ({verdict(ours < P50_MS)})."
    return f"{table(('one text', 'p50, ms', 'p95, ms'), rows)}\n{target}\n"


def whole(runs: Path, pairs: int, folder: Path) -> str:
    """Measure `textforge predict -i FILE -o OUT` as a process, and the time beyond that for one text."""
    posts = [" ".join(text.split()) for text in fetch_20newsgroups(subset="test").data]
    run = run_of("newsgroups20-linear", runs)
    rows = []
    sizes, start = (1, 10_000, 200_000), 0.0
    for form in ("tsv", "jsonl"):
        for size in sizes:
            (folder / "texts.txt").write_text("\n".join((posts * (size // len(posts) + 1))[:size]) + "\n")
            command = [*TEXTFORGE, "predict", str(run), "-i", "texts.txt", "-o", "out", "--format", form, "--quiet"]
            figures = [measure(command, folder)[:2] for _ in range(pairs if size == 1 else max(1, pairs // 2))]
            seconds, memory = (statistics.median(column) for column in zip(*figures, strict=True))
            if size == 1:
                start = seconds
            after = f"{size / (seconds - start):,.0f}" if size > 1 else ""
            rate = f"{size / seconds:,.0f}"
            rows.append((f"{size:,} texts, {form}", f"{seconds:.2f}", rate, after, f"{memory:.0f}"))
    head = ("`textforge predict -i FILE -o OUT`", "seconds", "texts a second", "after start-up", "peak MB")
    return table(head, rows)


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--texts", type=int, default=75_000)
    parser.add_argument("--fasttext", default=os.environ.get("FASTTEXT_PYTHON"), help="a Python with fasttext")
    parser.add_argument("--only", choices=["single", "bulk", "whole"], help="one of the tables")
    parser.add_argument("--runs", type=Path, help="folder for the runs; by default a temporary one")
    given = parser.parse_args()
    if not given.fasttext:
        print("*** no fastText: name a Python with fasttext by --fasttext or $FASTTEXT_PYTHON ***", file=sys.stderr)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        runs = given.runs.resolve() if given.runs else folder / "runs"
        if given.only in (None, "single"):
            print(single(runs, given.pairs), flush=True)
        if given.only in (None, "bulk"):
            print(bulk(runs, given.pairs, given.texts, given.fasttext, folder), flush=True)
        if given.only in (None, "whole"):
            print(whole(runs, given.pairs, folder), flush=True)


if __name__ == "__main__":
    main()
