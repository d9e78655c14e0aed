"""The strong recipe on few texts, beside LinearSVC on the same kinds of features; prints a table, writes an SVG.

FOLDER holds NAME-train.csv and NAME-test.csv, with the columns text and label. For each size, ten draws of that many
texts of every class are trained on; accuracies on the whole test split are averaged. The alternative is LinearSVC at
its defaults on TF-IDF (sublinear) of words 1-2 and characters 2-5 side by side.
"""

from __future__ import annotations

import statistics
import sys
import warnings
from pathlib import Path
from random import Random
from typing import Any

from any_text import read
from measuring import ROOT, arguments, table

SIZES = (8, 16, 32, 64)
HEAD = ("corpus", "texts per class", "strong", "LinearSVC", "difference, mean (lowest to highest)")


def accuracies(train: Any, test: Any, n_each: int, seed: int) -> tuple[float, float]:
    """Accuracy of the strong recipe and of the alternative, trained on `n_each` texts of every class."""
    import scipy.sparse as sp
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.metrics import accuracy_score
    from sklearn.svm import LinearSVC

    from textforge.sklearn import TextClassifier

    rows: dict[str, list[int]] = {}
    for row, label in enumerate(train[1]):
        rows.setdefault(label, []).append(row)
    drawn = sorted(
        row for of_class in rows.values() for row in Random(seed).sample(of_class, min(n_each, len(of_class)))
    )
    texts, labels = ([column[row] for row in drawn] for column in train)
    ours = TextClassifier(ROOT / "recipes" / "strong.yaml").fit(texts, labels).predict(test[0])
    ways: list[dict[str, Any]] = [{"ngram_range": (1, 2)}, {"analyzer": "char_wb", "ngram_range": (2, 5)}]
    blocks = [TfidfVectorizer(sublinear_tf=True, **way).fit(texts) for way in ways]
    machine = LinearSVC().fit(sp.hstack([block.transform(texts) for block in blocks]).tocsr(), labels)
    theirs = machine.predict(sp.hstack([block.transform(test[0]) for block in blocks]).tocsr())
    return float(accuracy_score(test[1], ours)), float(accuracy_score(test[1], theirs))


def picture(curves: dict[str, list[tuple[float, float]]]) -> str:
    """An SVG with a panel for each corpus: accuracy by texts per class, for both."""
    width, height, left = 360, 260, 48
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width * len(curves)} {height + 30}" '
        'font-family="sans-serif" font-size="12">',
        '<rect width="100%" height="100%" fill="white"/>',
    ]
    for panel, (name, points) in enumerate(curves.items()):
        values = [value for pair in points for value in pair]
        low, high = min(values) - 0.02, max(values) + 0.02
        x = [left + panel * width + step * (width - left - 24) / (len(points) - 1) for step in range(len(points))]

        def y(value: float, low: float = low, high: float = high) -> float:
            return 30 + (height - 70) * (high - value) / (high - low)

        parts.append(f'<text x="{x[0]}" y="18" font-size="14">{name}</text>')
        for tick in range(5):
            value = low + (high - low) * tick / 4
            parts.append(f'<line x1="{x[0]}" x2="{x[-1]}" y1="{y(value):.1f}" y2="{y(value):.1f}" stroke="#ddd"/>')
            parts.append(f'<text x="{x[0] - 6}" y="{y(value) + 4:.1f}" text-anchor="end">{value:.2f}</text>')
        for at, size in zip(x, SIZES, strict=True):
            parts.append(f'<text x="{at:.1f}" y="{height - 20}" text-anchor="middle">{size}</text>')
        parts.append(f'<text x="{(x[0] + x[-1]) / 2:.1f}" y="{height}" text-anchor="middle">texts per class</text>')
        for side, (colour, dash) in enumerate((("#0b6e4f", ""), ("#c1440e", ' stroke-dasharray="5 4"'))):
            line = " ".join(f"{at:.1f},{y(pair[side]):.1f}" for at, pair in zip(x, points, strict=True))
            parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2.5"{dash}/>')
    for at, label, colour in ((left, "strong.yaml", "#0b6e4f"), (left + 120, "LinearSVC (dashed)", "#c1440e")):
        parts.append(f'<text x="{at}" y="{height + 20}" fill="{colour}">{label}</text>')
    return "\n".join([*parts, "</svg>\n"])


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("names", nargs="+", metavar="NAME")
    parser.add_argument("--draws", type=int, default=10, help="draws of each size; default 10")
    parser.add_argument("--svg", type=Path, help="write the curves to this file")
    given = parser.parse_args()
    warnings.simplefilter("ignore")  # about small data
    rows: list[tuple[str, ...]] = []
    curves: dict[str, list[tuple[float, float]]] = {}
    for name in given.names:
        train, test = (read(given.folder / f"{name}-{split}.csv") for split in ("train", "test"))
        curves[name] = []
        for size in SIZES:
            found = [accuracies(train, test, size, seed) for seed in range(given.draws)]
            ours, theirs = (statistics.mean(side) for side in zip(*found, strict=True))
            apart = [a - b for a, b in found]
            curves[name].append((ours, theirs))
            shown = f"{ours - theirs:+.4f} ({min(apart):+.4f} to {max(apart):+.4f})"
            rows.append((name, str(size), f"{ours:.4f}", f"{theirs:.4f}", shown))
            print(rows[-1], file=sys.stderr, flush=True)
    print(table(HEAD, rows))
    if given.svg:
        given.svg.write_text(picture(curves), encoding="utf-8")


if __name__ == "__main__":
    main()
