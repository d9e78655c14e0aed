"""Make the run folders beside this file with the code of earlier commits, each in the format of its time.

Every release has to read them, so they are made once and never again: a folder that exists is left as it is. When a
file of a run folder changes its form, add the last commit before the change to `FORMATS`, and run
`python tests/runs/kept_runs/make.py` at the root of the repository.
"""

from __future__ import annotations

import csv
import json
import os
import platform
import random
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
HOME = "/kept"
"""Stands in the files for the folder of the data."""

FORMATS = {
    "1-first": ("114ecce", "run plain.yaml"),
    "2-decision": ("830a770", "run plain.yaml"),
    "2-seeds": ("830a770", "run plain.yaml --seeds 0-1"),
    "2-folds": ("830a770", "cross-validate plain.yaml --folds 3"),
    "3-callbacks": ("22f95eb", "run plain.yaml"),
    "3-validation": ("22f95eb", "run validation.yaml"),
    "4-rooms": ("264dd9c", "run plain.yaml"),
    "5-numbers": ("4be84ac", "run numbers.yaml"),
    "6-weights": ("3826496", "run weights.yaml"),
    "7-baselines": ("a22f6d6", "run plain.yaml"),
    "7-several": ("a22f6d6", "run several.yaml"),
    "7-seeds": ("a22f6d6", "run plain.yaml --seeds 0-1"),
    "7-folds": ("a22f6d6", "cross-validate plain.yaml --folds 3"),
}
"""Folder to the commit whose code made it and the arguments of textforge."""

WORDS = {
    "ball": "pitcher inning bat team league homer".split(),
    "paint": "pixel polygon render image color shader".split(),
    "space": "orbit launch shuttle moon rocket nasa".split(),
}
RECIPE = """\
seed: 0
dataset: {{{dataset}}}
vectorizer: {{use: bow}}
model: {{use: mlp, hidden: [4]}}
optimizer: {{use: adam, lr: 0.05}}
trainer: {{epochs: 3, batch_size: 16{trainer}}}
"""
CSV = "use: csv, train: train.csv, test: test.csv"
RECIPES = {
    "plain": (CSV, ""),
    "validation": (CSV, ", validation: 0.25"),
    "weights": (f"{CSV}, weight: weight", ""),
    "several": (f"{CSV}, label: labels, label_separator: '|'", ""),
    "numbers": ("use: jsonl, train: train.jsonl, test: test.jsonl", ""),
}
"""Name to the dataset and to more settings of the trainer."""


def main() -> None:
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        write_inputs(work)
        for name, (commit, arguments) in FORMATS.items():
            if (HERE / name).exists():
                continue
            code = work / commit
            if not code.exists():
                code.mkdir()
                archive = subprocess.run(["git", "-C", str(ROOT), "archive", commit], check=True, capture_output=True)
                subprocess.run(["tar", "-x", "-C", str(code)], input=archive.stdout, check=True)
            first, recipe, *options = arguments.split()
            command = [sys.executable, "-m", "textforge", first, str(work / recipe), *options, "--out", HERE / name]
            path = os.pathsep.join([str(code), str(code / "plugins")])
            environment = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
            subprocess.run(command, check=True, cwd=code, env=environment)
            for file in (HERE / name).rglob("*.*"):
                if file.suffix in (".yaml", ".json"):
                    neutral = file.read_text(encoding="utf-8").replace(str(work.resolve()), HOME)
                    file.write_text(neutral.replace(platform.platform(), "Linux-x86_64"), encoding="utf-8")


def write_inputs(folder: Path) -> None:
    """Write the data and the recipes. The tests write the same data again."""
    draw = random.Random(5)
    for split, size in (("train", 60), ("test", 16)):
        with (
            (folder / f"{split}.csv").open("w", encoding="utf-8", newline="") as table,
            (folder / f"{split}.jsonl").open("w", encoding="utf-8") as lines,
        ):
            writer = csv.writer(table)
            writer.writerow(["text", "label", "labels", "weight"])
            for number in range(size):
                label, other = sorted(WORDS)[number % 3], draw.choice(sorted(WORDS))
                words = [*draw.sample(WORDS[label], 2), draw.choice(WORDS[other]), *draw.choices(["the", "of"], k=2)]
                text = " ".join(words)
                writer.writerow([text, label, "|".join(sorted({label, other})), 1 + number % 2])
                lines.write(json.dumps({"text": text, "label": number % 3}) + "\n")
    for name, (dataset, trainer) in RECIPES.items():
        written = RECIPE.format(dataset=dataset, trainer=trainer)
        (folder / f"{name}.yaml").write_text(written, encoding="utf-8")


if __name__ == "__main__":
    main()
