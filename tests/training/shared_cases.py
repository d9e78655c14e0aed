"""Trainings that several processes and one process do alike; started by torchrun, train all of them together."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from conftest import make_sets, make_texts, shipped

from textforge import Dataset, Part, Stream, Trainer
from textforge.training.distributed import gradients

N = 203  # a batch of 16 leaves 11 texts for the last one, which the processes cannot share evenly


def part(kind: str, name: str, **options: Any) -> Part:
    return shipped().part(kind, name, **options)


def data(n: int = N, **given: Any) -> Dataset:
    return Dataset(make_texts(n), valid=make_texts(50, seed=3), **given)


def stream() -> Dataset:
    texts, labels = make_texts(N)
    edges = range(0, N, 40)
    return Dataset(
        Stream(len(edges), lambda n: (texts[40 * n : 40 * n + 40], labels[40 * n : 40 * n + 40])),
        valid=make_texts(50, seed=3),
    )


def mlp(**options: Any) -> Part:
    return part("model", "mlp", **{"hidden": [16], "dropout": 0.0, **options})


def adam() -> Part:
    return part("optimizer", "adam", lr=0.01)


def sparse_adam() -> Part:
    return part("optimizer", "sparse-adam", lr=0.01)


def of_bags(dataset: Dataset, optimizer: Part | None = None, **given: Any) -> dict[str, Any]:
    bow = part("vectorizer", "bow")
    arguments = {"dataset": dataset, "vectorizer": bow, "model": mlp(), "optimizer": optimizer or adam()}
    return {**arguments, "epochs": 2, "batch_size": 16, **given}


def of_sequences(vectorizer: str) -> dict[str, Any]:
    model, sgd = part("model", "textcnn", dropout=0.0, dim=20, channels=10), part("optimizer", "sgd", lr=0.1)
    given = {"vectorizer": part("vectorizer", vectorizer), "model": model, "bucket_by_length": True}
    return of_bags(data(), sgd, **given, batch_size=32)


ROWS = "dense gradients by rows"
"""Trained as if the vocabulary were large."""
CASES: dict[str, Callable[[], dict[str, Any]]] = {
    "dense gradients": lambda: of_bags(data()),
    "sparse gradients": lambda: of_bags(data(), sparse_adam(), vectorizer=part("vectorizer", "tfidf")),
    ROWS: lambda: of_bags(data(), accumulate=2),
    "sequences": lambda: of_sequences("tokens"),
    "a vectorizer that cannot be fitted in parts": lambda: of_sequences("subword"),
    "a stream": lambda: of_bags(stream()),
    "a stream with sparse gradients": lambda: of_bags(stream(), sparse_adam(), accumulate=2),
    "accumulation, clipping, averaging": lambda: of_bags(
        data(), batch_size=7, accumulate=3, clip_norm=0.5, ema=0.9, scheduler=part("scheduler", "cosine")
    ),
    "weights of texts": lambda: of_bags(data(weights=[0.5 + n % 4 for n in range(N)])),
    "early stopping": lambda: of_bags(data(), epochs=20, patience=2, monitor="accuracy"),
    "several labels": lambda: of_bags(Dataset(make_sets(90), valid=make_sets(30, seed=4))),
    "class weights": lambda: of_bags(data(), loss=part("loss", "cross-entropy", class_weights="balanced")),
    "a loss of the whole batch": lambda: of_bags(
        data(), loss=lambda: torch.nn.CrossEntropyLoss(weight=torch.tensor([1.0, 2.0, 5.0]))
    ),
    "fewer texts than processes": lambda: of_bags(data(49)),  # the last batch has one text
}


def trained(name: str, workers: Any = None) -> dict[str, Any]:
    """Weights by name, the losses and figures of all epochs, and warnings."""
    with patch.object(gradients, "MANY_ROWS", 8 if name == ROWS else gradients.MANY_ROWS):
        trainer = Trainer(**CASES[name](), workers=workers, device="cpu")
        classifier = trainer.fit()
    figures = [[result.train_loss, *(result.valid or {}).values()] for result in trainer.history]
    weights = {key: value.numpy() for key, value in classifier.module.state_dict().items()}
    return {"weights": weights, "figures": np.array(figures), "warnings": trainer.warnings}


def main(folder: Path) -> None:
    import torch.distributed as dist

    from textforge import Workers

    dist.init_process_group("gloo")
    workers = Workers()
    for name in CASES:
        found = trained(name, workers)
        figures = {f"figures of {name}": found["figures"]}
        np.savez(folder / f"{name}-{workers.rank}.npz", **found["weights"], **figures)
        (folder / f"{name}-{workers.rank}.txt").write_text("\n".join(found["warnings"]))
    dist.destroy_process_group()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
