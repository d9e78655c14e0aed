"""Export every family of models to ONNX and compare it with torch; measure the exports of trained runs.

    python benchmarks/export.py                 # the families: largest differences of a probability
    python benchmarks/export.py RUN… [--rows N] # runs on labelled data: sizes, accuracy, first answer, throughput

Families are trained for one epoch on made texts, since only the arithmetic is compared. Runs are folders made by
`textforge run`; their own test texts are used. Prints tables in Markdown.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import textforge
from textforge import Classifier, Dataset, PluginManager, Row, Trainer
from textforge.insight.answers import read_run
from textforge.insight.own_texts import OwnTexts

WORDS = {
    "space": ["orbit", "launch", "shuttle", "moon", "rocket", "satellite", "lunar", "mission", "probe", "comet"],
    "ball": ["pitcher", "inning", "bat", "team", "league", "homer", "catcher", "season", "glove", "base"],
    "paint": ["pixel", "polygon", "render", "image", "color", "shader", "texture", "vertex", "raster", "brush"],
}
COMMON = ["the", "a", "of", "and", "to", "in", "is", "it", "that", "was", "for", "on", "with", "as", "at", "by", "this"]
COLUMNS: dict[str, Any] = {"stars": "number", "shop": "category", "title": "text"}
FIRST, MANY = 1, 512
"""Numbers of texts at a time for which throughput is measured."""
SECONDS = 1.0
"""Time to measure each throughput for."""


class Family(NamedTuple):
    """A vectorizer and a model, as a recipe writes them."""

    vectorizer: dict[str, Any]
    model: dict[str, Any]
    several_labels: bool = False

    @property
    def shown(self) -> str:
        labels = ", several labels" if self.several_labels else ""
        return f"{_shown(self.model)} | {_shown(self.vectorizer)}{labels}"


def families() -> Iterator[Family]:
    """Every model of textforge, with each kind of features and each option that changes its graph."""
    bow, binary, tokens = {"use": "bow"}, {"use": "bow", "binary": True}, {"use": "tokens"}
    tfidf: dict[str, Any] = {"use": "tfidf", "ngrams": [1, 2]}
    union = {"use": "union", "of": [tfidf, {"use": "hashing", "n_features": 512}]}
    columns = {
        "use": "union",
        "of": [bow, {"use": "numbers"}, {"use": "categories"}, {"use": "bow", "column": "title"}],
    }
    for vectorizer in (bow, binary, tfidf, {"use": "hashing", "n_features": 512}, union, columns, {"use": "numbers"}):
        yield Family(vectorizer, {"use": "linear"})
    yield Family({"use": "preprocess", "steps": ["html", "lowercase"], "vectorizer": bow}, {"use": "linear"})
    yield Family(bow, {"use": "linear"}, several_labels=True)
    for activation in ("relu", "leaky_relu", "elu", "silu", "gelu", "tanh", "sigmoid"):
        yield Family(tfidf, {"use": "mlp", "hidden": [16, 8], "activation": activation})
    for norm in ("batch", "layer"):
        yield Family(bow, {"use": "mlp", "hidden": [16], "norm": norm, "dropout": 0.2, "input_dropout": 0.2})
    yield Family({"use": "numbers"}, {"use": "mlp", "hidden": [16], "input_dropout": 0.2})
    yield Family(bow, {"use": "mlp", "hidden": []})
    for ngrams in (1, 2, 3):
        yield Family(tokens, {"use": "fasttext", "dim": 16, "ngrams": ngrams, "buckets": 100})
    yield Family(tokens, {"use": "textcnn", "dim": 16, "channels": 8})
    yield Family({"use": "subword", "vocab_size": 300}, {"use": "textcnn", "dim": 16, "channels": 8, "widths": [1, 7]})
    for cell in ("gru", "lstm"):
        for pooling in ("last", "mean", "max", "attention"):
            yield Family(tokens, {"use": "rnn", "cell": cell, "dim": 16, "hidden": 8, "pooling": pooling})
        yield Family(tokens, {"use": "rnn", "cell": cell, "dim": 16, "hidden": 8, "layers": 2, "bidirectional": False})
    for positions in ("sinusoidal", "learned"):
        for pooling in ("mean", "max", "attention", "cls"):
            size = {"dim": 16, "heads": 2, "feedforward": 16, "layers": 1 + (pooling == "mean"), "max_positions": 50}
            yield Family(tokens, {"use": "transformer", "positions": positions, "pooling": pooling, **size})
    for name in ("logistic-regression", "linear-svc", "nbsvm", "multinomial-nb", "complement-nb", "calibrated"):
        yield Family(tfidf, {"use": name})
        yield Family(tfidf, {"use": name}, several_labels=True)
    yield Family({"use": "numbers"}, {"use": "logistic-regression"})
    yield Family(tfidf, {"use": "calibrated", "ensemble": True})
    yield Family(tfidf, {"use": "calibrated", "of": {"use": "linear-svc"}})
    inner = {"use": "textcnn", "dim": 16, "channels": 8}
    yield Family(tokens, {"use": "calibrated", "of": inner, "optimizer": "adam", "epochs": 1, "cv": 2})
    members = ["fasttext", "textcnn", "rnn", {"use": "transformer", "dim": 16, "heads": 2}]
    for several in (False, True):
        yield Family(tokens, {"use": "ensemble", "of": members}, several)
        yield Family(tfidf, {"use": "ensemble", "of": ["nbsvm", "logistic-regression"], "weights": [1.0, 2.0]}, several)


def made(n: int, several_labels: bool, seed: int = 0) -> tuple[list[str], list[Any]]:
    """Texts with columns, and the label or the labels of each."""
    draw, names = random.Random(seed), sorted(WORDS)
    texts: list[str] = []
    labels: list[Any] = []
    for _ in range(n):
        label = draw.choice(names)
        words = draw.sample(WORDS[label], 3) + draw.choices(COMMON, k=draw.randint(2, 12))
        values = (float(len(label)), draw.choice("abc"), draw.choice(WORDS[label]))
        texts.append(Row(" ".join(words), values, COLUMNS))
        labels.append([label, *draw.sample(names, 1)] if several_labels else label)
    return texts, [sorted({*one}) for one in labels] if several_labels else labels


def trained(family: Family) -> Classifier:
    """Train a family for one epoch."""
    plugins = PluginManager()
    vectorizer, model = (
        plugins.part(kind, written["use"], **{name: value for name, value in written.items() if name != "use"})
        for kind, written in (("vectorizer", family.vectorizer), ("model", family.model))
    )
    optimizer = None if model.fits_itself else plugins.part("optimizer", "adam", lr=0.01)
    given: dict[str, Any] = {} if optimizer is None else {"optimizer": optimizer}
    return Trainer(Dataset(train=made(120, family.several_labels)), vectorizer, model, epochs=1, **given).fit()


def family_row(family: Family) -> str:
    """The line of a family: the largest difference to torch, and how long the export took."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        try:
            found = textforge.export(trained(family), Path(folder) / "exported")
        except textforge.TextforgeError as error:
            return f"| {family.shown} | {error} | |"
        took = time.perf_counter() - began
        textforge.load(found.path)
    return f"| {family.shown} | {found.difference:.1e} | {took:.1f} |"


