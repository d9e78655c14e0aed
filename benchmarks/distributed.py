"""Measure the speed-up of two processes beside one, each with one thread, and the bytes that they exchange.

Turns alternate; times are those of result.json, medians. The second table says how many bytes a process sends in a step
for batches of several sizes, of which the network needs are computed in docs/distributed.md. Needs the corpus.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from measuring import ROOT, arguments, spread, table

RECIPES = ("newsgroups20-mlp", "newsgroups20-textcnn")
BATCHES = (64, 128, 512, 2048)


def seconds(recipe: str, processes: int, epochs: int, folder: Path) -> dict[str, float]:
    """Seconds of the stages of a run, and its training loss."""
    launch = ["-m", "torch.distributed.run", "--nproc-per-node", str(processes)] if processes > 1 else []
    given = ["-q", "--json", "-s", f"trainer.epochs={epochs}", "-s", "trainer.device=cpu", "--out", str(folder)]
    command = [sys.executable, *launch, "-m", "textforge", "run", str(ROOT / "recipes" / f"{recipe}.yaml"), *given]
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, check=True, env=env, stdout=subprocess.PIPE, text=True)
    result = json.loads(done.stdout)
    return {**result["seconds"], "loss": result["train_loss"]}


def sent(recipe: str, batch_size: int, processes: int = 2) -> tuple[float, float, int]:
    """Mean rows that the share of a batch touches, their kilobytes, and the kilobytes of all other gradients."""
    import numpy as np

    from textforge.data.dataset import as_dataset
    from textforge.data.streams import Stream
    from textforge.features.ragged import Ragged
    from textforge.recipes.recipe import load_recipe
    from textforge.runs.plan import trainer_for
    from textforge.training.distributed.gradients import MANY_ROWS

    loaded = load_recipe(ROOT / "recipes" / f"{recipe}.yaml")
    trainer = trainer_for(loaded, as_dataset(loaded.dataset, 0))
    trainer.prepare()
    assert not isinstance(trainer.dataset.train, Stream)
    features = trainer.vectorizer.transform(trainer.dataset.train[0])
    assert isinstance(features, Ragged)
    order, own = np.random.default_rng(0).permutation(len(features)), batch_size // processes
    rows = [
        len(np.unique(features.take(order[at : at + own]).indices)) for at in range(0, len(order) - own, batch_size)
    ]
    tall = [one for one in trainer.module.parameters() if one.dim() == 2 and len(one) >= MANY_ROWS]
    width = sum(one.shape[1] + 1 for one in tall)
    rest = sum(one.numel() for one in trainer.module.parameters()) - sum(one.numel() for one in tall)
    mean = statistics.mean(rows)
    return mean, mean * width * 4 / 1000, rest * 4 // 1000


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("recipes", nargs="*", default=RECIPES, help=f"by default {', '.join(RECIPES)}")
    parser.add_argument("--pairs", type=int, default=5, help="turns; default 5")
    parser.add_argument("--epochs", type=int, default=2, help="epochs of each training; default 2")
    given = parser.parse_args()
    rows = []
    for recipe in given.recipes:
        found: dict[int, list[dict[str, float]]] = {1: [], 2: []}
        with tempfile.TemporaryDirectory() as folder:
            for turn in range(given.pairs):
                for processes, several in found.items():
                    several.append(seconds(recipe, processes, given.epochs, Path(folder, f"{turn}-{processes}")))
        for stage in ("vectorize", "train"):
            one, two = ([run[stage] for run in found[processes]] for processes in (1, 2))
            ratio = statistics.median(first / second for first, second in zip(one, two, strict=True))
            rows.append((recipe, stage, spread(one, 2), spread(two, 2), f"{ratio:.2f}"))
    print(table(("recipe", "stage", "one process, s, median (range)", "two processes", "speed-up"), rows))
    rows = []
    for recipe in given.recipes:
        for size in BATCHES:
            mean, kilobytes, rest = sent(recipe, size)
            rows.append((recipe, str(size), f"{mean:,.0f}", f"{kilobytes:,.0f}", f"{rest:,}"))
    head = ("recipe", "texts per batch", "rows of half a batch", "their kB per process", "kB of other gradients")
    print(f"\n{table(head, rows)}")


if __name__ == "__main__":
    main()
