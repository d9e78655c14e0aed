"""The dataset section of a recipe whose data are given in code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from textforge.components.component import IN_CODE, Component
from textforge.components.kinds import KINDS
from textforge.components.part import Part

GIVEN = "given"
"""Name of the dataset in resolved.yaml; no component has it."""
NOT_HERE = "the data of this recipe were given in code, to textforge.run(recipe, dataset=…). Give them there again."
"""Error message where a recipe with such data is read again."""


@dataclass(frozen=True)
class _Given:
    """Data given in code."""

    data: Any
    streams: bool

    def __call__(self) -> Any:
        return self.data

    @property
    def brings_columns(self) -> Any:
        """The columns of the data with their kinds; None for anything but a `Dataset`."""
        return getattr(self.data, "columns", None)


def given_dataset(data: Any, *, streams: bool = False) -> Part:
    """A dataset part for data given in code.

    Args:
        data: the data, a `Dataset` when the part is built.
        streams: whether the training texts are a `Stream`.
    """
    return Part(Component(KINDS["dataset"], GIVEN, _Given(data, streams), IN_CODE))
