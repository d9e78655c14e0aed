"""Kill runs by SIGKILL at random moments and continue them, to the results of a run that was never killed.

A case is one run. It is killed up to three times, each time at a moment drawn evenly from the life of a whole process,
from the start of Python to its end, and continued by `textforge resume`.
"""

from __future__ import annotations

import copy
import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from attacks import Attack, Verdict
from attacks.texts import labelled, write_csv

CASES = 84
HEAD = "recipe"
MOST_KILLS = 3
TIMES = 6
"""Factor of the epochs, so that a process trains for a large part of its life."""
LONGEST = 120
"""Seconds after which a command counts as hanging."""
EARLIER = "0-earlier"
"""Name of a finished run beside the one that is killed."""
TEXTFORGE = (sys.executable, "-m", "textforge")
DATA = {"use": "csv", "train": "texts.csv", "test_fraction": 0.2}
RECIPES: dict[str, dict[str, Any]] = {
    "network, in memory": {
        "dataset": DATA, "vectorizer": "bow", "model": {"use": "mlp", "hidden": [16], "dropout": 0.2},
        "optimizer": {"use": "adam", "lr": 0.01},
        "trainer": {"epochs": 20, "batch_size": 16, "validation": 0.2, "checkpoint": {"every": "1 epoch"}},
    },
    "network, streamed": {
        "dataset": {**DATA, "stream": True}, "vectorizer": {"use": "hashing", "n_features": 4096},
        "model": {"use": "mlp", "hidden": [16]}, "optimizer": "adam",
        "trainer": {"epochs": 15, "batch_size": 16, "checkpoint": {"every": "10 steps"}},
    },
    "sequences: average, accumulation, bfloat16, buckets": {
        "dataset": DATA, "vectorizer": "tokens", "model": {"use": "textcnn", "channels": 8, "dim": 16},
        "optimizer": "adamw",
        "trainer": {"epochs": 10, "batch_size": 16, "ema": 0.9, "accumulate": 3, "precision": "bfloat16",
                    "bucket_by_length": True, "checkpoint": {"every": "7 steps"}},
    },
    "sparse optimizer, plateau": {
        "dataset": DATA, "vectorizer": "tfidf", "model": "linear", "optimizer": {"use": "sparse-adam", "lr": 0.05},
        "scheduler": {"use": "plateau", "patience": 0},
        "trainer": {"epochs": 20, "batch_size": 16, "validation": 0.2, "checkpoint": {"every": "15 steps"}},
    },
    "three seeds": {
        "dataset": DATA, "vectorizer": "bow", "model": {"use": "mlp", "hidden": [8]}, "optimizer": "adam",
        "trainer": {"epochs": 8, "batch_size": 16, "checkpoint": {"every": "1 epoch"}},
    },
    "fits itself": {"dataset": DATA, "vectorizer": "tfidf", "model": "nbsvm"},
}  # fmt: skip
"""What is killed, by the name of its row."""
SEEDS = {"three seeds": "0-2"}


class Reference(NamedTuple):
    """A run that was never killed."""

    outcome: Any
    seconds: float


def prepare(folder: Path) -> Attack:
    whole: dict[str, Reference] = {}

    def attack(rng: random.Random, case: Path) -> Verdict:
        name = rng.choice([*RECIPES])
        if name not in whole:
            whole[name] = finished(name, folder / f"{len(whole)}")
        write_setup(name, case, TIMES)
        earlier = case / "runs" / "killed" / EARLIER
        shutil.copytree(newest(folder / f"{[*whole].index(name)}"), earlier)
        before, counts = contents(earlier), dict.fromkeys(("kills", *STAGES), 0)
        moments = [rng.random() * whole[name].seconds for _ in range(rng.randint(1, MOST_KILLS))]
        failure = killed_and_continued(name, case, moments, counts)
        if not failure and contents(earlier) != before:
            failure = "an earlier run is changed"
        if not failure and outcome(newest(case)) != whole[name].outcome:
            failure = "it ends with other results"
        where = f" (killed after {', '.join(f'{moment:.2f}' for moment in moments)} s)"
        return Verdict(name, "the same results" if not failure else "other", failure and failure + where, counts)

    return attack


def write_setup(name: str, folder: Path, times: int = 1) -> None:
    """Write the recipe, with its epochs so many times, and its data into a folder."""
    write_csv(folder / "texts.csv", labelled(300))
    recipe = copy.deepcopy(RECIPES[name])
    if "trainer" in recipe:
        recipe["trainer"]["epochs"] *= times
    (folder / "killed.yaml").write_text(json.dumps(recipe))


