"""The file plan.json of a run folder: what `resume` must know besides the recipe."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from textforge.classifiers.storage import write_json
from textforge.errors import BundleError
from textforge.recipes.recipe import Recipe
from textforge.runs import folder as run_folder

FORMAT = 1


@dataclass(frozen=True)
class SavedPlan:
    """How a run, the runs of several seeds or a cross-validation was started."""

    recipe: str
    """The name of the recipe."""
    overrides: dict[str, Any]
    probabilities: int | None
    """Number of labels per text in predictions.jsonl; None for all."""
    baseline: bool
    resolved: str
    """SHA-256 of resolved.yaml."""
    seeds: list[int] | None = None
    """The seeds of several runs."""
    folds: int | None = None
    """The number of folds of a cross-validation."""
    text: str | None = None
    """The recipe as written; None if the folder has recipe.yaml."""

    @classmethod
    def of(cls, recipe: Recipe, limit: int | None, *, baseline: bool = False, **several: Any) -> Self:
        """The plan of a run; `several` has the other fields."""
        resolved = recipe.resolved_yaml()
        return cls(recipe.name, recipe.overrides, limit, baseline, _digest(resolved), **several)

    def write(self, run: Path) -> None:
        """Write plan.json, by which a folder counts as one to continue: after recipe.yaml and resolved.yaml."""
        write_json(run / run_folder.PLAN, {"format": FORMAT, **asdict(self)})

    @classmethod
    def read(cls, run: Path) -> Self:
        """Read the plan.json of a run folder.

        Raises:
            BundleError: it is missing, damaged or of an unknown format.
        """
        found = run_folder.read_object(run / run_folder.PLAN, f"{run}: its {run_folder.PLAN} is damaged")
        if found.pop("format", None) != FORMAT:
            raise BundleError(f"{run}: its {run_folder.PLAN} is not of format {FORMAT}, which this textforge reads.")
        types = {
            "recipe": str, "overrides": dict, "probabilities": int | None, "baseline": bool, "resolved": str,
            "seeds": list | None, "folds": int | None, "text": str | None,
        }  # fmt: skip
        whole = found.keys() == types.keys() and all(isinstance(found[name], kind) for name, kind in types.items())
        if not whole or not all(type(seed) is int for seed in found["seeds"] or ()):
            raise BundleError(f"{run}: its {run_folder.PLAN} is damaged: its keys or their types are wrong.")
        return cls(**found)

    def is_of(self, resolved: str) -> bool:
        """Whether this is the text of resolved.yaml that the run began with."""
        return _digest(resolved) == self.resolved


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
