"""Runs of one recipe with several seeds, which show how much the results depend on the seed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textforge.classifiers.storage import write_json
from textforge.classifiers.streams.probabilities import MOST as MOST_LABELS, as_limit
from textforge.components.manager import PluginManager
from textforge.components.settings import MAX_SEED
from textforge.errors import RecipeError
from textforge.recipes.recipe import load_recipe
from textforge.runs import folder as run_folder
from textforge.runs.plan import given_part
from textforge.runs.progress import Progress, refuse_stopped
from textforge.runs.runner import run
from textforge.runs.summary import mean_baselines, shown_summary, summarize

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
) -> Repeats:
    """Run a recipe once per seed, each run in its own folder and with the same results as if it were run alone.

    Args:
        recipe: path of a YAML file, or the recipe as a dict.
        seeds: distinct integers from 0 to `MAX_SEED`.
        overrides, dataset, plugins, progress, probabilities, baseline: as for `run`.
        out: the parent folder of the run folders. Defaults to `runs/<recipe name>/<UTC time>-<id>`.

    Raises:
        TextforgeError: a run failed; the runs that finished before it are kept.
    """
    seeds = _validate_seeds(seeds)
    checked = load_recipe(recipe, overrides=overrides, plugins=plugins, dataset=given_part(dataset))
    if "seed" in checked.overrides:
        raise RecipeError("the seed is overridden, and seeds are given, too. Leave one of them out.")
    as_limit(probabilities)  # raises before a folder is created
    progress = progress or Progress()
    common: dict[str, Any] = {"plugins": plugins, "progress": progress}
    common |= {"probabilities": probabilities, "baseline": baseline}
    given = out is not None and Path(out).is_dir()
    path = run_folder.create_run_folder(checked.name, out)
    done: list[dict[str, Any]] = []
    try:
        for number, seed in enumerate(seeds, start=1):
            progress.stage(f"seed {seed} ({number} of {len(seeds)})")
            seeded = replace(checked, seed=seed, overrides={**checked.overrides, "seed": seed})
            folder = path / f"seed-{seed}"
            done.append(run(seeded, out=folder, **common).result)
            if done[-1]["stopped"]:
                refuse_stopped(progress, "seeds")
    except (Exception, KeyboardInterrupt) as error:
        if done:
            error.add_note(f"{len(done)} of {len(seeds)} runs are done, in {path}.")
        elif not given:
            with suppress(OSError):  # not empty: it contains an unfinished run
                path.rmdir()
        raise
    split = "test" if done[0]["test"] else "valid"
    figures = [one[split] for one in done]
    result = {
        "recipe": checked.name,
        "seeds": list(seeds),
        "overrides": checked.overrides,
        "runs": [f"seed-{seed}" for seed in seeds],
        "split": split if figures[0] else None,
        "figures": summarize(figures) if figures[0] else {},
        "baselines": mean_baselines([one["baselines"] for one in done]),
        "seconds": {"total": round(sum(one["seconds"]["total"] for one in done), 3)},
    }
    write_json(path / run_folder.SEEDS, result)
    return Repeats(path, result)


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
