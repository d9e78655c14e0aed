"""Make the bundles beside this file, each with the probabilities that it gave when it was made.

Every release has to read them and to answer the same, so they are made once and never again: a folder that exists is
left as it is. A new family of parts gets a new folder, by `python tests/classifiers/kept_bundles/make.py` at the root
of the repository.
"""

from __future__ import annotations

import csv
import json
import os
import random
import shutil
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
EXPECTED = "expected.json"

WORDS = {
    "sky": "orbit moon rocket Луна ракета орбита 月亮 火箭 चाँद तारे قمر نجوم Größe 🚀".split(),
    "sea": "ship wave harbour море волна корабль 大海 船 समुद्र नाव بحر سفينة Küste 🌊".split(),
    "town": "street market bridge улица рынок мост 街道 市场 सड़क बाज़ार شارع سوق Straße 🏙".split(),
}
COMMON = "the a of and и в на 的 और في".split()
TEXTS = [
    "",
    "the rocket and the moon",
    "A SHIP in the Harbour, of waves",
    "ракета и Луна на орбите",
    "大海的船 月亮",
    "बाज़ार और सड़क",
    "سفينة في بحر",
    "Straße 🏙 Größe 🚀 Küste",
    "cafe\u0301 caf\u00e9 market street bridge " * 3,
    "\u200bnothing\tknown\r\nhere 12345",
]

