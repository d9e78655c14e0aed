"""Text with and without columns, on tweets about airlines and on a corpus where the columns decide; prints a table.

AIRLINE is the CSV file of tweets with the columns text, airline and airline_sentiment (CrowdFlower's Twitter US Airline
Sentiment). The other corpus is made here: prices, countries and a few words of the text add up to a score, and its sign
is the label. Each recipe is cross-validated on five folds of the training texts, the same for all recipes, and then
trained on all of them and tested once. Differences in folds are paired; the interval is that of Student's t over folds.
"""

from __future__ import annotations

import csv
import random
import statistics
import tempfile
from pathlib import Path
from typing import Any

from measuring import arguments, table

import textforge

HEADER = ("data", "features", "accuracy on folds", "difference to the text alone", "test accuracy")
T4 = 2.776
"""Quantile 0.975 of Student's t with 4 degrees of freedom."""
WORDS = {"use": "tfidf", "ngrams": [1, 2], "sublinear": True}


def recipe(data: dict[str, Any], columns: dict[str, str] | None, vectorizers: list[Any]) -> dict[str, Any]:
    return {
        "seed": 0,
        "dataset": {**data, "columns": columns},
        "vectorizer": {"use": "union", "of": vectorizers},
        "model": "logistic-regression",
    }


def make(path: Path, n: int = 3000) -> None:
    """Write orders whose label follows from price and country, and a little from a word of the text."""
    draw = random.Random(0)
    countries = {"US": 0.0, "DE": 1.5, "FR": -1.5, "JP": 3.0, "BR": -3.0}
    words = {"urgent": 1.0, "gift": -1.0, "order": 0.0}
    common = ["please", "send", "the", "parcel", "to", "my", "office", "with", "two", "copies", "of", "this", "note"]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label", "price", "country"])
        for _ in range(n):
            price, country, word = draw.gauss(60, 25), draw.choice([*countries]), draw.choice([*words])
            score = (price - 60) / 12 + countries[country] + words[word] + draw.gauss(0, 0.5)
            text = " ".join([word, *draw.choices(common, k=9)])
            shown = "" if draw.random() < 0.05 else f"{price:.2f}"
            writer.writerow([text, "review" if score > 0 else "pass", shown, country])


def measured(name: str, recipes: dict[str, dict[str, Any]], out: Path) -> list[tuple[Any, ...]]:
    rows, base = [], list[float]()
    for features, one in recipes.items():
        folds = textforge.cross_validate(one, folds=5, out=out / name / f"{features} folds")
        each = folds.result["figures"]["accuracy"]["values"]
        base = base or each
        differences = [100 * (a - b) for a, b in zip(each, base, strict=True)]
        wide = T4 * statistics.stdev(differences) / 5**0.5
        difference = f"{statistics.mean(differences):+.2f} ± {wide:.2f} points" if each is not base else ""
        test = textforge.run(one, out=out / name / features).test["accuracy"]
        rows.append((name, features, f"{statistics.mean(each):.4f}", difference, f"{test:.4f}"))
    return rows


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("airline", metavar="AIRLINE", type=Path)
    airline = parser.parse_args().airline.absolute()
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        make(out / "orders.csv")
        tweets = {"use": "csv", "train": str(airline), "label": "airline_sentiment"}
        orders = {"use": "csv", "train": str(out / "orders.csv")}
        kinds = {"price": "number", "country": "category"}
        rows = measured(
            "airline tweets",
            {
                "text": recipe(tweets, None, [WORDS]),
                "text + airline": recipe(tweets, {"airline": "category"}, [WORDS, "categories"]),
                "airline": recipe(tweets, {"airline": "category"}, ["categories"]),
            },
            out,
        ) + measured(
            "orders, synthetic",
            {
                "text": recipe(orders, None, [WORDS]),
                "text + price": recipe(orders, {"price": "number"}, [WORDS, "numbers"]),
                "text + price + country": recipe(orders, kinds, [WORDS, "numbers", "categories"]),
                "price + country": recipe(orders, kinds, ["numbers", "categories"]),
            },
            out,
        )
        print(table(HEADER, rows))


if __name__ == "__main__":
    main()
