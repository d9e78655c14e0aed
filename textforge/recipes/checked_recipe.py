"""A validated recipe."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from textforge.components.kinds import KINDS, LISTED, SECTIONS
from textforge.components.options import jsonable
from textforge.components.part import Part
from textforge.components.settings import FITTING, DecisionSettings, TrainerSettings
from textforge.recipes.given_data import loaded_part
from textforge.recipes.init_from import InitFrom
from textforge.recipes.tune_values import TuneSpace
from textforge.recipes.yaml12 import to_yaml


@dataclass(frozen=True)
class Recipe:
    """A validated recipe: every part is resolved, every option is valid, every default is filled in.

    Optimizer, scheduler and loss are None if the recipe does not have them or if the model fits itself.
    """

    name: str
    seed: int
    dataset: Part
    vectorizer: Part
    model: Part
    optimizer: Part | None
    scheduler: Part | None
    loss: Part | None
    trainer: TrainerSettings
    metrics: tuple[Part, ...] = ()
    callbacks: tuple[Part, ...] = ()
    decision: DecisionSettings = field(default_factory=DecisionSettings)
    init_from: InitFrom | None = None
    """The run or bundle whose classifier the training continues."""
    tune: TuneSpace | None = None
    """The values that `textforge tune` searches; a run ignores them."""
    warnings: tuple[str, ...] = ()
    """One sentence for each group of settings that the recipe has but the run ignores."""

    path: Path | None = None
    text: str = field(default="", repr=False)
    """Source text of the recipe file itself, without the recipes that it extends."""

    overrides: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def parts(self) -> dict[str, Part]:
        """The part of each kind, in the order of a run; metrics and callbacks, which are lists, are not included."""
        return {kind: part for kind in SECTIONS if (part := getattr(self, kind)) is not None}

    def listed(self, kind: str) -> tuple[Part, ...]:
        """The parts of a kind that a recipe lists: `metric` or `callback`."""
        parts: tuple[Part, ...] = getattr(self, KINDS[kind].many)
        return parts

    def resolved(self) -> dict[str, Any]:
        """The whole recipe as plain values: without `extends`, with every default, with absolute paths."""
        trainer = jsonable(asdict(self.trainer))
        if self.model.fits_itself:
            trainer = {name: trainer[name] for name in FITTING}
        lists = {KINDS[kind].many: [part.as_recipe() for part in self.listed(kind)] for kind in LISTED}
        return {
            "seed": self.seed,
            **({"init_from": jsonable(asdict(self.init_from))} if self.init_from else {}),
            **{kind: part.as_recipe() for kind, part in self.parts.items()},
            "trainer": trainer,
            **{many: parts for many, parts in lists.items() if parts},
            "decision": jsonable(asdict(self.decision)),
        }

    def with_data(self) -> Recipe:
        """This recipe with its texts in memory, for a machine without the files; a stream stays one.

        Raises:
            TextforgeError: or a subclass; the data cannot be loaded.
        """
        part = self.dataset
        return self if part.streams else replace(self, dataset=loaded_part(part, part.build({"seed": self.seed})))

    def resolved_yaml(self) -> str:
        """`resolved()` as YAML that reads back to the same values."""
        return to_yaml(self.resolved())