def run_row(run: Path, most: int | None) -> Iterator[str]:
    """Lines of a run: with torch, with onnxruntime, and with rounded weights."""
    tested = read_run(run)
    texts, gold = OwnTexts(tested).texts()[:most], [tested.labels[number] for number in tested.gold][:most]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        textforge.export(run, folder / "onnx")
        textforge.export(run, folder / "int8", quantize="int8")
        for what, path, engine in (("torch", run / "model", "torch"), ("onnx", folder / "onnx", "onnx"),
                                   ("onnx, int8", folder / "int8", "onnx")):  # fmt: skip
            size = sum(file.stat().st_size for file in path.iterdir())
            classifier = textforge.load(path, engine=engine)  # type: ignore[arg-type]
            accuracy = classifier.evaluate(texts, gold)["accuracy"]
            one = rate(lambda: classifier.predict_proba(texts[:FIRST]), FIRST)  # noqa: B023
            many = rate(lambda: classifier.predict_proba(texts[:MANY]), MANY)  # noqa: B023
            alone = model_rate(classifier, texts[:MANY])
            yield (f"| {run.name} | {what} | {size / 1e6:.1f} | {accuracy:.2%} | {first_answer(path, engine):.2f} | "
                   f"{one:,.0f} | {many:,.0f} | {alone:,.0f} |")  # fmt: skip


def rate(call: Callable[[], Any], texts: int) -> float:
    """Texts per second."""
    call()
    began, calls = time.perf_counter(), 0
    while time.perf_counter() - began < SECONDS:
        call()
        calls += 1
    return texts * calls / (time.perf_counter() - began)


def model_rate(classifier: Classifier, texts: list[str]) -> float:
    """Texts per second of the model alone."""
    features = classifier.features(texts)
    return rate(lambda: classifier.probabilities(features), len(texts))


def first_answer(path: Path, engine: str) -> float:
    """Processor seconds, the least of three, of a process that loads a bundle and predicts one text."""
    code = f"import textforge; textforge.load({str(path)!r}, engine={engine!r}).predict(['the shuttle launch'])"
    found = []
    for _ in range(3):
        before = _children()
        subprocess.run([sys.executable, "-c", code], check=True)
        found.append(_children() - before)
    return min(found)


def _children() -> float:
    import resource

    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _shown(value: Any) -> str:
    """A part as one line."""
    if isinstance(value, dict):
        options = [f"{name}: {_shown(one)}" for name, one in value.items() if name != "use"]
        return f"{value['use']} ({', '.join(options)})" if options else str(value["use"])
    return f"[{', '.join(map(_shown, value))}]" if isinstance(value, list) else str(value)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("runs", nargs="*", type=Path, metavar="RUN")
    parser.add_argument("--rows", type=int, help="use this many test texts of a run; by default all")
    parser.add_argument("--only", help="only families of this model")
    arguments = parser.parse_args()
    if not arguments.runs:
        print("| model | vectorizer | largest difference | seconds |\n| --- | --- | --- | --- |")
        for family in families():
            if arguments.only in (None, family.model["use"]):
                print(family_row(family), flush=True)
        return
    print("| run | engine | MB | accuracy | first answer, s | texts/s, one | texts/s, 512 | model alone, 512 |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for run in arguments.runs:
        for line in run_row(run, arguments.rows):
            print(line, flush=True)


if __name__ == "__main__":
    np.seterr(all="ignore")
    main()
