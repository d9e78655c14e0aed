"""Run folders: the names of their files, how they are created, and whether a run is finished.

Uses only the standard library, so that `textforge predict` can reject a folder before it loads torch.
"""

from __future__ import annotations

import json
import secrets
import shlex
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from textforge.classifiers.storage import write_json
from textforge.errors import BundleError, RecipeError, StorageError
from textforge.errors.temporaries import make_folders, sweep, sync
from textforge.runs.hub.address import hub_address
from textforge.runs.processes.launch import command_prefix

RESULT = "result.json"
RECIPE, RESOLVED, ENVIRONMENT = "recipe.yaml", "resolved.yaml", "environment.json"
METRICS, PREDICTIONS = "metrics.jsonl", "predictions.jsonl"
PLAN = "plan.json"
"""How a run was started. A folder with it can be continued."""
CHECKPOINTS = "checkpoints"
MODEL = "model"
REPORT = "report.html"
CARD = "README.md"
"""The model card, in a run, a bundle or a repository of the hub."""
SEEDS, FOLDS = "seeds.json", "cross-validation.json"
"""Summaries of several runs, written last to a folder that has no classifier itself."""
PER_FOLD = "folds.jsonl"
"""Results of the folds of a cross-validation. The file exists from the start of the run."""
FIRST = (PLAN, RECIPE, RESOLVED, ENVIRONMENT, PER_FOLD)
"""Files that are written before training."""
LOOKED_AT = 50
"""Number of the latest runs of a recipe to look at for what they left when they were killed."""


def create_run_folder(name: str, out: str | Path | None) -> Path:
    """Create the folder of a run: `out`, or `runs/<name>/<UTC time>-<short id>`.

    Raises:
        RecipeError: `out` is a file or a non-empty folder; nothing is ever overwritten.
        StorageError: the folder cannot be created.
    """
    if out is None:
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        path = Path("runs", name, f"{stamp}-{secrets.token_hex(3)}")
    else:
        path = Path(out)
    sweep(path)
    try:
        if path.is_dir() and any(path.iterdir()):
            state = "a finished run" if is_finished(path) else (
                "an unfinished run" if is_run(path) else "other files")  # fmt: skip
            advice = f", or {how_to_continue(path)}" if can_continue(path) else "."
            raise RecipeError(
                f"{path}: exists and holds {state}; runs are never overwritten. Choose another --out{advice}"
            )
        make_folders(path)
    except FileExistsError as error:
        raise RecipeError(f"{path}: is a file. Choose another --out.") from error
    except OSError as error:
        raise StorageError(f"{path}: cannot be created: {error.strerror or error}. Choose another --out.") from error
    if out is None:
        for earlier in sorted(path.parent.iterdir())[-LOOKED_AT:]:
            sweep(earlier)
            sweep(earlier / CHECKPOINTS)
    return path


def is_finished(run: Path) -> bool:
    """Whether a run folder has its final result.json."""
    return (run / RESULT).is_file()


def write_result(run: Path, result: dict[str, Any]) -> None:
    """Write result.json, by which the run counts as finished; everything else must last before it.

    Raises:
        StorageError: it cannot be written.
    """
    sync(run / METRICS)  # other files are synced when they are written
    write_json(run / RESULT, result)


def read_result(run: Path) -> dict[str, Any]:
    """Read the result.json of a finished run.

    Raises:
        BundleError: the run is unfinished, or its result is damaged.
    """
    if not is_finished(run):
        raise BundleError(f"{run}: {_why_no_bundle(run)}")
    return read_object(run / RESULT, f"{run}: its {RESULT} is damaged")


def read_object(path: Path, damaged: str) -> dict[str, Any]:
    """Read a file that holds a JSON object.

    Args:
        path: the file.
        damaged: the beginning of the message if it holds no JSON object.

    Raises:
        BundleError: the file cannot be read, or is damaged.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BundleError(f"{path}: cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise BundleError(f"{damaged}: {error}") from error
    if not isinstance(found, dict):
        raise BundleError(f"{damaged}: it holds a {type(found).__name__}, not an object.")
    return found


def data_fingerprint(run: Path) -> str | None:
    """SHA-256 of a run's data, from its environment.json; None if that cannot be read."""
    try:
        found = json.loads((run / ENVIRONMENT).read_text(encoding="utf-8"))["data"]["sha256"]
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return None
    return found if isinstance(found, str) else None


def is_run(path: Path) -> bool:
    """Whether a folder is a run folder, finished or not."""
    return ((path / RECIPE).is_file() and not (path / PER_FOLD).is_file()) or is_finished(path)


def bundle_folder(path: Path) -> Path:
    """The path of a bundle: `path` itself, or the bundle of the finished run at `path`.

    For `hf://USER/NAME@REVISION`, that in the cache of the hub's library, downloaded if necessary.

    Raises:
        BundleError: `path` has no bundle; the message says whether it is an unfinished run.
        DataUnavailable: it is an address on the hub, and cannot be had.
    """
    if address := hub_address(path):
        from textforge.runs.hub.downloads import cached_bundle

        return cached_bundle(address)
    if (path / "bundle.json").is_file():
        return path
    if is_run(path):
        read_result(path)
        return path / MODEL
    raise BundleError(f"{path}: {_why_no_bundle(path)}")


def _shell_argument(path: Path) -> str:
    """Quote a path for a shell, so that it is one argument and never an option."""
    text = str(path)
    return shlex.quote(f"./{text}" if text.startswith("-") else text)


def can_continue(path: Path) -> bool:
    """Whether a folder holds an unfinished run, seeds or folds, that `textforge resume` can continue."""
    return (path / PLAN).is_file() and not any((path / last).is_file() for last in (RESULT, SEEDS, FOLDS))


def how_to_continue(path: Path) -> str:
    """The advice in every message about an unfinished run."""
    return f"continue with: {command_prefix()}textforge resume {_shell_argument(path)}"


def _why_no_bundle(path: Path) -> str:
    if not path.exists():
        return "no such run or bundle."
    if (path / FOLDS).is_file():
        return "a cross-validation, which saves no classifier. Train one on all data: textforge run RECIPE"
    if (path / PER_FOLD).is_file():
        why = f"an unfinished cross-validation: it has no {FOLDS}"
        if can_continue(path):
            return f"{why}; {how_to_continue(path)}"
        return f"{why}. Run it again: textforge cross-validate {_shell_argument(path / RESOLVED)}"
    if (path / RECIPE).is_file():
        why = f"an unfinished run: it has no {RESULT}. It failed, was interrupted, or is still running"
        if can_continue(path):
            return f"{why}; {how_to_continue(path)}"
        return f"{why}. Run it again: textforge run {_shell_argument(path / RESOLVED)}"
    if can_continue(path):
        return f"runs of several seeds that are not all done: it has no {SEEDS}; {how_to_continue(path)}"
    results = [file for below in ("*", "*/*") for file in path.glob(f"{below}/{RESULT}")]  # runs/, runs/NAME/
    if results:
        last = max(results, key=lambda file: file.stat().st_mtime)
        return f"neither a run nor a bundle, but it contains runs; the latest is {last.parent}"
    return "neither a run (result.json) nor a bundle (bundle.json)."