def run_command(name: str) -> list[str]:
    seeds = ["--seeds", SEEDS[name]] if name in SEEDS else []
    return [*TEXTFORGE, "run", "killed.yaml", "--quiet", *seeds]


def finished(name: str, folder: Path) -> Reference:
    """Run a recipe without killing it. Its second run, with warm caches of the system, is measured."""
    for _ in range(2):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        write_setup(name, folder, TIMES)
        began = time.monotonic()
        code, errors = ended(run_command(name), folder, None)
        seconds = time.monotonic() - began
        assert code == 0, errors
    return Reference(outcome(newest(folder)), seconds)


def ended(command: Sequence[str], folder: Path, moment: float | None) -> tuple[int, str]:
    """Run a command and kill it at a moment, or after `LONGEST` seconds; return its exit code and its messages.

    The code is negative if it was killed.
    """
    environment = {**os.environ, "TEXTFORGE_CACHE": str(folder / "cache")}
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        try:
            _, errors = process.communicate(timeout=LONGEST if moment is None else moment)
        except subprocess.TimeoutExpired:
            process.kill()
            _, errors = process.communicate()
    return process.returncode, errors


NO_PLAN, NO_CHECKPOINT, CHECKPOINT, WHOLE = STAGES = (
    "before it could be continued", "without a checkpoint", "with a checkpoint", "after its result",
)  # fmt: skip
"""Where a kill has met a run."""


def killed_and_continued(name: str, case: Path, moments: list[float], counts: dict[str, int]) -> str:
    """Kill a run at the moments, and continue it to its end; return what is wrong."""
    command = run_command(name)
    for moment in (*moments, None):
        code, errors = ended(command, case, moment)
        if code == 0:
            break
        if code < 0 and moment is None:
            return f"{' '.join(command[len(TEXTFORGE) :])} takes more than {LONGEST} seconds"
        if code > 0:
            return f"{' '.join(command[len(TEXTFORGE) :])} failed: {errors[-500:]}"
        counts["kills"] += 1
        run = newest(case)
        stage, failure = judged(run)
        counts[stage] += 1
        if failure:
            return failure
        if stage == WHOLE:
            break
        resumed = [*TEXTFORGE, "resume", str(run), "--quiet"]
        command = run_command(name) if stage == NO_PLAN else resumed
    left = [path for path in (case / "runs").rglob(".*") if path.name.endswith(".tmp")]
    return f"{left[0]} is left" if left else ""


def newest(folder: Path) -> Path:
    """The latest run folder."""
    return max((folder / "runs" / "killed").iterdir())


def judged(run: Path) -> tuple[str, str]:
    """Where a kill has met a run, and what is wrong with what it left."""
    import textforge
    from textforge.errors import BundleError
    from textforge.errors.temporaries import left_behind
    from textforge.runs.folder import SEEDS as SUMMARY, can_continue, is_finished

    if run.name == EARLIER:
        return NO_PLAN, ""
    for path in run.rglob(".*.tmp"):
        inside = any(part[0] == "." for part in path.relative_to(run).parts[:-1])
        if not inside and path not in left_behind(path.parent):
            return NO_PLAN, f"no later run would delete {path}"
    if is_finished(run) or (run / SUMMARY).is_file():
        return WHOLE, ""
    stage = NO_PLAN if not can_continue(run) else NO_CHECKPOINT
    if stage == NO_CHECKPOINT and (any(run.glob("**/checkpoints/epoch-*")) or any(run.glob("seed-*/result.json"))):
        stage = CHECKPOINT
    try:
        textforge.load(run)
    except BundleError as error:
        if stage == NO_PLAN or "resume" in str(error):
            return stage, ""
        return stage, f"the message does not say how to continue: {error}"
    return stage, "an unfinished run is loaded"


def contents(folder: Path) -> dict[str, bytes]:
    """The content of every file of a folder, by its path."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


PLACED = ("environment.json", "plan.json", "resolved.yaml")
"""Files that name the folder of the data."""


def outcome(run: Path) -> Any:
    """Weights, metrics, predictions and figures of a finished run or of several seeds, without their times."""
    found: dict[str, Any] = {}
    for path in sorted(run.rglob("*")):
        name, place = path.name, str(path.relative_to(run))
        if "checkpoints/" in place or path.is_dir() or name in PLACED:
            continue
        if name in ("result.json", "seeds.json"):
            found[place] = untimed(path.read_text())
        elif name == "metrics.jsonl":
            found[place] = [untimed(line) for line in path.read_text().splitlines()]
        else:
            found[place] = path.read_bytes()
    return found


def untimed(text: str) -> dict[str, Any]:
    """A JSON object without what depends on time, and without a note that the run was continued."""
    return {key: value for key, value in json.loads(text).items() if key not in ("seconds", "resumed")}
