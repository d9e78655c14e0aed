"""Run the tests marked cuda and train recipes on CPU and GPU; prints a table with date and device.

Each training is a process of its own: on the CPU, on the GPU in float32, in bfloat16, and, for networks over sequences,
compiled. Times are those of result.json for the stage "train"; the first epoch, which warms up or compiles, is given
apart. Needs the corpus; without it, generated texts take its place and accuracies mean nothing.

Exit code 3: this machine has no GPU. Then `--cpu` prints the CPU's half alone.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from measuring import ROOT, arguments, table

RECIPES = {"newsgroups": "newsgroups.yaml", "mlp": "newsgroups20-mlp.yaml", "textcnn": "newsgroups20-textcnn.yaml",
           "transformer": "newsgroups20-transformer.yaml"}  # fmt: skip
BF16, COMPILE = "trainer.precision=bfloat16", "trainer.compile=true"
WAYS: dict[str, tuple[str, ...]] = {
    "cpu": ("trainer.device=cpu",),
    "cuda": ("trainer.device=cuda",),
    "cuda, bf16": ("trainer.device=cuda", BF16),
    "cuda, bf16, compiled": ("trainer.device=cuda", BF16, COMPILE),
}
COMPILED = ("textcnn", "transformer")
"""Recipes that are compiled, too: the others spend their time in one embedding bag."""
LONGEST = 420.0
"""Seconds for everything; what is not done by then is left out, and said."""
CORPUS = "20news-bydate_py3.pkz"
TEXTS, WORDS, LABELS = 4000, 20000, 20
"""Size of the generated data."""


def device_name() -> str | None:
    """The GPU's name; None without one."""
    code = "import torch; print(torch.cuda.get_device_name() if torch.cuda.is_available() else '')"
    done = subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout.strip() or None


def generated(folder: Path) -> list[str]:
    """Overrides that replace the corpus by texts made up here."""
    generator = random.Random(0)
    for name, n in (("train", TEXTS), ("test", TEXTS // 4)):
        with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
            rows = csv.writer(file)
            rows.writerow(("text", "label"))
            for _ in range(n):
                label = generator.randrange(LABELS)
                own = [f"word{label}x{generator.randrange(50)}" for _ in range(10)]
                common = [f"word{int(WORDS * generator.random() ** 3)}" for _ in range(190)]
                rows.writerow((" ".join(own + common), f"label{label}"))
    return [f"dataset={{use: csv, train: {folder}/train.csv, test: {folder}/test.csv}}"]


def trained(recipe: str, overrides: list[str], folder: Path, left: float) -> tuple[str, ...]:
    """First epoch and mean of the later ones in seconds, training texts per second, and test accuracy."""
    sets = [part for override in overrides for part in ("-s", override)]
    command = [sys.executable, "-m", "textforge", "run", str(ROOT / "recipes" / recipe), "-q", "--json", *sets]
    try:
        done = subprocess.run([*command, "--out", str(folder)], capture_output=True, text=True, timeout=left)
    except subprocess.TimeoutExpired:
        return ("no time left", "", "", "")
    if done.returncode:
        print(done.stderr, file=sys.stderr)
        return (f"failed: {(done.stderr.strip().splitlines() or ['no message'])[-1][:150]}", "", "", "")
    result = json.loads(done.stdout)
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    epochs = [json.loads(line)["seconds"] for line in lines]
    later = sum(epochs[1:]) / max(1, len(epochs) - 1)
    accuracy = f"{result['test']['accuracy']:.4f}" if result["test"] else ""
    return f"{epochs[0]:.2f}", f"{later:.2f}", f"{result['n_train'] / later:,.0f}" if later else "", accuracy


def tested(left: float) -> str:
    """Run the tests marked cuda; the last line that pytest prints."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-m",
        "cuda",
        "-p",
        "no:cacheprovider",
        str(ROOT / "tests" / "training"),
    ]
    try:
        done = subprocess.run(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=left
        )
    except subprocess.TimeoutExpired:
        return "no time left"
    print(done.stdout, file=sys.stderr)
    return f"exit code {done.returncode}: {(done.stdout.strip().splitlines() or ['no output'])[-1]}"


def parser() -> argparse.ArgumentParser:
    found = arguments(__doc__)
    found.add_argument("--cpu", action="store_true", help="the CPU's half alone")
    found.add_argument("--epochs", type=int, default=4, help="epochs of each training; default 4")
    found.add_argument("--longest", type=float, default=LONGEST, help=f"seconds for everything; default {LONGEST:g}")
    found.add_argument("--no-tests", action="store_true", help="leave out the tests")
    found.add_argument("recipes", nargs="*", help=f"{', '.join(RECIPES)}; by default all")
    return found


def main() -> int:
    given = parser().parse_args()
    until = time.monotonic() + given.longest
    name = device_name()
    if name is None and not given.cpu:
        print("This machine has no GPU that torch can use, so nothing is measured. --cpu prints the CPU's half.",
              file=sys.stderr)  # fmt: skip
        return 3
    ways = {"cpu": WAYS["cpu"]} if given.cpu else WAYS
    home = Path(os.environ.get("SCIKIT_LEARN_DATA", "~/scikit_learn_data")).expanduser()
    rows: list[tuple[str, ...]] = []
    with tempfile.TemporaryDirectory() as scratch:
        data = [] if (home / CORPUS).is_file() else generated(Path(scratch))
        tests = "left out" if given.no_tests or given.cpu else tested(until - time.monotonic())
        for number, (recipe, way) in enumerate((one, way) for one in given.recipes or RECIPES for way in ways):
            if COMPILE in ways[way] and recipe not in COMPILED:
                continue
            left = until - time.monotonic()
            overrides = [*data, f"trainer.epochs={given.epochs}", *ways[way]]
            found = trained(RECIPES[recipe], overrides, Path(scratch, str(number)), max(1.0, left))
            rows.append((recipe, way, *found))
            print(*rows[-1], sep="\t", file=sys.stderr, flush=True)
    texts = "20 Newsgroups" if not data else f"{TEXTS:,} generated texts"
    print(f"Measured on {datetime.now(UTC):%Y-%m-%d} on {name or 'no GPU'} and {os.cpu_count()} CPU cores, {texts}.")
    print(f"Tests marked cuda: {tests}.\n")
    head = ("recipe", "device", "first epoch, s", "later epochs, s", "texts per second", "test accuracy")
    print(table(head, rows))
    return 1 if any(row[2].startswith("failed") for row in rows) or "failed" in tests else 0


if __name__ == "__main__":
    sys.exit(main())
