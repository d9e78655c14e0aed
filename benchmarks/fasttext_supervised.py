"""What a user would pick instead: fastText (Joulin et al. 2017). Prints the test accuracy.

Words and marks in lower case, words and pairs of them, 25 epochs, 2 threads: its result differs a little from run to
run. Runs on any Python that has fasttext and scikit-learn; nothing else of this project is needed.
"""

import argparse
import re
import tempfile

GROUPS = ["comp.graphics", "sci.space", "rec.sport.baseball"]


def words(text: str) -> str:
    return " ".join(re.findall(r"\w+|[^\w\s]", text.lower()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--three-groups", action="store_true", help="not all twenty")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()

    import fasttext
    from sklearn.datasets import fetch_20newsgroups

    groups = GROUPS if given.three_groups else None
    train, test = (fetch_20newsgroups(subset=name, categories=groups) for name in ("train", "test"))
    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as file:
        file.writelines(
            f"__label__{label} {words(text)}\n" for text, label in zip(train.data, train.target, strict=True)
        )
        file.flush()
        model = fasttext.train_supervised(
            file.name, epoch=25, lr=0.5, wordNgrams=2, thread=2, seed=given.seed, verbose=0
        )
    predicted = model.predict([words(text) for text in test.data])[0]
    right = sum(labels[0] == f"__label__{gold}" for labels, gold in zip(predicted, test.target, strict=True))
    print(f"{right / len(test.data):.6f}")


if __name__ == "__main__":
    main()
