"""Compare the bag vectorizers with scikit-learn's on all of 20 Newsgroups; prints a table.

Both run alternately in one process, A B A B …, after one uncounted run of each on a few texts. Seconds are medians, and
the speed-up is the median of the turns' ratios. Peak memory is measured in another process (Linux only): the peak above
the memory with texts loaded and everything imported, for the operation that builds the vocabulary, if there is one.
Needs the corpus in scikit-learn's cache.
"""

from __future__ import annotations

import csv
import os
import statistics
import subprocess
import sys
import time
from functools import cache
from typing import Any

from measuring import arguments, forget_peak, peak, table

HEAD = ("vectorizer", "operation", "seconds", "scikit-learn's", "times as fast", "peak MB", "scikit-learn's")
TARGET = 4
CSV = "VECTORIZERS_CSV"
"""Variable that names a CSV file for the processes that measure memory."""
CASES: dict[str, tuple[tuple[str, dict[str, Any]], tuple[str, dict[str, Any]]]] = {
    "bow": (("bow", {}), ("CountVectorizer", {})),
    "bow, words and pairs": (("bow", {"ngrams": [1, 2]}), ("CountVectorizer", {"ngram_range": (1, 2)})),
    "bow, 3 characters in words": (
        ("bow", {"unit": "characters_in_words", "ngrams": [3, 3]}),
        ("CountVectorizer", {"analyzer": "char_wb", "ngram_range": (3, 3)}),
    ),
    "tfidf": (("tfidf", {}), ("TfidfVectorizer", {})),
    "tfidf, words and pairs": (("tfidf", {"ngrams": [1, 2]}), ("TfidfVectorizer", {"ngram_range": (1, 2)})),
    "bow, any script": (("bow", {"split": "any_script"}), ("CountVectorizer", {})),
    "tfidf, any script with punctuation, words and pairs": (
        ("tfidf", {"split": "any_script", "punctuation": True, "ngrams": [1, 2]}),
        ("TfidfVectorizer", {"token_pattern": r"(?u)\w+|[^\w\s]", "ngram_range": (1, 2)}),
    ),
    "tfidf, 2 to 5 characters in words": (
        ("tfidf", {"unit": "characters_in_words", "ngrams": [2, 5], "unicode": "NFC"}),
        ("TfidfVectorizer", {"analyzer": "char_wb", "ngram_range": (2, 5)}),
    ),
    "hashing": (("hashing", {}), ("HashingVectorizer", {"n_features": 2**18})),
    "hashing, words and pairs": (
        ("hashing", {"ngrams": [1, 2]}),
        ("HashingVectorizer", {"n_features": 2**18, "ngram_range": (1, 2)}),
    ),
}


@cache
def texts(subset: str) -> list[str]:
    if path := os.environ.get(CSV):
        with open(path, encoding="utf-8", newline="") as file:
            found = [row["text"] for row in csv.DictReader(file)]
        return found[::2] if subset == "test" else found
    from sklearn.datasets import fetch_20newsgroups

    posts: list[str] = fetch_20newsgroups(subset=subset).data
    return posts


def made(name: str, which: int) -> Any:
    """The vectorizer of textforge (0) or scikit-learn (1)."""
    part, options = CASES[name][which]
    if which:
        from sklearn.feature_extraction import text

        return getattr(text, part)(**options)
    import textforge

    return textforge.PluginManager().part("vectorizer", part, **options).build({"seed": 0})


def operations(name: str) -> tuple[str, ...]:
    """The operations to measure; hashing has no fit."""
    return ("transform",) if name.startswith("hashing") else ("fit_transform", "transform")


def timed(vectorizer: Any, operation: str) -> float:
    given = texts("train" if operation == "fit_transform" else "test")
    began = time.perf_counter()
    getattr(vectorizer, operation)(given)
    return time.perf_counter() - began


def rows(name: str, pairs: int) -> list[tuple[str, ...]]:
    """A row for fit_transform of the training texts, and one for transform of the test texts."""
    seconds: dict[str, list[list[float]]] = {operation: [] for operation in operations(name)}
    for which in (0, 1):
        made(name, which).fit(texts("train")[:50])
    for _ in range(pairs):
        both = [made(name, which) for which in (0, 1)]
        for operation, figures in seconds.items():
            figures.append([timed(vectorizer, operation) for vectorizer in both])
    memory = {operations(name)[0]: [peak_of(name, which) for which in (0, 1)]}
    found = []
    for operation, figures in seconds.items():
        ours, theirs = (f"{statistics.median(column):.2f}" for column in zip(*figures, strict=True))
        ratio = statistics.median(b / a for a, b in figures)
        found.append((name, f"`{operation}`", ours, theirs, f"**{ratio:.1f}**", *memory.get(operation, ("", ""))))
    return found


def peak_of(name: str, which: int) -> str:
    """Peak MB of the first operation, in a new process."""
    command = [sys.executable, __file__, "--peak", name, str(which)]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def print_peak(name: str, which: int) -> None:
    operation = operations(name)[0]
    given = texts("train" if operation == "fit_transform" else "test")
    getattr(made(name, which), operation)(given[:50])  # imports
    vectorizer = made(name, which)
    forget_peak()  # drop the peak of reading the corpus
    before = peak()
    features = getattr(vectorizer, operation)(given)
    print(f"{peak() - before:.0f}")
    del features


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--pairs", type=int, default=5, help="turns; default 5")
    parser.add_argument("--case", action="append", choices=CASES, help="a vectorizer of the table; repeatable")
    parser.add_argument(
        "--peak", nargs=2, metavar=("CASE", "WHICH"), help="only the peak MB of textforge (0) or scikit-learn (1)"
    )
    parser.add_argument("--csv", help="read the column 'text' of this file in place of 20 Newsgroups")
    given = parser.parse_args()
    if given.csv:
        os.environ[CSV] = os.path.abspath(given.csv)
    if given.peak:
        print_peak(given.peak[0], int(given.peak[1]))
        return
    found = []
    for name in given.case or CASES:
        found += rows(name, given.pairs)
        print(found[-1], file=sys.stderr, flush=True)
    print(table(HEAD, found))
    slow = [f"{name} ({operation})" for name, operation, _, _, ratio, *_ in found if float(ratio.strip("*")) < TARGET]
    missed = f"**missed** by {', '.join(slow)}" if slow else "met by all"
    print(f"Target: {TARGET} times as fast ({missed}).")


if __name__ == "__main__":
    main()