BAGS: dict[str, dict[str, Any]] = {
    "bow-mlp": {"model": {"use": "mlp", "hidden": [4, 3], "norm": "batch", "dropout": 0.1, "input_dropout": 0.1}},
    "bow-mlp-layer-norm": {
        "vectorizer": {"use": "bow", "unit": "characters_in_words", "ngrams": [1, 2], "max_features": 60},
        "model": {"use": "mlp", "hidden": [3], "norm": "layer", "activation": "gelu"},
    },
    "bow-ngrams-linear": {
        "vectorizer": {"use": "bow", "split": "spaces", "ngrams": [1, 3], "binary": True, "max_features": 80,
                       "strip_accents": True, "stop_words": ["the", "и"]},
    },
    "bow-characters-linear": {
        "vectorizer": {"use": "bow", "unit": "characters", "ngrams": [2, 3], "lowercase": False, "min_df": 8},
    },
    "bow-multinomial-nb": {"model": "multinomial-nb"},
    "bow-complement-nb": {"model": "complement-nb"},
    "bow-nbsvm": {"vectorizer": {"use": "bow", "binary": True}, "model": "nbsvm"},
    "tfidf-linear-temperature-abstain": {
        "vectorizer": {"use": "tfidf", "sublinear": True, "ngrams": [1, 2], "max_features": 60},
        "trainer": {"validation": 0.3},
        "decision": {"calibrate": "temperature", "abstain": 0.55},
    },
    "tfidf-linear-two-classes-threshold": {
        "vectorizer": {"use": "tfidf", "stop_words": "english"},
        "labels": ["sea", "sky"],
        "trainer": {"validation": 0.3},
        "decision": {"threshold": "f1"},
    },
    "tfidf-calibrated": {"vectorizer": "tfidf", "model": {"use": "calibrated", "cv": 2, "ensemble": True}},
    "hashing-logistic-regression": {"vectorizer": {"use": "hashing", "n_features": 64}, "model": "logistic-regression"},
    "hashing-linear-svc": {
        "vectorizer": {"use": "hashing", "n_features": 50, "ngrams": [1, 2], "signed": False, "norm": None},
        "model": "linear-svc",
    },
    "tfidf-linear-multi-label-thresholds": {
        "vectorizer": "tfidf",
        "several": True,
        "trainer": {"validation": 0.3},
        "decision": {"calibrate": "temperature", "threshold": "f1"},
    },
    "bow-logistic-regression-multi-label": {
        "model": "logistic-regression", "several": True, "decision": {"threshold": 0.4},
    },
    "union-ensemble": {
        "vectorizer": {"use": "union", "weights": [1.0, 0.5], "of": [
            {"use": "tfidf", "max_features": 40},
            {"use": "preprocess", "steps": ["html", {"use": "unicode", "form": "NFKC"}, "lowercase", "placeholders"],
             "vectorizer": {"use": "bow", "unit": "characters", "ngrams": [1, 1]}},
        ]},
        "model": {"use": "ensemble", "of": ["linear", {"use": "mlp", "hidden": [3]}], "weights": [2.0, 1.0]},
    },
    "preprocess-calibrated-nbsvm": {
        "vectorizer": {"use": "preprocess", "steps": ["lowercase"], "vectorizer": "tfidf"},
        "model": {"use": "calibrated", "of": "nbsvm", "cv": 2},
    },
}  # fmt: skip
SEQUENCES: dict[str, dict[str, Any]] = {
    "tokens-fasttext": {"model": {"use": "fasttext", "dim": 4, "buckets": 50, "ngrams": 3}},
    "tokens-fasttext-vectors": {
        "vectorizer": {"use": "tokens", "vectors": "words.vec", "max_features": 40},
        "model": {"use": "fasttext", "dim": 3, "ngrams": 1, "freeze": True},
    },
    "tokens-textcnn": {
        "vectorizer": {"use": "tokens", "split": "words_and_punctuation", "max_length": 7, "keep": "both"},
        "model": {"use": "textcnn", "dim": 4, "widths": [1, 2], "channels": 3},
    },
    "tokens-rnn-lstm": {
        "vectorizer": {"use": "tokens", "split": "spaces", "lowercase": False},
        "model": {"use": "rnn", "cell": "lstm", "dim": 4, "hidden": 3, "layers": 2, "pooling": "attention"},
    },
    "tokens-rnn-gru-last": {"model": {"use": "rnn", "dim": 4, "hidden": 3, "bidirectional": False, "pooling": "last"}},
    "tokens-transformer": {
        "model": {"use": "transformer", "dim": 4, "heads": 2, "layers": 2, "feedforward": 5, "max_positions": 20},
    },
    "bytes-transformer-learned": {
        "vectorizer": {"use": "bytes", "max_length": 30},
        "model": {"use": "transformer", "dim": 4, "heads": 2, "layers": 1, "feedforward": 5, "positions": "learned",
                  "max_positions": 31, "pooling": "cls"},
    },
    "subword-fasttext": {
        "vectorizer": {"use": "subword", "vocab_size": 300},
        "model": {"use": "fasttext", "dim": 3, "buckets": 20},
    },
    "subword-transformer-multi-label": {
        "vectorizer": {"use": "subword", "vocab_size": 280, "max_length": 20},
        "model": {"use": "transformer", "dim": 4, "heads": 1, "layers": 1, "feedforward": 4, "pooling": "attention"},
        "several": True,
    },
}  # fmt: skip
COLUMNS: dict[str, dict[str, Any]] = {
    "numbers-mlp": {"vectorizer": "numbers", "model": {"use": "mlp", "hidden": [4]}},
    "categories-linear": {"vectorizer": {"use": "categories", "column": "flag"}},
    "union-columns": {
        "vectorizer": {"use": "union", "of": [
            {"use": "tfidf", "max_features": 30},
            {"use": "bow", "column": "title"},
            "numbers",
            {"use": "categories", "min_count": 1, "buckets": 7},
        ]},
    },
}  # fmt: skip
"""Vectorizers over the columns of `columns.csv`."""
ROWS = [
    {"text": text, "depth": depth, "flag": flag, "title": title}
    for text, depth, flag, title in zip(
        TEXTS,
        [None, -3.5, 0.0, 100.0, 12.25, 7.0, None, 1e6, 4.0, 5.5],
        ["blue", "red", None, "green", "unseen", "blue", "red", "rare", "", "green"],
        ["", "orbit", "大海 wave", None, "bridge", "moon", "harbour", "улица", "rocket", "street market"],
        strict=True,
    )
]
FORMAT_1 = "bow-linear-format-1"
NUMBERS = "bow-linear-numbers"
"""Labels that are numbers, which data in code may have: format 3."""


