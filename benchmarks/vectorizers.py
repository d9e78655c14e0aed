"""Measure the bag vectorizers beside scikit-learn's on all of 20 Newsgroups; prints a markdown table.

Ours and theirs run in one process in turn, A B A B …, after one uncounted run of each; figures are medians of
seconds, ratios (theirs to ours, so more is better) medians of each pair's. Peak memory is that of a process of its
own, above what it takes with the texts loaded and everything imported (Linux only). Needs the corpus in
scikit-learn's cache.

Usage: vectorizers.py [PAIRS]      (default 5)
"""

from __future__ import annotations

import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sklearn.datasets import fetch_20newsgroups
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer

from textforge_standard.vectorizers.bow import BagOfWords
from textforge_standard.vectorizers.hashing import Hashing
from textforge_standard.vectorizers.tfidf import Tfidf

TEXTS = {name: fetch_20newsgroups(subset=name).data for name in ("train", "test")}
CASES: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {
    "bow": (BagOfWords, CountVectorizer),
    "bow, words and pairs": (lambda: BagOfWords(ngrams=(1, 2)), lambda: CountVectorizer(ngram_range=(1, 2))),
    "bow, pairs in 2 texts": (
        lambda: BagOfWords(ngrams=(1, 2), min_df=2),
        lambda: CountVectorizer(ngram_range=(1, 2), min_df=2),
    ),
    "bow, 3 characters in words": (
        lambda: BagOfWords(unit="characters_in_words", ngrams=(3, 3)),
        lambda: CountVectorizer(analyzer="char_wb", ngram_range=(3, 3)),
    ),
    "tfidf": (Tfidf, TfidfVectorizer),
    "tfidf, words and pairs": (lambda: Tfidf(ngrams=(1, 2)), lambda: TfidfVectorizer(ngram_range=(1, 2))),
    "hashing": (Hashing, lambda: HashingVectorizer(n_features=2**18)),
    "hashing, words and pairs": (
        lambda: Hashing(ngrams=(1, 2)),
        lambda: HashingVectorizer(n_features=2**18, ngram_range=(1, 2)),
    ),
}


def timed(call: Callable[..., Any], *arguments: Any) -> float:
    began = time.perf_counter()
    call(*arguments)
    return time.perf_counter() - began


def rows(name: str, pairs: int) -> list[str]:
    """A row for fit_transform of the training texts, where anything is learnt, and one for transform of the test's."""
    made = CASES[name]
    seconds: dict[str, list[list[float]]] = {"fit_transform": [], "transform": []}
    for turn in range(pairs + 1):
        pair: dict[str, list[float]] = {"fit_transform": [], "transform": []}
        for make in made:
            vectorizer = make()
            if not name.startswith("hashing"):
                pair["fit_transform"].append(timed(vectorizer.fit_transform, TEXTS["train"]))
            pair["transform"].append(timed(vectorizer.transform, TEXTS["test"]))
        if turn:  # the first of each warms up
            for what, figures in pair.items():
                seconds[what] += [figures] if figures else []
    table = []
    for what, figures in seconds.items():
        if figures:
            ours, theirs = (statistics.median(column) for column in zip(*figures, strict=True))
            ratio = statistics.median(b / a for a, b in figures)
            memory = [peak(name, which, what) for which in (0, 1)]
            table.append(
                f"| {name} | `{what}` | {ours:.2f} | {theirs:.2f} | **{ratio:.1f}** | {memory[0]} | {memory[1]} |"
            )
    return table


def peak(name: str, which: int, what: str) -> int:
    """Peak MB of the operation, in a process of its own."""
    command = [sys.executable, __file__, "--peak", name, str(which), what]
    return int(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


def print_peak(name: str, which: int, what: str) -> None:
    make = CASES[name][which]
    vectorizer = make()
    vectorizer.fit(TEXTS["train"][:50])  # imports
    vectorizer.transform(TEXTS["train"][:50])
    Path("/proc/self/clear_refs").write_text("5")  # the peak so far, that of reading the corpus, is forgotten
    before = high_water()
    if what == "fit_transform":
        vectorizer = make()
        features = vectorizer.fit_transform(TEXTS["train"])
    else:
        features = vectorizer.transform(TEXTS["test"])
    print((high_water() - before) >> 10)
    del features


def high_water() -> int:
    """Most memory of this process since it was last forgotten, in KB. Linux only."""
    (found,) = re.findall(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())
    return int(found)


def main() -> None:
    if sys.argv[1:2] == ["--peak"]:
        print_peak(sys.argv[2], int(sys.argv[3]), sys.argv[4])
        return
    pairs = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    print("| vectorizer | operation | textforge s | scikit-learn s | times as fast | textforge MB | scikit-learn MB |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for name in CASES:
        print("\n".join(rows(name, pairs)), flush=True)


if __name__ == "__main__":
    main()
