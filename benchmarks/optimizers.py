"""Optimizers of other packages against a loop by hand in plain torch, on the first recipe's data; prints a table.

Each optimizer trains the first recipe's model twice from the same weights: through textforge, with a validation each
epoch, saved as a bundle and loaded again, and by hand as its package describes. The table gives the largest difference
between two weights.
"""

from __future__ import annotations

import copy
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from measuring import ROOT, arguments, table
from torch import nn
from torch.nn import functional

import textforge
from textforge import Dataset

sys.path.append(str(ROOT / "tests"))

import other_optimizers


@dataclass(frozen=True)
class Case:
    """An optimizer to compare."""

    optimizer: str
    package: str
    options: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    """Settings of the trainer that differ from the recipe's."""


CASES = (
    Case("adam", "torch", {"lr": 0.01}),
    Case("adamw-schedule-free", "schedulefree"),
    Case("sgd-schedule-free", "schedulefree", {"lr": 0.1}),
    Case("radam-schedule-free", "schedulefree"),
    Case("adamw-schedule-free-closure", "schedulefree"),
    Case("lion", "lion-pytorch"),
    Case("prodigy", "prodigyopt"),
    Case("sam", "Foret et al. 2021", {"lr": 0.02}),
    Case("sam", "Foret et al. 2021", {"lr": 0.1}, {"clip_norm": 0.5, "accumulate": 2}),
    Case("lbfgs", "torch", {"max_iter": 5}),
    Case("lbfgs", "torch", {"max_iter": 5}, {"batch_size": 2000, "drop_last": False}),
)

Batches = list[tuple[Any, torch.Tensor]]


def by_hand(module: nn.Module, optimizer: Any, training: Batches, validation: Batches, case: Case) -> dict[str, Any]:
    """Train a module as the packages describe it, and return the weights of the epoch with the lowest loss."""
    settings, component = case.settings, PARTS.part("optimizer", case.optimizer, **case.options)
    every, clip = settings.get("accumulate", 1), settings.get("clip_norm")
    lowest, best = float("inf"), dict[str, Any]()
    for _ in range(settings["epochs"]):
        module.train()
        if hasattr(optimizer, "train"):
            optimizer.train()
        for update in (training[n : n + every] for n in range(0, len(training), every)):
            n_texts = sum(len(gold) for _, gold in update)

            def closure(update: Batches = update, n_texts: int = n_texts) -> torch.Tensor:
                optimizer.zero_grad()
                total = torch.zeros(())
                for batch, gold in update:
                    loss = functional.cross_entropy(module(batch), gold) * (len(gold) / n_texts)
                    loss.backward()  # type: ignore[no-untyped-call]
                    total += loss.detach()
                if clip is not None:
                    nn.utils.clip_grad_norm_(module.parameters(), clip)
                return total

            if case.optimizer in ("lbfgs", "adamw-schedule-free-closure"):
                optimizer.step(closure)
            else:
                closure()
                optimizer.step(closure) if component.needs_closure else optimizer.step()
        module.eval()
        if hasattr(optimizer, "eval"):
            optimizer.eval()
        with torch.no_grad():
            figures = [(functional.cross_entropy(module(batch), gold), len(gold)) for batch, gold in validation]
        loss = sum(float(loss) * n for loss, n in figures)
        if loss < lowest:
            lowest, best = loss, copy.deepcopy(module.state_dict())
    return best


def compare(case: Case, data: Dataset, model: textforge.Part, **settings: Any) -> tuple[float, textforge.Classifier]:
    """Train through textforge and by hand.

    Returns:
        The largest difference between two weights, and the classifier that was trained through textforge, saved and
        loaded again.
    """
    case = Case(case.optimizer, case.package, case.options, {**settings, **case.settings})
    optimizer = PARTS.part("optimizer", case.optimizer, **case.options)
    bow = PARTS.part("vectorizer", "bow", split="spaces", lowercase=True)
    trainer = textforge.Trainer(data, bow, model, optimizer, shuffle=False, **case.settings)
    module = copy.deepcopy(trainer.module)  # with the initial weights
    own = optimizer.build({"params": list(module.parameters()), "module": module})
    size, drop = case.settings["batch_size"], case.settings.get("drop_last", False)
    training = list(batches(trainer, data.train, size, drop_last=drop))
    expected = by_hand(module, own, training, list(batches(trainer, data.valid, 256)), case)
    with tempfile.TemporaryDirectory() as folder:
        textforge.save(trainer.fit(), Path(folder) / "model")
        classifier = textforge.load(Path(folder) / "model")
    found = classifier.module.state_dict()
    return max(float((found[name] - expected[name]).abs().max()) for name in expected), classifier


def batches(
    trainer: textforge.Trainer, split: Any, size: int, *, drop_last: bool = False
) -> Iterator[tuple[Any, torch.Tensor]]:
    """Batches of a split in its own order: features, and class numbers."""
    texts, labels = split
    features = textforge.as_features(trainer.vectorizer.transform(texts), len(texts), "bow")
    gold = torch.tensor([trainer.labels.index(label) for label in labels])
    for first in range(0, len(texts) - (size - 1 if drop_last else 0), size):
        stop = min(first + size, len(texts))
        yield features.batch(first, stop), gold[first:stop]


def newsgroups() -> Dataset:
    """The first recipe's data; the last tenth of its training texts is for validation."""
    categories = ["comp.graphics", "sci.space", "rec.sport.baseball"]
    whole = PARTS.part("dataset", "newsgroups", categories=categories).build({"seed": 0})
    (texts, labels), kept = whole.train, len(whole.train[0]) * 9 // 10
    return Dataset((texts[:kept], labels[:kept]), whole.test, (texts[kept:], labels[kept:]))


PARTS = textforge.PluginManager()
PARTS.register(other_optimizers)


def main() -> None:
    """Print the table."""
    parser = arguments(__doc__)
    parser.add_argument("names", nargs="*", metavar="OPTIMIZER", help="by default all")
    names = parser.parse_args().names
    data, model, rows = newsgroups(), PARTS.part("model", "mlp", hidden=[100, 100]), []
    assert data.test is not None
    for case in CASES:
        if names and case.optimizer not in names:
            continue
        difference, classifier = compare(case, data, model, epochs=10, batch_size=150, drop_last=True)
        accuracy = classifier.evaluate(*data.test)["accuracy"]
        options = ", ".join(f"{name}: {value}" for name, value in {**case.options, **case.settings}.items())
        rows.append((f"`{case.optimizer}`", case.package, options, f"{difference:.1e}", f"{accuracy:.3f}"))
    print(table(("optimizer", "from", "options and settings", "largest difference", "accuracy"), rows))


if __name__ == "__main__":
    main()
