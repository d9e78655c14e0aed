"""Load new and replaced bundles beside the current ones, and swap them without losing a request."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from textforge.errors import BundleError, TextforgeError
from textforge.serving.metrics import Metrics
from textforge.serving.models import Models, ServedModel, load_model
from textforge.serving.sources import Candidate, Signature, Source

EVERY = 1.0
"""Seconds between two looks."""
log: logging.Logger = logging.getLogger("textforge.serving")


@dataclass
class Current:
    """The model that serves a name of a source."""

    model: ServedModel
    signature: Signature


class Loader:
    """Load the models of sources, once or whenever they change.

    Args:
        sources: where models come from.
        models: the models of the server.
        device: 'cpu', 'cuda' or 'auto'.
        report: called with a sentence about each model that was loaded again, or could not be.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        models: Models,
        *,
        device: str = "cpu",
        report: Callable[[str], None] = log.info,
    ) -> None:
        self._sources, self._models, self._device, self._report = sources, models, device, report
        self._current: dict[tuple[Source, str], Current] = {}
        self._refused: dict[tuple[Source, str], Signature] = {}
        self._seen: dict[tuple[Source, str], Signature] = {}

    def load_all(self, *, may_be_empty: bool = False) -> None:
        """Load the models of all sources.

        Args:
            may_be_empty: whether a source may be a folder that has none yet.

        Raises:
            BundleError: a source has none, or one is damaged.
            RecipeError: the device is not available.
        """
        for source in self._sources:
            for found in source.candidates(may_be_empty=may_be_empty):
                model = load_model(found.path, found.name, device=self._device)
                self._models.add(model)
                self._current[source, found.name] = Current(model, found.signature)

    async def watch(self, metrics: Metrics) -> None:
        """Look for changes until cancelled.

        Args:
            metrics: counts models that were loaded again.
        """
        while True:
            await asyncio.sleep(EVERY)
            try:
                for source, found in await asyncio.to_thread(self._changed):
                    await self._swap(source, found, metrics)
            except Exception:
                log.exception("looking for changed models failed")

    async def _swap(self, source: Source, found: Candidate, metrics: Metrics) -> None:
        """Load a candidate in a thread, and put it in the place of the current model if it is sound."""
        key, current = (source, found.name), self._current.get((source, found.name))
        try:
            model = await asyncio.to_thread(load_model, found.path, found.name, device=self._device)
        except TextforgeError as error:
            self._refused[key] = found.signature
            metrics.reloads.labels("failed").inc()
            stays = f" Version {current.model.version} stays." if current else ""
            self._report(f"model '{found.name}' was not loaded: {error}{stays}")
            return
        self._refused.pop(key, None)
        self._current[key] = Current(model, found.signature)
        if current is not None and current.model.version == model.version:
            return  # the same files, written again
        self._models.add(model, instead_of=current.model if current else None)
        metrics.reloads.labels("loaded").inc()
        before = f" in place of version {current.model.version}" if current else ""
        self._report(f"model '{model.name}': version {model.version} of {found.path} is served{before}.")

    def _changed(self) -> list[tuple[Source, Candidate]]:
        """Candidates that are new or changed, and did not change between the last two looks."""
        changed = []
        for source in self._sources:
            try:
                candidates = source.candidates(may_be_empty=True)
            except BundleError:  # gone, or being replaced; the model in memory stays
                continue
            for found in candidates:
                key, current = (source, found.name), self._current.get((source, found.name))
                settled = self._seen.get(key) == found.signature
                self._seen[key] = found.signature
                known = (current and current.signature, self._refused.get(key))
                if settled and found.signature not in known:
                    changed.append((source, found))
        return changed
