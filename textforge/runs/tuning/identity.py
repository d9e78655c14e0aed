"""The folder of a tuning: what identifies it, so that the same command continues it and no other does."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textforge.classifiers.storage import write_json
from textforge.data.locks import lock
from textforge.errors import BundleError, RecipeError, TextforgeError, listed
from textforge.runs import folder as run_folder
from textforge.runs.interruption import interruption_of
from textforge.runs.progress import Progress
from textforge.runs.tuning.source import Source

if TYPE_CHECKING:
    from textforge.data.dataset import Dataset
    from textforge.runs.tuning.candidates import Candidate

TUNING, STUDY, IDENTITY, BEST, RUN = "tuning.json", "study.journal", "study.json", "best.yaml", "run"
"""Files and the folder of a tuning: its result, Optuna's journal, what identifies it, and the final recipe and run."""
FORMAT = 1
WAIT = 3.0
"""Seconds to wait for the workers of a tuning that was killed to end."""


def identify(data: Dataset, candidates: Sequence[Candidate], metric: str | None, seed: int | None) -> dict[str, Any]:
    """What two tunings must have in common for the one to continue the other."""
    recipes = [[one.name, one.recipe.resolved(), str(one.space)] for one in candidates]
    return {
        "format": FORMAT, "data": data.fingerprint(), "recipes": _digest(recipes), "metric": metric, "seed": seed,
    }  # fmt: skip


def is_tuning(path: str | Path) -> bool:
    """Whether a folder is that of a tuning, finished or not."""
    return any(Path(path, name).is_file() for name in (TUNING, IDENTITY))


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()


def tuning_folder(source: Source, identity: dict[str, Any], out: str | Path | None) -> Path:
    """The folder to work in: a new one, or that of the same tuning if it is unfinished.

    Raises:
        RecipeError: `out` holds something else, or a finished tuning.
    """
    if out is None:
        for earlier in sorted(Path("runs", f"{source.name}-tune").glob(f"*/{IDENTITY}"), reverse=True):
            if not (earlier.parent / TUNING).exists() and _identity(earlier.parent) == _plain(identity):
                return earlier.parent
        return run_folder.create_run_folder(f"{source.name}-tune", None)
    path = Path(out)
    if (path / TUNING).is_file():
        raise RecipeError(f"{path}: holds a finished tuning, and nothing is overwritten. Choose another --out.")
    if not (path / IDENTITY).is_file():
        return run_folder.create_run_folder(source.name, out)
    theirs = _identity(path)
    mine = _plain(identity)
    differing = [key for key in mine if theirs.get(key) != mine[key]]
    if differing:
        names = {"data": "the data", "recipes": "the recipe or its tune section", "metric": "the metric"}
        what = listed([names.get(key, key) for key in differing])
        raise RecipeError(
            f"{path}: holds another tuning, with a difference in {what}. Choose another --out, or give the command "
            "of that tuning to continue it."
        )
    return path


def _plain(identity: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(identity))
    return found


def _identity(path: Path) -> dict[str, Any]:
    """What identifies the tuning in a folder; empty if its file is damaged."""
    try:
        found = run_folder.read_object(path / IDENTITY, "damaged")
    except BundleError:
        return {}
    return {key: value for key, value in found.items() if key != "spent"}


def spent_before(path: Path, identity: dict[str, Any]) -> float:
    """Seconds that earlier processes have spent on this tuning."""
    try:
        spent = run_folder.read_object(path / IDENTITY, "damaged").get("spent", 0.0)
    except BundleError:
        write_json(path / IDENTITY, {**identity, "spent": 0.0})
        return 0.0
    return float(spent) if isinstance(spent, (int, float)) else 0.0


@contextmanager
def unfinished(path: Path, progress: Progress) -> Iterator[None]:
    """Say in errors how to go on."""
    advice = f"continue with the same command and --out {path}"
    try:
        with interruption_of(progress).advising(f"{advice}."):
            yield
    except (TextforgeError, KeyboardInterrupt) as error:
        if (path / "trials").is_dir() and not isinstance(error, RecipeError):
            error.add_note(f"The trials so far are in {path}; {advice}.")
        raise


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Lock the folder. Workers of a process that was killed hold its lock for a moment longer.

    Raises:
        RecipeError: another process works in it.
    """
    file = path / IDENTITY
    if not file.exists():
        write_json(file, {})
    until = time.monotonic() + WAIT
    while (held := lock(path)) is None and path.exists() and time.monotonic() < until:
        time.sleep(0.1)
    if held is None and path.exists():
        raise RecipeError(f"{path}: another process works on this tuning. Wait for its end.")
    try:
        yield
    finally:
        if held is not None:
            held.release()
