"""Continue what was stopped: a run, the runs of several seeds, a cross-validation."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from textforge.components.manager import PluginManager
from textforge.components.part import Part
from textforge.errors import BundleError, RecipeError
from textforge.runs import folder as run_folder
from textforge.runs.processes.launch import refuse_several
from textforge.runs.progress import Progress
from textforge.runs.saved_plan import SavedPlan

if TYPE_CHECKING:
    from textforge.data.dataset import Dataset
    from textforge.runs.cross_validation import CrossValidation
    from textforge.runs.runner import Run
    from textforge.runs.seeds import Repeats


def resume(
    path: str | Path,
    *,
    anyway: bool = False,
    epochs: int | None = None,
    out: str | Path | None = None,
    dataset: Dataset | Part | None = None,
    plugins: PluginManager | None = None,
    progress: Progress | None = None,
    on: str | Part | None = None,
) -> Run | Repeats | CrossValidation:
    """Continue what was stopped in its folder, to the results of what was never stopped, bit for bit.

    A run goes on from its newest checkpoint that is not damaged. A run without one, and a model that fits itself, begin
    anew with the same data and seed. Of several seeds and of folds, those that are done are not trained again.

    Args:
        path: the folder of a run, of the runs of several seeds, or of a cross-validation.
        epochs: train a finished run further, to so many epochs in all, as a new run.
        out: the folder of that new run. Defaults to `runs/<recipe name>/<UTC time>-<id>`.
        anyway: continue even if data, recipe, versions, threads or processor have changed; results may then differ.
        dataset: the data again, if they were given in code, or a part that has them, as that of `Recipe.with_data`.
        plugins, progress: as for `run`.
        on: the executor that carries out the seeds or folds that are left, a name or a part. By default they run here.

    Returns:
        What `run`, `run_seeds` or `cross_validate` returns.

    Raises:
        BundleError: there is nothing unfinished at `path`, or its files are damaged.
        RecipeError: something has changed, and `anyway` is False; the message names it. Or another process works in
            the folder.
        TextforgeError: or a subclass, as `run` does.
    """
    path = Path(path)
    refuse_nothing_to_continue(path, further=epochs is not None)
    if epochs is not None:
        _refuse_executor(on)
        from textforge.runs.training_further import train_further

        refuse_several("resume with epochs, which trains a finished run further,")
        given: dict[str, Any] = {"out": out, "anyway": anyway, "dataset": dataset, "plugins": plugins}
        return train_further(path, epochs, progress=progress, **given)
    if out is not None:
        raise RecipeError("out is for a new run, which epochs makes; a run is continued in its own folder.")
    saved = SavedPlan.read(path)
    if saved.seeds is not None or saved.folds is not None:
        refuse_several("resume of several seeds or folds")
    if saved.seeds is not None:
        from textforge.runs.seeds import resume_seeds

        return resume_seeds(path, anyway=anyway, dataset=dataset, plugins=plugins, progress=progress, on=on)
    if saved.folds is not None:
        from textforge.runs.cross_validation import resume_folds

        return resume_folds(path, anyway=anyway, dataset=dataset, plugins=plugins, progress=progress, on=on)
    _refuse_executor(on)
    from textforge.runs.resumed_run import resume_run

    return resume_run(path, anyway=anyway, dataset=dataset, plugins=plugins, progress=progress)


def _refuse_executor(on: str | Part | None) -> None:
    if on is not None:
        raise RecipeError("an executor carries out several seeds or folds; one run is continued here. Leave it out.")


def refuse_nothing_to_continue(path: Path, *, further: bool = False) -> None:
    """Refuse a folder without anything unfinished, or, to train it further, without a finished run.

    Raises:
        BundleError: there is none at `path`, or it was made by a version of textforge without checkpoints.
        RecipeError: it is finished.
    """
    if run_folder.can_continue(path):
        if further:
            first = run_folder.how_to_continue(path)
            raise RecipeError(f"{path}: is not finished, so it cannot be trained further yet; first {first}")
        return
    if further and run_folder.is_finished(path):
        return
    if any((path / last).is_file() for last in (run_folder.RESULT, run_folder.SEEDS, run_folder.FOLDS)):
        advice = " --epochs N trains it further." if run_folder.is_finished(path) else ""
        raise RecipeError(f"{path}: this run is finished, so there is nothing to continue.{advice}")
    run_folder.bundle_folder(path)  # raises, unless it is a bundle
    raise BundleError(f"{path}: a bundle, not a run, so there is nothing to continue.")
