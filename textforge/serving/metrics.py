"""Figures for Prometheus, by its client library, in a registry of their own."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    exposition,
)

from textforge.serving.http import Answer

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
TEXTS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
OTHER = "other"
"""Path of requests for what is not there, so that they cannot add series."""


class Metrics:
    """The figures of an application."""

    def __init__(self) -> None:
        self.registry: CollectorRegistry = CollectorRegistry()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self.registry)
        own = self.registry
        self._requests = Counter("textforge_requests", "Requests.", ["path", "status"], registry=own)
        self._seconds = Histogram(
            "textforge_request_seconds", "Time from the head of a request to its answer.", ["path"],
            buckets=SECONDS, registry=own,
        )  # fmt: skip
        self._texts = Counter("textforge_texts", "Texts answered.", ["model"], registry=own)
        batch = Histogram("textforge_batch_texts", "Texts computed together.", buckets=TEXTS, registry=own)
        self.on_batch: Callable[[int], None] = batch.observe
        self.reloads: Counter = Counter("textforge_reloads", "Models loaded again.", ["outcome"], registry=own)
        """By outcome: 'loaded' or 'failed'."""
        self._models = Gauge("textforge_model", "Models served.", ["name", "version"], registry=own)
        self._children: dict[tuple[str, int], tuple[Counter, Histogram]] = {}
        self._texts_of: dict[str, Counter] = {}

    def request(self, path: str, status: int, seconds: float) -> None:
        """Count a request."""
        child = self._children.get((path, status))
        if child is None:
            child = (self._requests.labels(path, str(status)), self._seconds.labels(path))
            self._children[path, status] = child
        child[0].inc()
        child[1].observe(seconds)

    def answered(self, model: str, texts: int) -> None:
        """Count texts.

        Args:
            model: the name of the model.
            texts: their number.
        """
        if (child := self._texts_of.get(model)) is None:
            child = self._texts_of[model] = self._texts.labels(model)
        child.inc(texts)

    def watch_queue(self, name: str, waiting: Callable[[], float]) -> None:
        """Show the length of a queue."""
        Gauge(f"textforge_{name}_waiting", f"Texts that wait for {name}.", registry=self.registry).set_function(waiting)

    def served(self, models: list[tuple[str, str]]) -> None:
        """Show the names and versions of the models."""
        self._models.clear()
        for name, version in models:
            self._models.labels(name, version).set(1)

    def answer(self) -> Answer:
        """Answer with all figures as text."""
        return Answer(exposition.generate_latest(self.registry), media_type=exposition.CONTENT_TYPE_LATEST)
