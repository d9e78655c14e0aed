"""Train recipes with and without torch.compile, and say after how many epochs it pays; on the CPU, with one thread.

Each training is a process of its own, over the first texts of the corpus: as it is; compiled with an empty cache, as
the first time on a machine; and compiled again, with the cache that this has left. Dropout is off, because compiled
code draws other random numbers. Turns alternate. Seconds are processor time of the process and of its C++ compiler,
which other work on the machine changes less than wall time. Needs the corpus.
"""

from __future__ import annotations

import math
import multiprocessing
import os
import resource
import statistics
import tempfile
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from measuring import ROOT, arguments, table

RECIPES = ("newsgroups20-mlp", "newsgroups20-textcnn", "newsgroups20-transformer")
ONE_THREAD = {"OMP_NUM_THREADS": "1", "TORCHINDUCTOR_COMPILE_THREADS": "1"}
"""With one compile thread, inductor compiles in the process itself, whose time is measured."""
GAIN = 0.03
"""Smallest gain that counts, as a share of an epoch: less varies from one training to the next."""


@dataclass(frozen=True)
class Training:
    """A training to measure."""

    recipe: str
    texts: int
    epochs: int
    cache: str | None
    """Folder of compiled code; None does not compile."""


def trained(given: Training) -> tuple[list[float], dict[str, Any]]:
    """Seconds of each epoch, and the weights as numpy arrays. Call it in a fresh process."""
    os.environ.update(ONE_THREAD)
    if given.cache is not None:
        os.environ["TORCHINDUCTOR_CACHE_DIR"] = given.cache

    from textforge import Dataset
    from textforge.data.dataset import as_dataset
    from textforge.data.streams import Stream
    from textforge.recipes.recipe import load_recipe
    from textforge.runs.plan import trainer_for

    overrides = {
        "trainer.epochs": given.epochs,
        "trainer.compile": given.cache is not None,
        "trainer.device": "cpu",
        "model.dropout": 0.0,
    }
    loaded = load_recipe(ROOT / "recipes" / f"{given.recipe}.yaml", overrides=overrides)
    whole = as_dataset(loaded.dataset, 0).train
    assert not isinstance(whole, Stream)
    trainer = trainer_for(loaded, Dataset((whole[0][: given.texts], whole[1][: given.texts])))
    trainer.prepare()
    ends = [processor_time(), *(processor_time() for _ in trainer)]
    seconds = [end - begin for begin, end in pairwise(ends)]
    return seconds, {name: weights.numpy() for name, weights in trainer.module.state_dict().items()}


def processor_time() -> float:
    """Seconds that this process and its ended children have computed."""
    used = [resource.getrusage(whose) for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def in_process(given: Training) -> tuple[list[float], dict[str, Any]]:
    """Train in a fresh process."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as one:
        return one.submit(trained, given).result()


def pays(eager: list[float], first: float, later: float) -> str:
    """Number of epochs from which the compiled training takes less time in sum; later epochs are taken as equal."""
    usual = statistics.median(eager[1:])
    if later > usual * (1 - GAIN):
        return "never"
    lost = first - eager[0]
    return f"{max(1, 1 + math.ceil(lost / (usual - later))):,}"


def compared(recipe: str, texts: int, epochs: int, turns: int) -> tuple[str, ...]:
    """A row of the table."""
    firsts: dict[str, list[float]] = {"eager": [], "new": [], "again": []}
    laters: dict[str, list[float]] = {name: [] for name in firsts}
    apart = 0.0
    for _ in range(turns):
        with tempfile.TemporaryDirectory() as cache:
            weights = {}
            for name in firsts:
                folder = None if name == "eager" else cache
                seconds, weights[name] = in_process(Training(recipe, texts, epochs, folder))
                firsts[name].append(seconds[0])
                laters[name] += seconds[1:]
        own, other = weights["new"], weights["eager"]
        apart = max(apart, *(float(abs(own[name] - other[name]).max()) for name in other))
    first = {name: statistics.median(several) for name, several in firsts.items()}
    eager = [first["eager"], *laters["eager"]]
    later = statistics.median(laters["new"] + laters["again"])
    usual = statistics.median(laters["eager"])
    return (
        recipe,
        f"{first['eager']:.2f}, {usual:.2f}",
        f"{first['new']:.1f}, {later:.2f}",
        f"{first['again']:.1f}",
        f"{usual / later:.2f}",
        pays(eager, first["new"], later),
        pays(eager, first["again"], later),
        f"{apart:.0e}" if apart else "0",
    )


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("recipes", nargs="*", default=RECIPES, help=f"by default {', '.join(RECIPES)}")
    parser.add_argument("--texts", type=int, default=1000, help="training texts; default 1000")
    parser.add_argument("--epochs", type=int, default=4, help="epochs of each training, at least 2; default 4")
    parser.add_argument("--turns", type=int, default=1, help="turns of the three trainings; default 1")
    given = parser.parse_args()
    if given.epochs < 2:
        parser.error("--epochs must be at least 2: later epochs are compared with the first")
    rows = [compared(recipe, given.texts, given.epochs, given.turns) for recipe in given.recipes]
    head = (
        "recipe",
        "as it is: first epoch, later epochs, s",
        "compiled: first epoch, later epochs, s",
        "first epoch with a cache, s",
        "speed-up of later epochs",
        "pays after epochs",
        "with a cache",
        "largest difference of a weight",
    )
    print(table(head, rows))


if __name__ == "__main__":
    main()
