"""What the worker threads compute: predictions as JSON, and explanations."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from textforge.classifiers.streams.predictions import answered
from textforge.errors import RecipeError, TextforgeError
from textforge.serving.batching import Batcher, Overloaded, TooSlow
from textforge.serving.http import RETRY_AFTER, Disconnected, HttpError
from textforge.serving.limits import Limits
from textforge.serving.models import ServedModel

Gone = Callable[[], Awaitable[None]] | None
Asked = tuple[ServedModel, int | None]
"""A model, and the number of most probable labels."""


class Computing:
    """The lanes of a server: one thread for predictions, one for explanations, so that neither waits for the other.

    Args:
        limits: sizes of batches and queues, and timeouts.
    """

    def __init__(self, limits: Limits) -> None:
        self.predicting: Batcher[Asked, str] = Batcher(
            _predictions,
            max_batch=limits.max_batch, max_wait=limits.max_wait, queue_size=limits.queue,
            timeout=limits.compute_timeout,
        )  # fmt: skip
        self.explaining: Batcher[tuple[ServedModel, tuple[Any, ...] | None], dict[str, Any]] = Batcher(
            _explanations, max_batch=1, queue_size=limits.explain_queue, timeout=limits.compute_timeout
        )

    async def predictions(self, model: ServedModel, texts: Sequence[str], limit: int | None, gone: Gone) -> list[str]:
        """Return the prediction of each text as JSON.

        Args:
            model: the model.
            texts: texts or rows; more than a batch are computed part by part, so that others get their turn.
            limit: number of most probable labels to give; None for all.
            gone: returns when the client has gone.

        Raises:
            HttpError: 500 or 503.
            Disconnected: the client has gone.
        """
        size = self.predicting.max_batch
        if len(texts) <= size:
            return await _answered(self.predicting.submit((model, limit), texts, gone))
        found: list[str] = []
        for start in range(0, len(texts), size):
            found += await _answered(self.predicting.submit((model, limit), texts[start : start + size], gone))
        return found

    async def explanation(
        self, model: ServedModel, text: str, labels: tuple[Any, ...] | None, gone: Gone
    ) -> dict[str, Any]:
        """Return the explanation of a text; see `predictions`."""
        found: list[dict[str, Any]] = await _answered(self.explaining.submit((model, labels), [text], gone))
        return found[0]

    @property
    def stuck(self) -> bool:
        """Whether a computation takes longer than anyone waits for it."""
        return self.predicting.stuck

    def close(self) -> None:
        """End the threads."""
        self.predicting.close()
        self.explaining.close()


def _predictions(asked: Asked, texts: list[str]) -> list[str]:
    model, limit = asked
    return [line for answers in answered(model.classifier, [texts], limit=limit) for line in answers.json_lines()]


def _explanations(asked: tuple[ServedModel, tuple[Any, ...] | None], texts: list[str]) -> list[dict[str, Any]]:
    from textforge.insight.explanations.texts import explain

    model, labels = asked
    return [one.as_json() for one in explain(model.classifier, texts, labels=labels)]


async def _answered(submitted: Awaitable[list[Any]]) -> list[Any]:
    """Await results; failures become errors of HTTP."""
    try:
        return await submitted
    except Overloaded:
        raise HttpError(503, "too many texts wait to be computed. Try again.", headers=RETRY_AFTER) from None
    except TooSlow:
        raise HttpError(503, "computing the answer took too long. Send less at once.", headers=RETRY_AFTER) from None
    except RecipeError as error:  # an unknown label
        raise HttpError(404, str(error)) from error
    except TextforgeError as error:
        raise HttpError(500, str(error)) from error
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        raise Disconnected from None
