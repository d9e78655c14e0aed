"""The dataset section of a recipe whose data are given in code."""

from __future__ import annotations

from collections.abc import Mapping
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


@dataclass(frozen=True, repr=False)
class LoadedPart(Part):
    """A dataset part whose data are loaded already; a run cannot tell it from the part that would load them."""

    data: Any = None

    def build(self, facts: Mapping[str, Any]) -> Any:
        """Return the data, whatever the facts are."""
        return self.data


def loaded_part(part: Part, data: Any) -> LoadedPart:
    """The same part with its data, which it would load with the facts at hand."""
    return LoadedPart(part.component, part.options, part.written_at, data)
