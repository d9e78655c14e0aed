"""What Ray costs and gains on one machine: its start, seeds in one and two tasks at a time, and files to answer.

    python benchmarks/ray_cluster.py [--seeds 6] [--files 8]

Needs the distribution textforge-ray. Each row is a whole process of the command line, run alternately with the others.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

RECIPE = """
dataset: {use: docstrings, packages: [numpy, torch, sklearn, polars], per_package: 800}
vectorizer: bow
model: {use: mlp, hidden: [200, 200]}
optimizer: {use: adam, lr: 0.01}
trainer: {epochs: 20, batch_size: 32}
"""
THREAD = {"OMP_NUM_THREADS": "1", "RAY_USAGE_STATS_ENABLED": "0"}


def command(folder: Path, *arguments: object, cores: int | None = None) -> float:
    """Wall seconds of a command, on so many cores."""
    taskset = ["taskset", "-c", f"0-{cores - 1}"] if cores else []
    began = time.perf_counter()
    done = subprocess.run(
        [*taskset, sys.executable, "-m", "textforge", *map(str, arguments)],
        cwd=folder, env={**os.environ, **THREAD}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return time.perf_counter() - began


def medians(rows: dict[str, Callable[[], float]], turns: int) -> dict[str, float]:
    """Run the rows alternately; the median seconds of each."""
    found: dict[str, list[float]] = {name: [] for name in rows}
    for _ in range(turns):
        for name, run in rows.items():
            found[name].append(run())
            print(f"{name}: {found[name][-1]:.1f} s", file=sys.stderr, flush=True)
    return {name: statistics.median(seconds) for name, seconds in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--files", type=int, default=8)
    parser.add_argument("--rows", type=int, default=20_000, help="rows of a file")
    parser.add_argument("--turns", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "recipe.yaml").write_text(RECIPE)
        command(folder, "run", "recipe.yaml", "--out", "model", "-q")
        seeds = f"0-{given.seeds - 1}"

        def of_seeds(cores: int | None, *more: object) -> float:
            shutil.rmtree(folder / "seeds", ignore_errors=True)
            return command(folder, "run", "recipe.yaml", "--seeds", seeds, "--out", "seeds", "-q", *more, cores=cores)

        sizes = {
            "one seed, here": lambda: command(
                folder, "run", "recipe.yaml", "--out", tempfile.mkdtemp(dir=folder), "-q"
            ),
            f"{given.seeds} seeds, here": lambda: of_seeds(None),
            f"{given.seeds} seeds, Ray on 1 core": lambda: of_seeds(1, "--on", "ray"),
            f"{given.seeds} seeds, Ray on 2 cores": lambda: of_seeds(None, "--on", "ray"),
        }
        line = "a function that returns the sum of an array along an axis, as a tensor"
        for number in range(given.files):
            rows = "".join(f"{row},{line} {row % 97}\n" for row in range(given.rows))
            (folder / f"texts-{number}.csv").write_text(f"id,text\n{rows}")

        def answered_here() -> float:
            return sum(
                command(folder, "predict", "model", "-i", f"texts-{number}.csv", "-o", "out.csv", "--force", "-q")
                for number in range(given.files)
            )

        def answered(cores: int | None) -> float:
            shutil.rmtree(folder / "out", ignore_errors=True)
            return command(folder, "ray", "predict", "model", "-i", "texts-*.csv", "-o", "out", "-q", cores=cores)

        sizes[f"{given.files} files of {given.rows:,} rows, a command each"] = answered_here
        sizes[f"{given.files} files, Ray on 1 core"] = lambda: answered(1)
        sizes[f"{given.files} files, Ray on 2 cores"] = lambda: answered(None)
        print("| whole process | seconds, median |\n| --- | ---: |")
        for name, seconds in medians(sizes, given.turns).items():
            print(f"| {name} | {seconds:.1f} |", flush=True)
        print(f"\nload average: {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
