"""Train fastText (Joulin et al. 2017) as an alternative to textforge. Prints the test accuracy.

Uses lower-case words and punctuation, single words and pairs, 25 epochs and 2 threads, so results differ a little from
run to run. Runs on any Python with fasttext and scikit-learn, without the rest of this project.
"""

import argparse
import json
import re
import sys
import tempfile
import time
from typing import Any

GROUPS = ["comp.graphics", "sci.space", "rec.sport.baseball"]


def words(text: str) -> str:
    return " ".join(re.findall(r"\w+|[^\w\s]", text.lower()))


def trained(texts: list[str], labels: list[str], seed: int = 0) -> Any:
    import fasttext

    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as file:
        file.writelines(f"__label__{label} {words(text)}\n" for text, label in zip(texts, labels, strict=True))
        file.flush()
        return fasttext.train_supervised(file.name, epoch=25, lr=0.5, wordNgrams=2, thread=2, seed=seed, verbose=0)


def serve(path: str) -> None:
    """Train on the texts and labels of a JSON file; for each line of stdin, predict its test texts repeatedly.

    Prints the seconds with and without splitting texts into words.
    """
    with open(path, encoding="utf-8") as file:
        given = json.load(file)
    model, test = trained(given["texts"], given["labels"]), given["test"] * given["times"]
    print("ready", flush=True)
    for _ in sys.stdin:
        began = time.perf_counter()
        split = [words(text) for text in test]
        after = time.perf_counter()
        model.predict(split)
        print(time.perf_counter() - began, time.perf_counter() - after, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--three-groups", action="store_true", help="not all twenty")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--serve", metavar="GIVEN.json", help="predict once per input line, for prediction.py")
    given = parser.parse_args()
    if given.serve:
        serve(given.serve)
        return

    from sklearn.datasets import fetch_20newsgroups

    groups = GROUPS if given.three_groups else None
    train, test = (fetch_20newsgroups(subset=name, categories=groups) for name in ("train", "test"))
    model = trained(train.data, train.target, given.seed)
    predicted = model.predict([words(text) for text in test.data])[0]
    right = sum(labels[0] == f"__label__{gold}" for labels, gold in zip(predicted, test.target, strict=True))
    print(f"{right / len(test.data):.6f}")


if __name__ == "__main__":
    main()
