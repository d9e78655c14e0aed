"""Runs of one recipe with several seeds, which show how much the results depend on the seed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textforge.classifiers.storage import write_json, write_text
from textforge.classifiers.streams.probabilities import MOST as MOST_LABELS, as_limit
from textforge.components.manager import PluginManager
from textforge.components.part import Part
from textforge.components.settings import MAX_SEED
from textforge.errors import RecipeError
from textforge.errors.temporaries import sweep_all
from textforge.recipes.given_data import GIVEN, LoadedPart
from textforge.recipes.recipe import Recipe, load_recipe
from textforge.runs import folder as run_folder
from textforge.runs.baseline import load_baseline
from textforge.runs.failures import FAILS_AGAIN, clear_folder
from textforge.runs.interruption import interruption_of
from textforge.runs.lock import locked
from textforge.runs.plan import RunPlan, given_part
from textforge.runs.progress import Progress, refuse_stopped
from textforge.runs.resumed_run import resume_run
from textforge.runs.resuming import Reference, read_recipe, refuse_changes
from textforge.runs.runner import Run, begin, start_of
from textforge.runs.saved_plan import SavedPlan
from textforge.runs.summary import mean_baselines, shown_summary, summarize
from textforge.runs.tasks import executor_part, results_of

if TYPE_CHECKING:
    from textforge.data.dataset import Dataset

MOST = 1000
"""Maximum number of seeds in `--seeds`."""


@dataclass(frozen=True)
class Repeats:
    """Finished runs of one recipe that differ only in the seed."""

    path: Path
    """The folder that contains the run folders, `seed-0`, `seed-1`, …"""
    result: dict[str, Any]
    """The content of seeds.json."""

    def __repr__(self) -> str:
        return f"<Repeats {self.path}: {shown_summary(self.result, 'seeds')}>"


def run_seeds(
    recipe: str | Path | Mapping[str, Any],
    seeds: Sequence[int],
    *,
    overrides: Mapping[str, Any] | Iterable[str] = (),
    dataset: Dataset | None = None,
    out: str | Path | None = None,
    plugins: PluginManager | None = None,
    progress: Progress | None = None,
    probabilities: int | str = MOST_LABELS,
    baseline: bool = False,
    on: str | Part | None = None,
) -> Repeats:
    """Run a recipe once per seed, each run in its own folder and with the same results as if it were run alone.

    Args:
        recipe: path of a YAML file, or the recipe as a dict.
        seeds: distinct integers from 0 to `MAX_SEED`.
        overrides, dataset, plugins, progress, probabilities, baseline: as for `run`.
        out: the parent folder of the run folders. Defaults to `runs/<recipe name>/<UTC time>-<id>`.
        on: the executor that carries out the runs, a name or a part. By default they run here, one after another.

    Raises:
        TextforgeError: a run failed; the runs that finished before it are kept.
    """
    seeds, executor = _validate_seeds(seeds), executor_part(on, plugins)
    checked = load_recipe(recipe, overrides=overrides, plugins=plugins, dataset=given_part(dataset))
    if "seed" in checked.overrides:
        raise RecipeError("the seed is overridden, and seeds are given, too. Leave one of them out.")
    plan = SavedPlan.of(
        checked, as_limit(probabilities), baseline=baseline, seeds=seeds, text=checked.text
    )  # which raises before a folder is created
    given = out is not None and Path(out).is_dir()
    path = run_folder.create_run_folder(checked.name, out)
    write_text(path / run_folder.RESOLVED, checked.resolved_yaml())
    plan.write(path)
    progress = progress or Progress()
    several = Several(checked, path, plan, plugins, progress, executor=executor)
    advising = interruption_of(progress).advising(run_folder.how_to_continue(path))
    with locked(path), several.noting(keep_folder=given), advising:
        return several.carry_out()


def resume_seeds(
    path: Path,
    *,
    anyway: bool = False,
    dataset: Dataset | Part | None = None,
    plugins: PluginManager | None = None,
    progress: Progress | None = None,
    on: str | Part | None = None,
) -> Repeats:
    """Continue the runs of several seeds; the arguments are those of `resume`."""
    executor = executor_part(on, plugins)
    plan = SavedPlan.read(path)
    recipe, changed = read_recipe(path, plan, plugins=plugins, dataset=given_part(dataset))
    refuse_changes(path, changed, anyway=anyway)
    progress = progress or Progress()
    several = Several(recipe, path, plan, plugins, progress, anyway=anyway, executor=executor)
    advising = interruption_of(progress).advising(run_folder.how_to_continue(path))
    with locked(path), several.noting(keep_folder=True), advising:
        sweep_all(path)
        several.refuse_changes()
        return several.carry_out()


class Several:
    """The runs of one recipe with several seeds.

    Args:
        recipe: the recipe, with any seed.
        path: the folder of the run folders.
        plan: the seeds, and how each run is started.
        plugins, progress: as for `run`.
        anyway: continue even if something has changed.
        executor: carries out the runs; None to run them here.
    """

    def __init__(
        self,
        recipe: Recipe,
        path: Path,
        plan: SavedPlan,
        plugins: PluginManager | None,
        progress: Progress,
        *,
        anyway: bool = False,
        executor: Part | None = None,
    ) -> None:
        self._recipe, self._path, self._plan = recipe, path, plan
        self._plugins, self._progress, self._anyway = plugins, progress, anyway
        self._executor = executor
        self._seeds = plan.seeds or []
        self._done: dict[int, dict[str, Any]] = {}
        """The result of each seed that is done."""

    def carry_out(self) -> Repeats:
        """Run each seed that is not done, and continue one that was stopped."""
        for seed in self._seeds:
            if run_folder.is_finished(self._folder(seed)):
                self._keep(seed, run_folder.read_result(self._folder(seed)))
        if self._executor is not None:
            self._run_elsewhere(self._executor)
        for number, seed in enumerate(self._seeds, start=1):
            if seed not in self._done:
                self._progress.stage(f"seed {seed} ({number} of {len(self._seeds)})")
                self._keep(seed, self.run(seed, self._folder(seed)).result)
        return self._summarized()

    def _folder(self, seed: int) -> Path:
        return self._path / f"seed-{seed}"

    def _keep(self, seed: int, result: dict[str, Any]) -> None:
        self._done[seed] = result
        if result["stopped"]:
            refuse_stopped(self._progress, "seeds")

    def _run_elsewhere(self, executor: Part) -> None:
        """Let the executor carry out each run that is not done."""
        from textforge.runs.seed_tasks import SeedTasks

        waiting = [seed for seed in self._seeds if seed not in self._done]
        if not waiting:
            return
        tasks = SeedTasks(self._recipe, self._path, self._plan, self._plugins, anyway=self._anyway)
        with results_of(executor, tasks.of(waiting, self._progress), self._progress) as results:
            for task, seed in results:
                self._progress.stage(f"{task.name} is done ({len(self._done) + 1} of {len(self._seeds)})")
                self._keep(seed, run_folder.read_result(self._folder(seed)))

    def run(self, seed: int, folder: Path) -> Run:
        """Run one seed in its folder, or continue it."""
        dataset = self._recipe.dataset
        if run_folder.can_continue(folder):
            given: Part | None = dataset if isinstance(dataset, LoadedPart) else None
            if dataset.component.name == GIVEN:
                given = given_part(dataset.build({}))
            return resume_run(
                folder, anyway=self._anyway, dataset=given, plugins=self._plugins, progress=self._progress,
                within=self._path,
            )  # fmt: skip
        if folder.is_dir():  # killed before the run could begin
            clear_folder(folder, keep_folder=True)
        recipe = replace(self._recipe, seed=seed, overrides={**self._recipe.overrides, "seed": seed})
        path = run_folder.create_run_folder(recipe.name, folder)
        baseline = load_baseline(self._plugins) if self._plan.baseline else None
        start, limit = start_of(recipe, self._plugins), self._plan.probabilities
        plan = RunPlan(recipe, path, self._progress, limit, start, baseline=baseline, within=self._path)
        return begin(plan, keep_folder=False)

    def refuse_changes(self) -> None:
        """Refuse other data or another machine than those of the first seed, by its environment.json.

        Raises:
            RecipeError: something has changed, and `anyway` is False.
        """
        from textforge.data.dataset import as_dataset

        begun = [seed for seed in self._seeds if (self._path / f"seed-{seed}" / run_folder.ENVIRONMENT).is_file()]
        if begun:
            reference = Reference(self._path / f"seed-{begun[0]}", anyway=self._anyway)
            if self._executor is None:  # else each task compares that of its machine
                reference.refuse_other_environment(self._recipe)
            self._progress.stage(f"loading {self._recipe.dataset.label}")
            dataset = as_dataset(self._recipe.dataset, begun[0])  # which a seed may split
            reference.refuse_other_data({"data": {"sha256": dataset.fingerprint()}})

    def _summarized(self) -> Repeats:
        done = [self._done[seed] for seed in self._seeds]
        split = "test" if done[0]["test"] else "valid"
        figures = [one[split] for one in done]
        result = {
            "recipe": self._plan.recipe,
            "seeds": self._seeds,
            "overrides": self._plan.overrides,
            "runs": [f"seed-{seed}" for seed in self._seeds],
            "split": split if figures[0] else None,
            "figures": summarize(figures) if figures[0] else {},
            "baselines": mean_baselines([one["baselines"] for one in done]),
            "seconds": {"total": round(sum(one["seconds"]["total"] for one in done), 3)},
        }
        write_json(self._path / run_folder.SEEDS, result)
        return Repeats(self._path, result)

    @contextmanager
    def noting(self, *, keep_folder: bool) -> Iterator[None]:
        """Add a note to an error that says what is done, and how to continue; remove a folder in which nothing is."""
        try:
            yield
        except (Exception, KeyboardInterrupt) as error:
            if self._done:
                note, again = f"{len(self._done)} of {len(self._seeds)} runs are done, in {self._path}", ""
                if not isinstance(error, FAILS_AGAIN) and not _advised(error):
                    again = f"; {run_folder.how_to_continue(self._path)}"
                error.add_note(f"{note}{again or '.'}")
            elif not any(path.is_dir() for path in self._path.iterdir()):
                for file in (run_folder.PLAN, run_folder.RESOLVED):
                    (self._path / file).unlink(missing_ok=True)
                with suppress(OSError):
                    if not keep_folder:
                        self._path.rmdir()
            raise


def _advised(error: BaseException) -> bool:
    """Whether a note says how to continue already."""
    return any("textforge resume" in note for note in getattr(error, "__notes__", ()))


def _validate_seeds(seeds: Any) -> list[int]:
    several = isinstance(seeds, Iterable) and not isinstance(seeds, str) and getattr(seeds, "ndim", 1) != 0
    found = list(seeds) if several else []
    for seed in found:
        if isinstance(seed, bool) or not isinstance(seed, Integral) or not 0 <= int(seed) <= MAX_SEED:
            raise RecipeError(f"a seed must be a whole number from 0 to {MAX_SEED}, not {seed!r}.")
    if not found or len(set(found)) != len(found):
        raise RecipeError("give different seeds, at least one, as in [0, 1, 2].")
    return [int(seed) for seed in found]


def read_seeds(text: str) -> list[int]:
    """Parse seeds from text such as `0-4`, `1,5,7` or `0-2,10`.

    Raises:
        RecipeError: the text is malformed, names a seed twice, or names more than `MOST` seeds.
    """
    wrong = RecipeError(f"--seeds {text}: give seeds as a range or a list, as in 0-4 or 1,5,7.")
    found: list[int] = []
    for part in text.split(","):
        first, dash, last = (piece.strip() for piece in part.partition("-"))
        if not all(piece.isdecimal() and len(piece) < 20 for piece in ((first, last) if dash else (first,))):
            raise wrong
        low, high = int(first), int(last or first)
        if low > high or high > MAX_SEED:
            raise wrong
        if len(found) + high - low >= MOST:
            raise RecipeError(f"--seeds {text}: at most {MOST} seeds at a time.")
        found += range(low, high + 1)
    if len(set(found)) != len(found):
        raise RecipeError(f"--seeds {text}: names a seed twice.")
    return found
