"""Let fastText tune itself (its autotune) on one corpus for a number of seconds; prints accuracy and macro F1 on test.

FOLDER holds NAME-train.csv and NAME-test.csv with the columns text and label. A fifth of the training texts, drawn at
random, is autotune's validation file. Afterwards the options that it found are trained again on all training texts,
which autotune itself does not do. Words are in lower case, punctuation is separate, and every Chinese character is a
word. Runs on any Python with fasttext and scikit-learn, without the rest of this project.
"""

import argparse
import csv
import json
import random
import re
import tempfile
import time
from pathlib import Path
from typing import Any

ARGUMENTS = ("lr", "dim", "ws", "epoch", "minCount", "minn", "maxn", "wordNgrams", "bucket", "lrUpdateRate", "t")


def words(text: str) -> str:
    return " ".join(re.findall(r"[\u4e00-\u9fff]|[^\W\u4e00-\u9fff]+|[^\w\s]", text.lower()))


def read(path: Path) -> tuple[list[str], list[str]]:
    csv.field_size_limit(10**9)
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return [words(row["text"]) for row in rows], [row["label"] for row in rows]


def write(path: Path, rows: list[tuple[str, int]]) -> str:
    path.write_text("".join(f"__label__{label} {text}\n" for text, label in rows), encoding="utf-8")
    return str(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("name")
    parser.add_argument("--seconds", type=int, default=300)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    import fasttext
    from sklearn.metrics import f1_score

    texts, labels = read(given.folder / f"{given.name}-train.csv")
    asked, gold = read(given.folder / f"{given.name}-test.csv")
    number = {label: n for n, label in enumerate(sorted({*labels}))}
    rows = [(text, number[label]) for text, label in zip(texts, labels, strict=True)]
    shuffled = random.Random(given.seed).sample(rows, len(rows))
    with tempfile.TemporaryDirectory() as folder:
        held = len(rows) // 5
        train = write(Path(folder) / "train.txt", shuffled[held:])
        valid = write(Path(folder) / "valid.txt", shuffled[:held])
        whole = write(Path(folder) / "whole.txt", shuffled)
        began = time.perf_counter()
        common: dict[str, Any] = {"thread": given.threads, "seed": given.seed, "verbose": 0}
        tuned = fasttext.train_supervised(train, autotuneValidationFile=valid, autotuneDuration=given.seconds, **common)
        seconds = time.perf_counter() - began
        found = tuned.f.getArgs()
        chosen = {name: getattr(found, name) for name in ARGUMENTS}
        chosen["loss"] = found.loss.name
        again = fasttext.train_supervised(whole, **chosen, **common)
    result: dict[str, Any] = {"seconds": round(seconds, 1), "options": chosen}
    for name, model in (("autotune", tuned), ("trained again on all", again)):
        predicted = [int(one[0].removeprefix("__label__")) if one else 0 for one in model.predict(asked)[0]]
        right = [number.get(label, -1) for label in gold]
        accuracy = sum(a == b for a, b in zip(predicted, right, strict=True)) / len(right)
        result[name] = {"accuracy": accuracy, "macro_f1": float(f1_score(right, predicted, average="macro"))}
    print(json.dumps(result))


if __name__ == "__main__":
    main()
