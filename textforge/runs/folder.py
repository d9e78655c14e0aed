"""Where runs lie: a run folder's files, how it is made, and whether it is finished.

Standard library only, so that `textforge predict` can refuse a folder before it loads torch.
"""

from __future__ import annotations

import json
import secrets
import shlex
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from textforge.errors import BundleError, RecipeError, StorageError

RESULT = "result.json"
RECIPE, RESOLVED, ENVIRONMENT = "recipe.yaml", "resolved.yaml", "environment.json"
METRICS, PREDICTIONS = "metrics.jsonl", "predictions.jsonl"
MODEL = "model"
SEEDS, FOLDS = "seeds.json", "cross-validation.json"
"""What several runs came to: written last, in a folder that holds no classifier of its own."""
PER_FOLD = "folds.jsonl"
"""Of a cross-validation: there from its beginning."""


def create_run_folder(name: str, out: str | Path | None) -> Path:
    """A new folder for one run: `out`, or `runs/<name>/<UTC time>-<short id>`.

    Raises:
        RecipeError: `out` has something in it; nothing is ever overwritten.
        StorageError: the folder cannot be made.
    """
    if out is None:
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        path = Path("runs", name, f"{stamp}-{secrets.token_hex(3)}")
    else:
        path = Path(out)
    try:
        if path.is_dir() and any(path.iterdir()):
            state = "a finished run" if is_finished(path) else (
                "an unfinished run" if is_run(path) else "other files")  # fmt: skip
            raise RecipeError(f"{path}: exists and holds {state}; runs are never overwritten. Choose another --out.")
        path.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise RecipeError(f"{path}: is a file. Choose another --out.") from error
    except OSError as error:
        raise StorageError(f"{path}: cannot be made: {error.strerror or error}. Choose another --out.") from error
    return path


def is_finished(run: Path) -> bool:
    """Whether a run folder has its final result.json."""
    return (run / RESULT).is_file()


def read_result(run: Path) -> dict[str, Any]:
    """A finished run's result.json.

    Raises:
        BundleError: the run is unfinished, or its result is damaged.
    """
    if not is_finished(run):
        raise BundleError(f"{run}: {_absent(run)}")
    try:
        found = json.loads((run / RESULT).read_text(encoding="utf-8"))
    except OSError as error:
        raise BundleError(f"{run / RESULT}: cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise BundleError(f"{run}: its {RESULT} is damaged: {error}") from error
    if not isinstance(found, dict):
        raise BundleError(f"{run}: its {RESULT} is damaged: it holds a {type(found).__name__}, not an object.")
    return found


def data_fingerprint(run: Path) -> str | None:
    """SHA-256 of the data that a run was made with, as its environment.json has it; None where that cannot be read."""
    try:
        found = json.loads((run / ENVIRONMENT).read_text(encoding="utf-8"))["data"]["sha256"]
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return None
    return found if isinstance(found, str) else None


def is_run(path: Path) -> bool:
    """Whether a folder is that of a run, finished or not."""
    return ((path / RECIPE).is_file() and not (path / PER_FOLD).is_file()) or is_finished(path)


def bundle_folder(path: Path) -> Path:
    """The bundle that `path` is, or that the finished run at `path` holds.

    Raises:
        BundleError: there is none; says whether the run is unfinished.
    """
    if (path / "bundle.json").is_file():
        return path
    if is_run(path):
        read_result(path)
        return path / MODEL
    raise BundleError(f"{path}: {_absent(path)}")


def _argument(path: Path) -> str:
    """A path as a shell takes it for one argument, and no option."""
    text = str(path)
    return shlex.quote(f"./{text}" if text.startswith("-") else text)


def _absent(path: Path) -> str:
    if not path.exists():
        return "there is no such run or bundle."
    if (path / FOLDS).is_file():
        return "a cross-validation, which keeps no classifier. Train one on all of the data: textforge run RECIPE"
    if (path / PER_FOLD).is_file():
        return (
            f"an unfinished cross-validation: it has no {FOLDS}. "
            f"Run it again: textforge cross-validate {_argument(path / RESOLVED)}"
        )
    if (path / RECIPE).is_file():
        return (
            f"an unfinished run: it has no {RESULT}. It failed, was interrupted, or is still going on. "
            f"Run it again: textforge run {_argument(path / RESOLVED)}"
        )
    results = [file for below in ("*", "*/*") for file in path.glob(f"{below}/{RESULT}")]  # runs/, runs/NAME/
    if results:
        last = max(results, key=lambda file: file.stat().st_mtime)
        return f"neither a run nor a bundle, but there are runs below it; the last one is {last.parent}"
    return "neither a run (result.json) nor a bundle (bundle.json)."
