"""Run recipes with several seeds, each in a separate process; prints a table.

Results are kept in build/benchmarks/recipes.json until the recipe or the code changes (comments do not count), so that
the script can be interrupted and continued. The table shows every recipe measured so far. Slow recipes are measured
only if they are named, or with --all. Needs the 20 Newsgroups corpus in scikit-learn's cache.
"""

from __future__ import annotations

import ast
import hashlib
import json
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from measuring import ROOT, TEXTFORGE, arguments, measure, table

KEPT = ROOT / "build" / "benchmarks" / "recipes.json"
SLOW = ("newsgroups20-rnn.yaml", "newsgroups20-textcnn.yaml", "newsgroups20-transformer.yaml")
"""Recipes that take half a minute or more per seed."""
HEAD = ("recipe", "test accuracy, mean", "standard deviation", "macro F1", "seconds", "peak MB")


class Measured:
    """Results of recipes by seed: stored ones of the current code, and new ones."""

    def __init__(self, *, fresh: bool = False) -> None:
        self._kept: dict[str, dict[str, Any]] = json.loads(KEPT.read_text()) if KEPT.exists() and not fresh else {}
        sources = sorted(
            file for name in ("textforge", "plugins/textforge_standard") for file in (ROOT / name).rglob("*.py")
        )
        self._code = "".join(ast.dump(ast.parse(file.read_text())) for file in sources)

    def figures(self, recipe: Path, seeds: int, *, run: bool) -> list[dict[str, float]] | None:
        """Results of each seed; None if some are missing and must not be measured."""
        state = self._state(recipe)
        found = []
        for seed in range(seeds):
            name = f"{recipe.name}, seed {seed}"
            if self._kept.get(name, {}).get("state") != state:
                if not run:
                    return None
                self._kept[name] = {"state": state, **_run(recipe, seed)}
                KEPT.parent.mkdir(parents=True, exist_ok=True)
                KEPT.write_text(json.dumps(self._kept, indent=1))
                print(name, self._kept[name], file=sys.stderr, flush=True)
            found.append(self._kept[name])
        return found

    def _state(self, recipe: Path) -> str:
        import textforge

        resolved = json.dumps(textforge.load_recipe(recipe).resolved(), sort_keys=True, default=str)
        return hashlib.sha256((self._code + resolved).encode()).hexdigest()[:16]


def _run(recipe: Path, seed: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        command = [*TEXTFORGE, "run", str(recipe), "--seed", str(seed), "--quiet", "--json"]
        seconds, memory, printed = measure(command, folder)
    test = json.loads(printed)["test"]
    return {"accuracy": test["accuracy"], "macro_f1": test["macro_f1"], "seconds": seconds, "mb": memory}


def row(recipe: Path, figures: list[dict[str, float]]) -> tuple[str, ...]:
    """Mean and standard deviation of accuracy, macro F1, and median time and memory of a whole process."""
    accuracy, macro, seconds, memory = (
        [one[key] for one in figures] for key in ("accuracy", "macro_f1", "seconds", "mb")
    )
    return (
        f"[{recipe.name}](../recipes/{recipe.name})",
        f"{statistics.mean(accuracy):.4f}",
        f"{statistics.stdev(accuracy):.4f}",
        f"{statistics.mean(macro):.4f}",
        f"{statistics.median(seconds):.1f}",
        f"{statistics.median(memory):.0f}",
    )


def each(figures: list[dict[str, float]]) -> str:
    """A row per seed, and the means of the first five and of all."""
    values = [one["accuracy"] for one in figures]
    rows = [(str(seed), f"{accuracy:.4f}") for seed, accuracy in enumerate(values)]
    for count in sorted({min(5, len(values)), len(values)}):
        mean, deviation = statistics.mean(values[:count]), statistics.stdev(values[:count])
        rows.append((f"**0 to {count - 1}**", f"**mean {mean:.4f}**, standard deviation {deviation:.4f}"))
    return table(("seed", "test accuracy"), rows)


def main() -> None:
    recipes = sorted((ROOT / "recipes").glob("*.yaml"))
    parser = arguments(__doc__)
    parser.add_argument("recipes", nargs="*", metavar="NAME.yaml", help=f"by default all but {', '.join(SLOW)}")
    parser.add_argument("--all", action="store_true", help="the slow ones, too")
    parser.add_argument("--fresh", action="store_true", help="discard stored results, e.g. of a busy machine")
    parser.add_argument("--seeds", type=int, default=5, help="number of seeds, from 0; default 5, at least 2")
    parser.add_argument("--each", action="store_true", help="print a row per seed, for one recipe")
    given = parser.parse_args()
    if given.seeds < 2:
        parser.error("one seed has no spread")
    if unknown := set(given.recipes) - {recipe.name for recipe in recipes}:
        parser.error(f"no such recipe: {', '.join(sorted(unknown))}")
    measured = Measured(fresh=given.fresh)
    wanted = given.recipes or [recipe.name for recipe in recipes if given.all or recipe.name not in SLOW]
    found = {
        recipe: figures
        for recipe in recipes
        if (figures := measured.figures(recipe, given.seeds, run=recipe.name in wanted)) is not None
    }
    if given.each:
        print("\n".join(each(figures) for recipe, figures in found.items() if recipe.name in wanted), end="")
    else:
        print(table(HEAD, (row(recipe, figures) for recipe, figures in found.items())), end="")
        print(f"\nSeeds 0 to {given.seeds - 1}.")
        if missing := [recipe.name for recipe in recipes if recipe not in found]:
            print(f"Not measured with this state of the code: {', '.join(missing)}.")


if __name__ == "__main__":
    main()
