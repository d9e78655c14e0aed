"""The recipe that `textforge init` writes, beside five lines of scikit-learn, on anyone's corpora; prints tables.

FOLDER holds NAME-train.csv and NAME-test.csv for each corpus, with the columns text and label. The alternative is
TF-IDF (sublinear) of words and pairs, of characters in words (2 to 5), and of both side by side, each with LinearSVC at
its defaults. Accuracies are means over the seeds; those of scikit-learn do not depend on the seed to four digits. Times
are those of whole processes, run alternately, A B A B …: medians, and the median of the turns' ratios.
"""

from __future__ import annotations

import csv
import json
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from measuring import ROOT, TEXTFORGE, arguments, measure, spread, table

FEATURES = {"words 1-2": [0], "characters 2-5": [1], "both": [0, 1]}
"""Blocks of features of each alternative."""
SCORES = ("corpus", *FEATURES, "strong", "strong, calibration error")
TIMES = ("corpus", "strong, seconds", "both, seconds", "our time to its", "strong, peak MB", "both, peak MB")


def peer(folder: Path, name: str, which: str) -> tuple[float, float]:
    """Train the alternative on one corpus; return accuracy and macro F1 on test."""
    import scipy.sparse as sp
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.metrics import f1_score
    from sklearn.svm import LinearSVC

    (texts, y), (asked, gold) = (read(folder / f"{name}-{split}.csv") for split in ("train", "test"))
    ways: list[dict[str, Any]] = [{"ngram_range": (1, 2)}, {"analyzer": "char_wb", "ngram_range": (2, 5)}]
    train, test = [], []
    for way in FEATURES[which]:
        vectorizer = TfidfVectorizer(sublinear_tf=True, **ways[way])
        train.append(vectorizer.fit_transform(texts))
        test.append(vectorizer.transform(asked))
    found = LinearSVC().fit(sp.hstack(train).tocsr(), y).predict(sp.hstack(test).tocsr())
    right = sum(a == b for a, b in zip(found, gold, strict=True))
    return right / len(gold), float(f1_score(gold, found, average="macro"))


def read(path: Path) -> tuple[list[str], list[str]]:
    csv.field_size_limit(10**9)
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return [row["text"] for row in rows], [row["label"] for row in rows]


def strong(folder: Path, name: str, seed: int, out: str) -> tuple[float, float, dict[str, Any]]:
    """Run the recipe as a process; return seconds, peak MB and the metrics on test."""
    train, test = (folder.absolute() / f"{name}-{split}.csv" for split in ("train", "test"))
    command = [*TEXTFORGE, "run", str(ROOT / "recipes" / "strong.yaml"), "--quiet", "--json", "--seed", str(seed)]
    command += ["--set", f"dataset={{use: csv, train: {train}, test: {test}}}"]
    command += ["--set", "metrics=[expected-calibration-error]", "--out", f"{out}/{name}-{seed}"]
    seconds, memory, printed = measure(command, folder)
    metrics: dict[str, Any] = json.loads(printed)["test"]
    return seconds, memory, metrics


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, default=5, help="seeds and turns; default 5")
    parser.add_argument("--peer", nargs=2, metavar=("NAME", "FEATURES"), help="only train this alternative")
    given = parser.parse_args()
    if given.peer:
        print(json.dumps(peer(given.folder, *given.peer)))
        return
    scores, times = [], []
    for path in sorted(given.folder.glob("*-train.csv")):
        name = path.name.removesuffix("-train.csv")
        turns: list[tuple[tuple[float, float, Any], tuple[float, float, str]]] = []
        with tempfile.TemporaryDirectory() as out:
            for seed in range(given.seeds):
                both = [sys.executable, __file__, str(given.folder.absolute()), "--peer", name, "both"]
                turns.append((strong(given.folder, name, seed, out), measure(both, given.folder)))
        ours, theirs = zip(*turns, strict=True)
        peers = [peer(given.folder, name, which) for which in FEATURES if which != "both"]
        peers.append(json.loads(theirs[0][2]))
        means = [
            statistics.mean(metrics[key] for *_, metrics in ours)
            for key in ("accuracy", "macro_f1", "expected_calibration_error")
        ]
        shown = [f"{accuracy:.4f} / {f1:.4f}" for accuracy, f1 in (*peers, means[:2])]
        scores.append((name, *shown, f"{means[2]:.4f}"))
        ratio = statistics.median(a[0] / b[0] for a, b in turns)
        seconds = [spread([one[0] for one in side], 2) for side in (ours, theirs)]
        memory = [f"{statistics.median(one[1] for one in side):.0f}" for side in (ours, theirs)]
        times.append((name, *seconds, f"**{ratio:.2f}**", *memory))
        print(scores[-1], times[-1], file=sys.stderr, flush=True)
    print("Accuracy / macro F1 on test:\n")
    print(table(SCORES, scores))
    print(table(TIMES, times))


if __name__ == "__main__":
    main()
