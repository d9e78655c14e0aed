"""What checkpoints cost: the time of one for the largest recipe, and their share of the first recipe's time.

    python benchmarks/checkpoints.py

Prints the tables of docs/resume.md. For the first recipe, the calls of a run that decide on checkpoints and save them
are timed, since whole runs differ by more than that from one to the next. The weights must be the same.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch

import textforge
from textforge.classifiers.checkpoints.folder import read_checkpoint
from textforge.classifiers.storage import sha256
from textforge.data.dataset import as_dataset
from textforge.runs.checkpoints import Checkpoints
from textforge.runs.plan import trainer_for

RECIPES = Path(__file__).resolve().parent.parent / "recipes"
FIRST = RECIPES / "newsgroups.yaml"


def one_checkpoint(name: str, turns: int) -> list[str]:
    """A row: a recipe, bytes of a checkpoint, seconds to write and to read it, seconds of an epoch, share of it."""
    recipe = textforge.load_recipe(RECIPES / name)
    trainer = trainer_for(recipe, as_dataset(recipe.dataset, recipe.seed))
    epoch = next(iter(trainer)).seconds
    written, read = [], []
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        for turn in range(turns):
            path, began = Path(folder, str(turn)), time.perf_counter()
            trainer.checkpoint(path)
            written.append(time.perf_counter() - began)
            began = time.perf_counter()
            read_checkpoint(path)
            read.append(time.perf_counter() - began)
        n_bytes = sum(file.stat().st_size for file in path.iterdir())
    cost = statistics.median(written)
    weights = sum(one.numel() for one in trainer.module.parameters())
    return [name, f"{weights:,}", f"{n_bytes / 1e6:.0f} MB", f"{cost:.2f} s", f"{statistics.median(read):.2f} s",
            f"{epoch:.2f} s", f"{100 * cost / epoch:.0f} %"]  # fmt: skip


def share_of_the_first(turns: int) -> list[list[str]]:
    """Rows: how often, seconds of training, seconds within checkpoints and the code that decides on them, weights."""
    rows = []
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        for every in ("never", "auto", "1 epoch"):
            train, spent, digests = [], [], set()
            for turn in range(turns):
                out = Path(folder, f"{every}-{turn}".replace(" ", "-"))
                with timed(Checkpoints, "begin", "stepped", "epoch_ended") as seconds:
                    run = textforge.run(FIRST, overrides={"trainer.checkpoint.every": every}, out=out)
                train.append(run.result["seconds"]["train"])
                spent.append(sum(seconds))
                digests.add(sha256(out / "model/model.safetensors")[:16])
            share = 100 * statistics.median(one / whole for one, whole in zip(spent, train, strict=True))
            rows.append([every, f"{statistics.median(train):.2f} s", f"{statistics.median(spent):.4f} s",
                         f"{share:.2f} %", ", ".join(digests)])  # fmt: skip
    return rows


@contextmanager
def timed(kind: type, *names: str) -> Iterator[list[float]]:
    """Collect the seconds of each call of these methods."""
    seconds: list[float] = []

    def measured(method: Any) -> Any:
        def call(*arguments: Any) -> Any:
            began = time.perf_counter()
            try:
                return method(*arguments)
            finally:
                seconds.append(time.perf_counter() - began)

        return call

    with ExitStack() as stack:
        for name in names:
            stack.enter_context(patch.object(kind, name, measured(getattr(kind, name))))
        yield seconds


def table(header: list[str], rows: list[list[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in (header, ["---"] * len(header), *rows))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--recipes", nargs="+", default=["newsgroups.yaml", "newsgroups20-mlp.yaml"])
    given = parser.parse_args()
    torch.set_num_threads(1)
    header = ["recipe", "weights", "checkpoint", "write", "read", "epoch", "share of an epoch"]
    print(table(header, [one_checkpoint(name, given.turns) for name in given.recipes]), end="\n\n")
    header = ["`every`", "training", "of it for checkpoints", "share", "SHA-256 of the weights"]
    print(table(header, share_of_the_first(given.turns)))


if __name__ == "__main__":
    main()
