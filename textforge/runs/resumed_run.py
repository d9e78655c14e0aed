"""Continue an unfinished run in its folder."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from textforge.components.manager import PluginManager
from textforge.components.part import Part
from textforge.runs.baseline import load_baseline
from textforge.runs.failures import noting_unfinished
from textforge.runs.lock import locked
from textforge.runs.plan import RunPlan, given_part
from textforge.runs.processes.joining import joined
from textforge.runs.processes.launch import Launch, launched
from textforge.runs.progress import Progress
from textforge.runs.resuming import Resuming, read_recipe
from textforge.runs.runner import Run, carry_out, start_of
from textforge.runs.saved_plan import SavedPlan

if TYPE_CHECKING:
    from textforge.data.dataset import Dataset
    from textforge.training.distributed.workers import Workers


def resume_run(
    path: Path,
    *,
    anyway: bool = False,
    dataset: Dataset | Part | None = None,
    plugins: PluginManager | None = None,
    progress: Progress | None = None,
    within: Path | None = None,
    workers: Workers | None = None,
) -> Run:
    """Continue the unfinished run at `path`.

    Args:
        path: the folder of the run.
        anyway, plugins, progress: as for `resume`.
        dataset: the data, or a part that gives them, in place of those of the recipe.
        within: the folder to name in messages, if the run is one of several.
        workers: the processes that train together, if the caller has initialized their process group; by default those
            that torchrun has started. Each of them reads the folder, and the first one the checkpoint.

    Raises:
        TextforgeError: or a subclass, as `resume` does.
    """
    launch = launched() if workers is None else None
    with nullcontext() if _another_writes(launch, workers) else locked(path), noting_unfinished(path, within=within):
        saved = SavedPlan.read(path)
        recipe, changed = read_recipe(path, saved, plugins=plugins, dataset=given_part(dataset))
        resuming = Resuming(path, anyway=anyway, changed=changed)
        resuming.refuse_other_environment(recipe)
        baseline = load_baseline(plugins) if saved.baseline else None
        with nullcontext(workers) if launch is None else joined(launch, recipe.trainer.device) as together:
            plan = RunPlan(
                recipe, path, progress or Progress(), saved.probabilities, start_of(recipe, plugins),
                baseline=baseline, resuming=resuming, within=within, workers=together,
            )  # fmt: skip
            return carry_out(plan, nullcontext())


def _another_writes(launch: Launch | None, workers: Workers | None) -> bool:
    return any(one is not None and not one.first for one in (launch, workers))
