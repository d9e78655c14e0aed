"""Train a run again by the command line of another process, with the threads that it had."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from textforge.errors import BundleError, TextforgeError
from textforge.recipes.document import read_document
from textforge.runs import folder as run_folder
from textforge.runs.machine import NUMERIC, THREAD_COUNTS
from textforge.runs.replays.differences import read_lines

SAME_PYTHON = (sys.executable, "-m", "textforge")
"""The command line in the environment of this process."""


@dataclass(frozen=True)
class Command:
    """How to start textforge in another process.

    Args:
        words: the beginning of the command.
        isolated: whether the process must not import from places that this process was given.
        show: let the process show its progress on stderr.
    """

    words: tuple[str, ...] = SAME_PYTHON
    isolated: bool = False
    show: bool = False

    def __call__(self, arguments: Sequence[str], environment: Mapping[str, Any]) -> None:
        """Run a command with the threads of a run's environment.

        Raises:
            TextforgeError: the command failed.
        """
        quiet = () if self.show else ("--quiet",)
        done = subprocess.run(  # noqa: S603
            [*self.words, *arguments, *quiet, "--json"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=None if self.show else subprocess.PIPE,
            text=True, errors="replace", env=self._variables(environment),
        )  # fmt: skip
        if done.returncode:
            said = (done.stderr or "").strip().rpartition("\nerror: ")[2].removeprefix("error: ")
            failed = TextforgeError(f"training again failed: {said or f'exit code {done.returncode}, see above.'}")
            failed.exit_code = done.returncode if done.returncode in (1, 2, 3) else 1
            raise failed

    def _variables(self, environment: Mapping[str, Any]) -> dict[str, str]:
        """The environment variables of the process: those of the run where it recorded them."""
        recorded = environment.get("variables")
        found = dict(os.environ)
        if isinstance(recorded, Mapping):
            found = {name: value for name, value in found.items() if name not in (*THREAD_COUNTS, *NUMERIC)}
            found |= {name: str(recorded[name]) for name in (*THREAD_COUNTS, *NUMERIC) if name in recorded}
        if type(threads := environment.get("threads")) is int and not (recorded and "OMP_NUM_THREADS" in recorded):
            found["OMP_NUM_THREADS"] = str(threads)
        if self.isolated:
            found = {name: value for name, value in found.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
        return found


def train_again(run: Path, out: Path, environment: Mapping[str, Any], command: Command) -> None:
    """Train a finished run again from its resolved recipe.

    Callbacks are not called, because they would report the replay to where the run was reported; unless the run was
    stopped early, which a callback may have asked for.

    Raises:
        TextforgeError: the training failed.
    """
    result = run_folder.read_result(run)
    arguments = ["run", str(run / run_folder.RESOLVED), "--out", str(out), "--probabilities", _limit(run)]
    resolved = read_document(run / run_folder.RESOLVED)[1].plain()
    if resolved.get("callbacks") and not result.get("stopped"):
        arguments += ["--set", "callbacks=[]"]
    baselines = result.get("baselines")
    if isinstance(baselines, Mapping) and "trained" in baselines:
        arguments.append("--baseline")
    command(arguments, environment)


def cross_validate_again(run: Path, out: Path, environment: Mapping[str, Any], command: Command) -> None:
    """Repeat a finished cross-validation from its resolved recipe.

    Raises:
        BundleError: its summary is damaged.
        TextforgeError: it failed.
    """
    folds = run_folder.read_object(run / run_folder.FOLDS, f"{run}: damaged").get("folds")
    if type(folds) is not int:
        raise BundleError(f"{run}: its {run_folder.FOLDS} is damaged: it does not say how many folds there are.")
    arguments = ["cross-validate", str(run / run_folder.RESOLVED), "--folds", str(folds)]
    command([*arguments, "--out", str(out), "--probabilities", _limit(run)], environment)


def _limit(run: Path) -> str:
    """The number of probabilities per text in a run's predictions, for the option `--probabilities`."""
    path = run / run_folder.PREDICTIONS
    if not path.is_file():
        return "all"
    rows = (row.get("probabilities") for row in islice(read_lines(path), 10_000))
    fewest = min((len(row) for row in rows if isinstance(row, dict)), default=0)  # gold and predicted may come on top
    finished = run_folder.RESULT if run_folder.is_finished(run) else run_folder.FOLDS
    labels = run_folder.read_object(run / finished, f"{run}: damaged").get("labels")
    return str(fewest) if isinstance(labels, list) and 0 < fewest < len(labels) else "all"
