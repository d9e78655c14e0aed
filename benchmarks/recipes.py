"""Run every recipe with seeds 0, 1 and 2, each a process of its own, and write the table of docs/recipes.md.

Needs the 20 Newsgroups corpus in scikit-learn's cache.

Usage: recipes.py [NAME …]      (default all; those not named keep their rows)
"""

from __future__ import annotations

import json
import re
import statistics
import sys
import tempfile
from pathlib import Path

from measuring import TEXTFORGE, machine, measure, write_sections

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "recipes.md"
SEEDS = (0, 1, 2)
HEAD = "| recipe | test accuracy, mean of 3 seeds | standard deviation | macro F1 | seconds | peak MB |\n"


def row(recipe: Path) -> str:
    """Accuracy as mean and spread, macro F1, and the medians of time and memory of a whole process."""
    accuracy, macro, seconds, memory = [], [], [], []
    with tempfile.TemporaryDirectory() as folder:
        for seed in SEEDS:
            command = [*TEXTFORGE, "run", str(recipe), "--seed", str(seed), "--quiet", "--json"]
            took, peak, printed = measure(command, folder)
            test = json.loads(printed)["test"]
            accuracy.append(test["accuracy"])
            macro.append(test["macro_f1"])
            seconds.append(took)
            memory.append(peak)
            print(f"{recipe.name} seed {seed}: {test['accuracy']:.4f}, {took:.1f} s, {peak:.0f} MB", file=sys.stderr)
    figures = (
        f"{statistics.mean(accuracy):.4f}",
        f"{statistics.stdev(accuracy):.4f}",
        f"{statistics.mean(macro):.4f}",
        f"{statistics.median(seconds):.1f}",
        f"{statistics.median(memory):.0f}",
    )
    return f"| [{recipe.name}](../recipes/{recipe.name}) | {' | '.join(figures)} |\n"


def main() -> None:
    recipes = sorted((ROOT / "recipes").glob("*.yaml"))
    wanted = sys.argv[1:] or [recipe.name for recipe in recipes]
    if unknown := set(wanted) - {recipe.name for recipe in recipes}:
        sys.exit(f"no such recipe: {', '.join(sorted(unknown))}")
    rows = dict(re.findall(r"^(?=\| \[(.*?)\])(.*\n)", PAGE.read_text(), re.MULTILINE))
    for recipe in recipes:
        if recipe.name in wanted:
            rows[recipe.name] = row(recipe)
            table = HEAD + "| --- " * 6 + "|\n" + "".join(rows[one.name] for one in recipes if one.name in rows)
            write_sections(PAGE, {"figures": f"{table}\nMeasured on {machine()}.\n"})
    print(f"wrote {PAGE.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
