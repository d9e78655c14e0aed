"""Kill runs at random moments by SIGKILL: earlier runs must not change, and the killed run must count as unfinished."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

from attacks import Attack, Verdict
from attacks.texts import labelled, write_csv

CASES = 240
RECIPE = """\
dataset: {use: csv, train: texts.csv, test_fraction: 0.2}
vectorizer: bow
model: {use: mlp, hidden: [16]}
optimizer: {use: adam, lr: 0.01}
trainer: {epochs: 20, batch_size: 16, validation: 0.2}
"""


def prepare(folder: Path) -> Attack:
    write_csv(folder / "texts.csv", labelled(300))
    (folder / "kill.yaml").write_text(RECIPE)
    for seed in (0, 1):
        began = time.monotonic()
        started(folder, seed).wait()
        seconds = time.monotonic() - began
    earlier, runs = digests(folder / "runs"), folder / "runs" / "kill"
    finished = {run.name for run in runs.iterdir() if (run / "result.json").exists()}
    assert len(finished) == 2, "the runs before the attacks must finish"

    def attack(rng: random.Random, _: Path) -> Verdict:
        after = seconds * (rng.uniform(0, 1) if rng.randrange(3) == 0 else rng.uniform(0.5, 1))
        process = started(folder, 2)
        try:
            process.wait(timeout=after)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        found = digests(folder / "runs")
        new = [run for run in runs.iterdir() if run.name not in finished]
        changed = [path for path, digest in earlier.items() if found.get(path) != digest]
        try:
            if changed:
                return Verdict("a run", "changed", f"after {after:.2f} s: {changed[0]} of an earlier run is changed")
            if process.returncode == 0:
                return Verdict("a run", "finished first")
            return judged(new, after)
        finally:
            for run in new:
                shutil.rmtree(run)

    return attack


def started(folder: Path, seed: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "textforge", "run", "kill.yaml", "--seed", str(seed), "--quiet"]
    nothing = subprocess.DEVNULL
    return subprocess.Popen(command, cwd=folder, stdin=nothing, stdout=nothing, stderr=nothing)


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of every file, by its path below `folder`."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def unfinished(run: Path) -> list[Path]:
    """Temporary files and folders of a run, without what is in such a folder."""
    return [path for path in run.rglob(".*") if not any(part[0] == "." for part in path.relative_to(run).parts[:-1])]


def judged(new: list[Path], after: float) -> Verdict:
    """Judge the results of the commands on the folder of a killed run."""
    import textforge
    from textforge.errors import BundleError
    from textforge.errors.temporaries import left_behind
    from textforge.runs.evaluation import evaluate

    if not new:
        return Verdict("a run", "killed, no folder yet")
    (run,) = new
    if unknown := [path for path in unfinished(run) if path not in left_behind(path.parent)]:
        return Verdict("a run", "killed", f"after {after:.2f} s: no later run would delete {unknown[0]}")
    if (run / "result.json").exists():  # killed after its last file, while Python was exiting
        json.loads((run / "result.json").read_text())
        textforge.load(run)
        return Verdict("a run", "killed, whole run")
    if not (run / "recipe.yaml").exists():
        return Verdict("a run", "killed, empty folder" if not any(run.iterdir()) else "killed, unfinished run")
    for command in (textforge.load, evaluate):
        try:
            command(run)
        except BundleError as error:
            if "unfinished" not in str(error):
                return Verdict("a run", "killed", f"after {after:.2f} s: it is rejected with another message: {error}")
        except Exception as error:
            return Verdict("a run", "crash", f"after {after:.2f} s: {type(error).__name__}: {error}")
        else:
            return Verdict("a run", "killed", f"after {after:.2f} s: {command.__name__} accepts it as a finished run")
    return Verdict("a run", "killed, unfinished run")
