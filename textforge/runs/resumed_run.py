"""Continue an unfinished run in its folder."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from textforge.components.manager import PluginManager
from textforge.errors import BundleError, RecipeError
from textforge.runs import folder as run_folder
from textforge.runs.baseline import load_baseline
from textforge.runs.failures import noting_unfinished
from textforge.runs.lock import locked
from textforge.runs.plan import RunPlan, given_part
from textforge.runs.progress import Progress
from textforge.runs.resuming import Resuming, read_recipe
from textforge.runs.runner import Run, carry_out, start_of
from textforge.runs.saved_plan import SavedPlan

if TYPE_CHECKING:
    from textforge.data.dataset import Dataset


def resume(
    path: str | Path,
    *,
    anyway: bool = False,
    dataset: Dataset | None = None,
    plugins: PluginManager | None = None,
    progress: Progress | None = None,
) -> Run:
    """Continue an unfinished run in its folder, to the results of a run that was never stopped, bit for bit.

    It goes on from the newest checkpoint that is not damaged. A run without one, and a model that fits itself, begin
    anew with the same data and seed.

    Args:
        path: the folder of the run.
        anyway: continue even if data, recipe, versions, threads or processor have changed; results may then differ.
        dataset: the data again, if they were given in code.
        plugins, progress: as for `run`.

    Raises:
        BundleError: there is no unfinished run at `path`, or its files are damaged.
        RecipeError: something has changed, and `anyway` is False; the message names it. Or another process works on
            the run.
        TextforgeError: or a subclass, as `run` does.
    """
    path = Path(path)
    refuse_nothing_to_continue(path)
    with locked(path), noting_unfinished(path):
        saved = SavedPlan.read(path)
        recipe, changed = read_recipe(path, saved, plugins=plugins, dataset=given_part(dataset))
        resuming = Resuming(path, anyway=anyway, changed=changed)
        resuming.refuse_other_environment(recipe)
        baseline = load_baseline(plugins) if saved.baseline else None
        plan = RunPlan(
            recipe, path, progress or Progress(), saved.probabilities, start_of(recipe, plugins),
            baseline=baseline, resuming=resuming,
        )  # fmt: skip
        return carry_out(plan, nullcontext())


def refuse_nothing_to_continue(path: Path) -> None:
    """Refuse a folder without an unfinished run.

    Raises:
        BundleError: there is none at `path`, or it was made by a version of textforge without checkpoints.
        RecipeError: it is finished.
    """
    if run_folder.is_finished(path):
        raise RecipeError(f"{path}: this run is finished, so there is nothing to continue.")
    if not (path / run_folder.PLAN).is_file():
        run_folder.bundle_folder(path)  # raises, unless it is a bundle
        raise BundleError(f"{path}: a bundle, not a run, so there is nothing to continue.")
