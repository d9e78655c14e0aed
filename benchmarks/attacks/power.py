"""Lose what a run has not synced, as a power failure does, and continue the run from what is left.

The operations of runs and of continued runs on their files are recorded (see `recording.py`). A case takes them up to a
random one, loses some of those that were not synced (see `disk.py`), and makes the files that a disk would then hold.
From there the run must end with the results of the run that was never stopped.
"""

from __future__ import annotations

import os
import random
import shutil
import sys
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

from attacks import Attack, Verdict, bounded
from attacks.disk import Disk, Names, Operation, Printed, any_order, data_late, in_order, lasting
from attacks.kills import RECIPES, SEEDS, outcome, run_command, write_setup
from attacks.recording import Recording, record

CASES = 1000
CONTINUED_RUNS = 0.4
"""Share of cases in which the run that loses power had been stopped and continued before."""
LAST = 60
"""Half of the cases lose power during the last operations, in which a run writes its results."""
HEAD = "lost"
WAYS: dict[str, Callable[[random.Random, Sequence[Operation]], list[Operation]]] = {
    "nothing": lambda _, operations: [*operations],
    "the last operations": in_order,
    "data, but no names": data_late,
    "any data and names": any_order,
}


class Recorded(NamedTuple):
    """A recorded run."""

    place: Path
    """Its files must be in this folder to be continued."""
    recording: Recording
    outcome: Any


def prepare(folder: Path) -> Attack:
    if shutil.which("strace") is None:
        sys.exit("the section 'power' needs the program strace, which is not installed")

    @cache
    def recorded(name: str, continued: bool) -> Recorded:
        place = folder / f"{[*RECIPES].index(name)}"
        if continued:
            first = recorded(name, False)
            stopped = [*first.recording.operations[: len(first.recording.operations) * 3 // 5]]
            write_state(first.recording, stopped, place)
            command = [*run_command(name)[:3], "resume", "run"]
        else:
            place.mkdir()
            write_setup(name, place)
            command = [*run_command(name), "--out", "run"]
        recording = record(command, place, {"TEXTFORGE_CACHE": str(place / "cache")})
        return Recorded(place, recording, outcome(place / "run"))

    def attack(rng: random.Random, case: Path) -> Verdict:
        name, way, continued = rng.choice([*RECIPES]), rng.choice([*WAYS]), rng.random() < CONTINUED_RUNS
        run = recorded(name, continued)
        n = len(run.recording.operations)
        done = run.recording.operations[: rng.randrange(rng.choice((0, max(0, n - LAST))), n + 1)]
        kept = WAYS[way](rng, done)
        write_state(run.recording, kept, run.place)
        (case / "lost.txt").write_text("".join(f"{one}\n" for one in done if not any(one is other for other in kept)))
        try:
            ended, failure = judged(name, run, done)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            ended, failure = "crash", f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
        shutil.copytree(run.place, case / "files")
        where = f" ({name}{', continued' if continued else ''}, after {len(done)} operations)"
        return Verdict(way, ended, failure and failure + where)

    return attack


def write_state(recording: Recording, operations: Sequence[Operation], place: Path) -> None:
    """Write the files that a disk holds after these operations."""
    disk = Disk(recording.before)
    for operation in operations:
        disk.apply(operation)
    shutil.rmtree(place)
    disk.write(place)


def judged(name: str, recorded: Recorded, done: Sequence[Operation]) -> tuple[str, str]:
    """Continue a run from what is left, and compare its results: how it went, and what is wrong."""
    run = recorded.place / "run"
    rebooted = mock.patch("textforge.errors.makers._host", return_value="00000000")
    with mock.patch.dict(os.environ, {"TEXTFORGE_CACHE": str(recorded.place / "cache")}), rebooted, bounded(None):
        ended = completed(name, run)
    failure = "" if outcome(run) == recorded.outcome else "it ends with other results"
    if any(isinstance(one, Printed) for one in done) and ended != WHOLE:
        failure = "the results were printed, but are not on the disk"
    elif saved_before(done) and ended in (ANEW, AGAIN):
        failure = "a saved checkpoint is lost"
    return ended, failure


WHOLE, CONTINUED, ANEW, AGAIN = "finished", "continued from a checkpoint", "continued without one", "started again"


def completed(name: str, run: Path) -> str:
    """Bring a run to its end as its folder allows."""
    import textforge
    from textforge.runs.folder import SEEDS as SUMMARY, can_continue, is_finished
    from textforge.runs.seeds import read_seeds, run_seeds

    if is_finished(run) or (run / SUMMARY).is_file():
        return WHOLE
    if can_continue(run):
        kept = any(run.glob("**/checkpoints/epoch-*")) or any(run.glob("seed-*/result.json"))
        textforge.resume(run)
        return CONTINUED if kept else ANEW
    shutil.rmtree(run, ignore_errors=True)
    if name in SEEDS:
        run_seeds(run.parent / "killed.yaml", read_seeds(SEEDS[name]), out=run)
    else:
        textforge.run(run.parent / "killed.yaml", out=run)
    return AGAIN


def saved_before(done: Sequence[Operation]) -> bool:
    """Whether a checkpoint was saved: it has its name, and its folder is synced."""
    saved = zip(done, lasting(done), strict=True)
    return any(safe and isinstance(one, Names) and "/epoch-" in one.text.partition(" to ")[2] for one, safe in saved)
