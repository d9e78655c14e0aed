"""Train a finished run further, as a new run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textforge.components.manager import PluginManager
from textforge.components.part import Part
from textforge.errors import BundleError, RecipeError
from textforge.recipes.init_from import InitFrom
from textforge.runs import folder as run_folder
from textforge.runs.baseline import load_baseline
from textforge.runs.checkpoints import saved_checkpoints
from textforge.runs.plan import RunPlan, given_part
from textforge.runs.progress import Progress
from textforge.runs.resuming import Resuming, Saved, read_recipe
from textforge.runs.runner import Run, begin, start_of
from textforge.runs.saved_plan import SavedPlan

if TYPE_CHECKING:
    from textforge.data.dataset import Dataset
    from textforge.training.trainer import Trainer


class Further(Resuming):
    """How a new run goes on after a finished one; the arguments are those of `Reference`.

    With a checkpoint of its end, the new run is the one that would have been planned longer from the beginning, bit
    for bit. Without one, or if a scheduler has planned for the end, it begins with the weights of the finished run.
    """

    def __init__(self, path: Path, *, anyway: bool, changed: list[str], last: Path | None) -> None:
        super().__init__(path, anyway=anyway, changed=changed)
        self._last = last

    def described(self) -> dict[str, Any]:
        """What result.json says of this."""
        return {"continues": {"run": str(self._path), "checkpoint": self.checkpoint, "changed": self.changed}}

    def restore(self, plan: RunPlan, trainer: Trainer) -> None:
        """Load the state of the end of the finished run, and save it in the new one, which then needs no other."""
        from textforge.classifiers.checkpoints.folder import read_checkpoint

        assert plan.checkpoints is not None
        if self._last is None:
            plan.progress.stage(f"continuing {self._path} from its weights; the optimizer begins anew")
            return
        saved = Saved.of(self._last.name, read_checkpoint(self._last))
        done = len(saved.trainer["history"])
        steering = {
            "epochs": plan.recipe.trainer.epochs, "patient_since": done, "stop": None, "stops_after_step": False,
        }  # fmt: skip
        self._load(plan, trainer, replace(saved, trainer={**saved.trainer, "steering": steering}))
        plan.checkpoints.write()
        plan.progress.stage(f"continuing {self._path} after epoch {done}")


def train_further(
    path: Path,
    epochs: int,
    *,
    out: str | Path | None = None,
    anyway: bool = False,
    dataset: Dataset | Part | None = None,
    plugins: PluginManager | None = None,
    progress: Progress | None = None,
) -> Run:
    """Train the finished run at `path` further, as a new run.

    Args:
        path: the folder of the finished run.
        epochs: the number of epochs of both together.
        out: the new folder. Defaults to `runs/<recipe name>/<UTC time>-<id>`.
        anyway, dataset, plugins, progress: as for `resume`.

    Raises:
        RecipeError: the run has so many epochs already, or its model fits itself; or something has changed.
        BundleError: there is no finished run at `path`, or a file of it is damaged.
        TextforgeError: or a subclass, as `run` does.
    """
    done = run_folder.read_result(path).get("epochs")
    if type(done) is not int:
        raise BundleError(f"{path}: its {run_folder.RESULT} is damaged: it does not say how many epochs the run had.")
    if isinstance(epochs, bool) or not isinstance(epochs, int) or epochs <= done:
        raise RecipeError(f"{path}: has {done} epochs already; give a larger number of epochs, not {epochs!r}.")
    saved = SavedPlan.read(path)
    recipe, changed = read_recipe(path, saved, plugins=plugins, dataset=given_part(dataset))
    if recipe.model.fits_itself:
        raise RecipeError(f"{path}: {recipe.model.label} fits itself, so it has no epochs to add.")
    ends = [one for one in saved_checkpoints(path) if one.name == f"epoch-{done}-end"]
    last = ends[0] if ends and recipe.scheduler is None else None
    further = Further(path, anyway=anyway, changed=changed, last=last)
    further.refuse_other_environment(recipe)
    if last is None:
        recipe = replace(recipe, init_from=InitFrom(run=path.absolute()))
    trainer = replace(recipe.trainer, epochs=epochs if last is not None else epochs - done)
    overrides = {**recipe.overrides, "trainer.epochs": trainer.epochs}
    recipe = replace(recipe, trainer=trainer, overrides=overrides)
    start, existed = start_of(recipe, plugins), out is not None and Path(out).is_dir()
    folder = run_folder.create_run_folder(recipe.name, out)
    baseline = load_baseline(plugins) if saved.baseline else None
    plan = RunPlan(
        recipe, folder, progress or Progress(), saved.probabilities, start, baseline=baseline, resuming=further
    )
    return begin(plan, keep_folder=existed)
