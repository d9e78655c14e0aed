"""Measure textforge beside what it is held against, and write the tables of docs/benchmarks.md.

Commands run as whole processes in turn, A B A B …, after one uncounted run of each; figures are
medians, ratios are of each pair. Needs the 20 Newsgroups corpus in scikit-learn's cache.

Usage: run.py [PAIRS]      (default 5; `make bench`)
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
from pathlib import Path

from measuring import TEXTFORGE, machine, measure, write_sections

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
PAGE = ROOT / "docs" / "benchmarks.md"
RUN = [*TEXTFORGE, "run", str(ROOT / "recipes" / "newsgroups.yaml"), "--quiet", "--json"]
SEEDS = range(20)


def pair(name: str, ours: list[str], name_other: str, other: list[str], pairs: int) -> str:
    """Two rows and a row of ratios for one comparison."""
    figures: dict[str, list[tuple[float, float]]] = {name: [], name_other: []}
    with tempfile.TemporaryDirectory() as folder:
        for turn in range(pairs + 1):
            for label, command in ((name, ours), (name_other, other)):
                seconds, memory, _ = measure(command, folder)
                if turn:  # the first of each warms the disk cache
                    figures[label].append((seconds, memory))
                    print(f"{label}: {seconds:.2f} s, {memory:.0f} MB", file=sys.stderr)
    rows = ""
    for label, runs in figures.items():
        seconds = [one[0] for one in runs]
        rows += (
            f"| {label} | {statistics.median(seconds):.2f} ({min(seconds):.2f} to {max(seconds):.2f}) "
            f"| {statistics.median(one[1] for one in runs):.0f} |\n"
        )
    both = list(zip(figures[name], figures[name_other], strict=True))
    time_ratio = statistics.median(a[0] / b[0] for a, b in both)
    memory_ratio = statistics.median(a[1] / b[1] for a, b in both)
    return f"{rows}| **ratio** | **{time_ratio:.2f}** | **{memory_ratio:.2f}** |\n"


def seeds() -> str:
    """Test accuracy of the first recipe, a row a seed, and the means of the first five and of all."""
    with tempfile.TemporaryDirectory() as folder:
        found = {
            seed: json.loads(measure([*RUN, "--seed", str(seed)], folder)[2])["test"]["accuracy"] for seed in SEEDS
        }
    rows = "".join(f"| {seed} | {accuracy:.4f} |\n" for seed, accuracy in found.items())
    values = list(found.values())
    for count in (5, len(values)):
        mean, spread = statistics.mean(values[:count]), statistics.stdev(values[:count])
        rows += f"| **0 to {count - 1}** | **mean {mean:.4f}**, standard deviation {spread:.4f} |\n"
    return rows


def main() -> None:
    pairs = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    head = "| whole process | seconds, median (range) | peak MB |\n| --- | --- | --- |\n"
    python = sys.executable
    light = [python, "-c", "import click, pluggy, yaml"]
    sections = {
        "article": head + pair("`textforge run recipes/newsgroups.yaml`", RUN, "`benchmarks/article.py`",
                               [python, str(HERE / "article.py")], pairs),
        "pipeline": head + pair("`textforge run recipes/newsgroups.yaml`", RUN, "`benchmarks/pipeline.py`",
                                [python, str(HERE / "pipeline.py")], pairs),
        "help": head + pair("`textforge --help`", [*TEXTFORGE, "--help"],
                            '`python -c "import click, pluggy, yaml"`', light, max(pairs, 11)),
        "seeds": "| seed | test accuracy |\n| --- | --- |\n" + seeds(),
        "machine": f"Measured on {machine()}, {pairs} pairs.\n",
    }  # fmt: skip
    write_sections(PAGE, sections)
    print(f"wrote {PAGE.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
