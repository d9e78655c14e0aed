"""Continue a run that was stopped: what must be as it was, and how its state comes back."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textforge.classifiers.storage import write_text
from textforge.components.manager import PluginManager
from textforge.components.part import Part, part_name
from textforge.errors import BundleError, RecipeError, listed
from textforge.errors.temporaries import sweep_all
from textforge.recipes.recipe import Recipe, load_recipe
from textforge.recipes.yaml12 import to_yaml
from textforge.runs import folder as run_folder
from textforge.runs.checkpoints import saved_checkpoints
from textforge.runs.environment import environment_now
from textforge.runs.environment_changes import data_changes, environment_changes, read_environment
from textforge.runs.saved_plan import SavedPlan

if TYPE_CHECKING:
    from textforge.runs.plan import RunPlan
    from textforge.training.trainer import Trainer


class Reference:
    """An earlier run on whose data and machine another one must go on.

    Args:
        path: the folder of the earlier run.
        anyway: go on even if something has changed.
        changed: what has changed in the recipe.
    """

    def __init__(self, path: Path, *, anyway: bool, changed: Sequence[str] = ()) -> None:
        self._path, self._anyway = path, anyway
        self.changed: list[str] = [*changed]
        """What has changed since the run began, a phrase for each."""
        try:
            self._environment = read_environment(path)
        except BundleError:  # killed before it was written, so nothing is trained yet
            self._environment = {}

    def refuse_other_environment(self, recipe: Recipe) -> None:
        """Refuse other versions, threads or processors, before the data are loaded.

        Raises:
            RecipeError: something has changed, and `anyway` is False.
        """
        if self._environment:
            changes = environment_changes(self._environment, environment_now(self._environment, recipe))
            self._refuse([str(change) for change in changes if change.decisive])

    def refuse_other_data(self, described: Mapping[str, Any]) -> None:
        """Refuse other data.

        Raises:
            RecipeError: the data have changed, and `anyway` is False.
        """
        self._refuse(data_changes(self._environment, described) if self._environment else ())

    def _refuse(self, changes: Sequence[str]) -> None:
        self.changed += changes
        refuse_changes(self._path, self.changed, anyway=self._anyway)


class Resuming(Reference):
    """How a run is continued in its folder; the arguments are those of `Reference`."""

    checkpoint: str | None = None
    """The name of the checkpoint that the run continues from; None if it begins anew."""

    def described(self) -> dict[str, Any]:
        """What result.json says of this."""
        return {"resumed": {"checkpoint": self.checkpoint, "changed": self.changed}}

    def restore(self, plan: RunPlan, trainer: Trainer) -> None:
        """Bring back the state of the newest checkpoint that is not damaged; say so if there is none.

        Raises:
            RecipeError: the state cannot be restored exactly, and `anyway` is False.
        """
        assert plan.checkpoints is not None
        if plan.writes:
            _clear_leftovers(self._path)
        saved = None if trainer.fits_itself else self._saved(plan)
        if saved is None:
            why = f"{part_name(plan.recipe.model)} fits itself" if trainer.fits_itself else "it has no checkpoint"
            plan.progress.stage(f"{self._path}: {why}, so the run begins anew, with the same data and seed")
            if plan.writes:
                with suppress(OSError):
                    (self._path / run_folder.METRICS).unlink(missing_ok=True)
            return
        self._load(plan, trainer, saved)
        plan.checkpoints.saved_before(saved.name)
        plan.progress.stage(f"continuing from checkpoint {saved.name}, after {_place(saved.trainer)}")

    def _load(self, plan: RunPlan, trainer: Trainer, saved: Saved) -> None:
        """Give the run and its trainer the state of a checkpoint.

        Raises:
            RecipeError: the state cannot be restored exactly, and `anyway` is False.
        """
        assert plan.checkpoints is not None
        trainer.load_state_dict(saved.trainer)
        self._refuse([*_inexact(plan, trainer, saved)])
        if plan.writes:
            write_text(plan.path / run_folder.METRICS, "".join(saved.log))
        plan.checkpoints.restored(saved)
        plan.warnings.add(saved.warnings)
        plan.clock.carry("train", saved.seconds)
        self.checkpoint = saved.name

    def _saved(self, plan: RunPlan) -> Saved | None:
        """The newest checkpoint; several processes take that of the first."""
        if plan.workers is None:
            return self._newest(plan)

        def found() -> dict[str, Any]:
            newest = self._newest(plan)
            return {} if newest is None else {field.name: getattr(newest, field.name) for field in fields(newest)}

        values = plan.workers.state_from_first(found)
        return Saved(**values) if values else None

    def _newest(self, plan: RunPlan) -> Saved | None:
        """Read the newest checkpoint that is not damaged."""
        from textforge.classifiers.checkpoints.folder import read_checkpoint

        for path in saved_checkpoints(self._path):
            try:
                return Saved.of(path.name, read_checkpoint(path))
            except BundleError as error:
                plan.warnings.add([f"checkpoint {path.name} cannot be used, so the one before it is taken: {error}"])
        return None


@dataclass(frozen=True)
class Saved:
    """The content of a checkpoint of a run."""

    name: str
    trainer: dict[str, Any]
    callbacks: dict[str, Any]
    log: list[str]
    """The lines of metrics.jsonl."""
    warnings: list[str]
    seconds: float
    """Seconds of training so far."""
    vectorizer: str
    """SHA-256 of what the vectorizer had learned."""

    @classmethod
    def of(cls, name: str, state: Mapping[str, Any]) -> Saved:
        """Check the types of what was read.

        Raises:
            BundleError: something is missing or of another type.
        """
        run, found = state.get("run"), {key: state.get(key) for key in ("trainer", "callbacks")}
        types = {"log": list, "warnings": list, "seconds": float, "vectorizer": str}
        whole = isinstance(run, dict) and all(isinstance(run.get(key), kind) for key, kind in types.items())
        if not whole or not all(isinstance(value, dict) for value in found.values()):
            raise BundleError(f"{name}: not a checkpoint of a run: a part is missing.")
        assert isinstance(run, dict)
        if not all(isinstance(line, str) for line in (*run["log"], *run["warnings"])):
            raise BundleError(f"{name}: damaged: a line or a warning is not text.")
        return cls(name, found["trainer"], found["callbacks"], **{key: run[key] for key in types})  # type: ignore[arg-type]


def read_recipe(
    path: Path, saved: SavedPlan, *, plugins: PluginManager | None = None, dataset: Part | None = None
) -> tuple[Recipe, list[str]]:
    """Read the recipe of an unfinished run from its resolved.yaml.

    Returns:
        The recipe, under its own name, and what has changed in it.

    Raises:
        RecipeError: it is no longer valid, or its data were given in code and are not given now.
        BundleError: a file cannot be read.
    """
    resolved = path / run_folder.RESOLVED
    try:
        text = resolved.read_text(encoding="utf-8")
        written = (path / run_folder.RECIPE).read_text(encoding="utf-8") if saved.text is None else saved.text
    except (OSError, ValueError) as error:
        raise BundleError(f"{path}: its recipe cannot be read: {error}") from error
    recipe = load_recipe(resolved, plugins=plugins, dataset=dataset)
    changed = []
    if not saved.is_of(text):
        changed.append(f"the recipe ({run_folder.RESOLVED} was edited)")
    elif to_yaml(recipe.resolved()) != text:
        changed.append("the recipe (its parts have other options or defaults now)")
    return replace(recipe, name=saved.recipe, text=written, overrides=saved.overrides), changed


def _inexact(plan: RunPlan, trainer: Trainer, saved: Saved) -> list[str]:
    """What the checkpoint does not bring back exactly."""
    from textforge.classifiers.checkpoints.values import first_difference

    assert plan.checkpoints is not None
    found = []
    if saved.vectorizer != plan.checkpoints.vectorizer_digest():
        found.append(f"{part_name(plan.recipe.vectorizer)} has not learned the same from the texts")
    place = first_difference(saved.trainer, trainer.state_dict())
    if place is not None:
        found.append(f"the state that was saved is not the one that comes back ('{place}' differs)")
    return found


def _place(state: Mapping[str, Any]) -> str:
    progress = state["progress"]
    if progress is None:
        return f"epoch {len(state['history'])}"
    return f"step {progress['step']} of epoch {progress['epoch']}"


def _clear_leftovers(path: Path) -> None:
    """Delete what a run writes after training, and files that it had not finished."""
    for file in (run_folder.PREDICTIONS, run_folder.REPORT):
        with suppress(OSError):
            (path / file).unlink(missing_ok=True)
    shutil.rmtree(path / run_folder.MODEL, ignore_errors=True)
    for below in (path, path / run_folder.CHECKPOINTS):
        sweep_all(below)


def refuse_changes(path: Path, changed: Sequence[str], *, anyway: bool) -> None:
    """Refuse to continue if something has changed.

    Raises:
        RecipeError: something has, and `anyway` is False.
    """
    if changed and not anyway:
        raise RecipeError(
            f"{path} cannot be continued bit for bit, because this has changed since it began: {'; '.join(changed)}. "
            "Bring it back, or give --anyway (in code anyway=True) to continue with results that may differ."
        )


def changed_sentence(changed: Sequence[str]) -> list[str]:
    """A warning about what has changed, if the run continues anyway."""
    if not changed:
        return []
    return [f"continued although this has changed, so results may differ: {listed(changed, limit=20)}."]