def main() -> None:
    import textforge

    folder = Path(tempfile.mkdtemp())
    os.chdir(folder)  # so that no recipe names a path of this machine
    write_data(folder)
    made = {**{name: {"vectorizer": "bow", "model": "linear", **given} for name, given in BAGS.items()},
            **{name: {"vectorizer": "tokens", **given} for name, given in SEQUENCES.items()},
            **{name: {"model": "linear", "columns": True, **given} for name, given in COLUMNS.items()},
            **{name: {"vectorizer": "bow", "model": "linear"} for name in (FORMAT_1, NUMBERS)}}  # fmt: skip
    for name, sections in made.items():
        if (HERE / name).exists():
            continue
        run = textforge.run(recipe(sections), dataset=numbered(folder) if name == NUMBERS else None, out=folder / name)
        shutil.copytree(run.path / "model", HERE / name)
        if name == FORMAT_1:
            as_format_1(HERE / name / "bundle.json")
        classifier = textforge.load(HERE / name)
        texts: list[Any] = ROWS if name in COLUMNS else TEXTS
        expected = {
            "textforge": textforge.__version__,
            "texts": texts,
            "probabilities": classifier.predict_proba(texts).tolist(),
            "answers": classifier.predict(texts),
        }
        (HERE / name / EXPECTED).write_text(json.dumps(expected, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        print(name)
    shutil.rmtree(folder)


def recipe(sections: dict[str, Any]) -> dict[str, Any]:
    given = dict(sections)
    several, labels = given.pop("several", False), given.pop("labels", sorted(WORDS))
    file = "several.csv" if several else f"{len(labels)}.csv"
    data: dict[str, Any] = {"use": "csv", "train": file, **({"label_separator": "|"} if several else {})}
    if given.pop("columns", False):
        data = {"use": "csv", "train": "columns.csv"}
        data["columns"] = {"depth": "number", "flag": "category", "title": "text"}
    trainer = {"epochs": 12, "batch_size": 16, "device": "cpu", **given.pop("trainer", {})}
    return {"seed": 3, "dataset": data, "optimizer": {"use": "adam", "lr": 0.03}, "trainer": trainer, **given}


def write_data(folder: Path) -> None:
    draw = random.Random(11)
    everything = sorted(WORDS)
    for file, labels, most in (("2.csv", everything[:2], 1), ("3.csv", everything, 1), ("several.csv", everything, 2)):
        with (folder / file).open("w", encoding="utf-8", newline="") as opened:
            writer = csv.writer(opened)
            writer.writerow(["text", "label"])
            for _ in range(90):
                chosen = draw.sample(labels, draw.randint(1, most))
                words = [word for label in chosen for word in draw.sample(WORDS[label], 3)] + draw.choices(COMMON, k=3)
                draw.shuffle(words)
                if draw.random() < 0.15:  # wrong labels, so that a temperature has something to learn
                    chosen = draw.sample(labels, 1)
                writer.writerow([" ".join(words), "|".join(sorted(chosen))])
    write_columns(folder / "columns.csv")
    vectors = [f"{word} {number / 10} {-number / 20} {0.5 - number / 40}\n" for number, word in enumerate(WORDS["sky"])]
    (folder / "words.vec").write_text("".join(vectors), encoding="utf-8")


def numbered(folder: Path) -> Any:
    """The data of three classes, with a number for each class."""
    from textforge import Dataset

    with (folder / "3.csv").open(encoding="utf-8", newline="") as file:
        rows = [(row["text"], sorted(WORDS).index(row["label"]) - 1) for row in csv.DictReader(file)]
    return Dataset(train=([text for text, _ in rows], [label for _, label in rows]))


def write_columns(file: Path) -> None:
    draw = random.Random(12)
    flags = {"sky": "blue", "sea": "green", "town": "red"}
    with file.open("w", encoding="utf-8", newline="") as opened:
        writer = csv.writer(opened)
        writer.writerow(["text", "label", "depth", "flag", "title"])
        for number in range(90):
            label = draw.choice(sorted(WORDS))
            depth = "" if draw.random() < 0.1 else f"{draw.gauss({'sky': -5, 'sea': 8, 'town': 1}[label], 3):.2f}"
            flag = draw.choices([flags[label], draw.choice(sorted(flags.values())), "", f"flag {number}"], [6, 2, 1, 1])
            words = [*draw.sample(WORDS[label], 2), *draw.choices(COMMON, k=3)]
            writer.writerow([" ".join(words), label, depth, flag[0], " ".join(draw.sample(WORDS[label], 2))])


def as_format_1(file: Path) -> None:
    """A description as it was before there were decisions and sets of labels."""
    import hashlib

    described = json.loads(file.read_text(encoding="utf-8"))
    described["format"] = 1
    del described["decision"], described["facts"]["multi_label"], described["digest"]
    canonical = json.dumps(described, sort_keys=True, separators=(",", ":")).encode()
    described["digest"] = hashlib.sha256(canonical).hexdigest()
    file.write_text(json.dumps(described, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
