"""Compare a recipe with the alternatives that a user could choose; prints a table.

Whole processes run alternately, A B A B …, each turn with its own seed, after one uncounted run of each. Figures are
medians; a ratio, textforge to the alternative, is the median of the turns' ratios. fastText takes part if the variable
FASTTEXT_PYTHON names a Python with fasttext and scikit-learn.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from measuring import ROOT, TEXTFORGE, arguments, measure, spread, table, verdict

HERE = Path(__file__).resolve().parent
FASTTEXT = "fastText: words and pairs, 25 epochs, 2 threads"
HEAD = ("whole process", "seconds, median (range)", "peak MB", "test accuracy", "our time to its", "our memory to its")


@dataclass(frozen=True)
class Target:
    """Largest ratios to the alternative's time and memory, and lowest accuracy, by default the alternative's."""

    time: float
    memory: float | None = None
    accuracy: float | None = None

    def verdicts(self, ours: float, its: float, time: float, memory: float) -> str:
        """Each part of the target, and whether it is met."""
        wanted, least = "at least its accuracy", its
        if self.accuracy is not None:
            wanted, least = f"an accuracy of at least {self.accuracy:.2f}", self.accuracy
        parts = [(f"at most {self.time:.2f} of the time", time <= self.time)]
        if self.memory is not None:
            parts.append((f"at most {self.memory:.2f} of the memory", memory <= self.memory))
        parts.append((wanted, ours >= least))
        return ", ".join(f"{part} ({verdict(met)})" for part, met in parts)


@dataclass(frozen=True)
class Comparison:
    recipe: str
    peers: Callable[[], dict[str, list[str]]]
    """Names and commands, to which `--seed N` is added. The last line that a peer prints is its accuracy."""
    targets: tuple[Target, ...]
    """One for each peer."""
    warm: bool = True
    """Whether there is an uncounted run first; where one takes minutes, reading from a cold disk is lost in them."""


def script(name: str, *rest: str) -> list[str]:
    return [sys.executable, str(HERE / name), *rest]


def fasttext(*rest: str) -> dict[str, list[str]]:
    python = os.environ.get("FASTTEXT_PYTHON")
    return {FASTTEXT: [python or "", str(HERE / "fasttext_supervised.py"), *rest]}


def mlp() -> dict[str, list[str]]:
    """scikit-learn's network with the recipe's width."""
    import textforge

    (width,) = textforge.load_recipe(ROOT / "recipes" / "newsgroups20-mlp.yaml").resolved()["model"]["hidden"]
    return {
        f"scikit-learn: TF-IDF, `MLPClassifier`, {width} hidden units": script(
            "pipeline.py", "mlp", "--hidden", str(width)
        )
    }


COMPARISONS = {
    "article": Comparison(
        "newsgroups.yaml",
        lambda: {"`benchmarks/article.py`": script("article.py")},
        (Target(time=0.1, memory=0.3, accuracy=0.91),),
    ),
    "three-groups": Comparison(
        "newsgroups-linear.yaml",
        lambda: {
            "scikit-learn: TF-IDF, `LogisticRegression`": script("pipeline.py", "logistic-regression"),
            **fasttext("--three-groups"),
        },
        (Target(time=1), Target(time=1)),
    ),
    "twenty-groups": Comparison(
        "newsgroups20-linear.yaml",
        lambda: {"scikit-learn: TF-IDF, `LinearSVC`": script("pipeline.py", "linear-svc"), **fasttext()},
        (Target(time=0.7), Target(time=1)),
    ),
    "mlp": Comparison("newsgroups20-mlp.yaml", mlp, (Target(time=0.2, accuracy=0.87),), warm=False),
}


def accuracy(printed: str) -> float:
    last: Any = json.loads(printed.splitlines()[-1])
    return float(last["test"]["accuracy"] if isinstance(last, dict) else last)


def compared(comparison: Comparison, pairs: int) -> str:
    """A table with a row per program."""
    recipe = ROOT / "recipes" / comparison.recipe
    ours = f"`textforge run recipes/{recipe.name}`"
    peers = comparison.peers()
    left_out = [name for name, command in peers.items() if not command[0]]
    for name in left_out:
        print(f"*** {name}: left out, as FASTTEXT_PYTHON is not set", file=sys.stderr)
    commands = {ours: [*TEXTFORGE, "run", str(recipe), "--quiet", "--json"], **peers}
    found = measured({name: command for name, command in commands.items() if command[0]}, pairs, warm=comparison.warm)
    right = {name: statistics.mean(run[2] for run in runs) for name, runs in found.items()}
    rows, targets = [], []
    for name, runs in found.items():
        ratios: tuple[float, ...] = ()
        if name != ours:
            both = list(zip(found[ours], runs, strict=True))
            ratios = tuple(statistics.median(a[n] / b[n] for a, b in both) for n in (0, 1))
            target = dict(zip(peers, comparison.targets, strict=True))[name]
            targets.append(
                f"- Target beside {name.partition(':')[0]}: {target.verdicts(right[ours], right[name], *ratios)}.\n"
            )
        memory = f"{statistics.median(run[1] for run in runs):.0f}"
        shown = [f"**{ratio:.2f}**" for ratio in ratios] or ["", ""]
        rows.append((name, spread([run[0] for run in runs], 2), memory, f"{right[name]:.4f}", *shown))
    rows += [(name, "**left out**: FASTTEXT_PYTHON was not set", *[""] * 4) for name in left_out]
    turns = f"{pairs} turns, with seeds 0 to {pairs - 1}; accuracies are means."
    return f"{table(HEAD, rows)}\n{turns}\n\n{''.join(targets)}"


def measured(commands: dict[str, list[str]], pairs: int, *, warm: bool) -> dict[str, list[tuple[float, float, float]]]:
    """Seconds, peak MB and accuracy of each turn."""
    found: dict[str, list[tuple[float, float, float]]] = {name: [] for name in commands}
    with tempfile.TemporaryDirectory() as folder:
        for command in commands.values() if warm else ():
            measure([*command, "--seed", "0"], folder)
        for seed in range(pairs):
            for name, command in commands.items():
                seconds, memory, printed = measure([*command, "--seed", str(seed)], folder)
                found[name].append((seconds, memory, accuracy(printed)))
                print(f"{name}: {seconds:.2f} s, {memory:.0f} MB, {accuracy(printed):.4f}", file=sys.stderr, flush=True)
    return found


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("comparison", choices=COMPARISONS)
    parser.add_argument("--pairs", type=int, default=5, help="turns; default 5")
    given = parser.parse_args()
    comparison = COMPARISONS[given.comparison]
    print(compared(comparison, given.pairs), end="")


if __name__ == "__main__":
    main()
