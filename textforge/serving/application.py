"""The ASGI application: paths, methods, errors as JSON, and a count and a log of requests."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textforge.errors import did_you_mean
from textforge.serving.access import ApiKey, Cors
from textforge.serving.asked import found_model
from textforge.serving.computing import Computing
from textforge.serving.explaining import explain
from textforge.serving.http import (
    RETRY_AFTER,
    Answer,
    BodyBudget,
    Disconnected,
    HttpError,
    Receive,
    Request,
    Send,
    json_answer,
    send_answer,
)
from textforge.serving.limits import Limits
from textforge.serving.metrics import OTHER, Metrics
from textforge.serving.models import Models, served
from textforge.serving.openapi import described
from textforge.serving.predict_table import TablePredictions
from textforge.serving.predicting import predict
from textforge.serving.settings import Settings
from textforge.serving.static_page import StaticPage
from textforge.serving.stopping import Stopping

if TYPE_CHECKING:
    from textforge.classifiers.classifier import Classifier

Endpoint = Callable[[Request], Awaitable[Answer]]
READING = ("GET", "HEAD")
OPEN = ("/healthz", "/readyz", "/openapi.json")
"""Paths that need no API key, beside the page."""
GONE = 499
"""Status in the log of a request whose client went away, as nginx has it."""
log: logging.Logger = logging.getLogger("textforge.serving")


def app(
    models: str | Path | Classifier | Mapping[str, str | Path | Classifier],
    *,
    settings: Settings | None = None,
    device: str = "cpu",
) -> Application:
    """Return an ASGI application that answers with one or several classifiers.

    Args:
        models: the path of a run or bundle, or a classifier; or several of them by name.
        settings: limits, API key, CORS and access log.
        device: 'cpu', 'cuda' or 'auto', for paths.

    Raises:
        BundleError: there is no finished run or bundle at a path, or it is damaged.
        RecipeError: the device is not available, or a setting is wrong.
    """
    named = [*models.items()] if isinstance(models, Mapping) else [(None, models)]
    return Application(Models([served(one, name, device=device) for name, one in named]), settings)


class Application:
    """The ASGI application; `app` makes one.

    Args:
        models: the models to serve.
        settings: limits, API key, CORS and access log.

    Raises:
        RecipeError: a setting is wrong.
    """

    def __init__(self, models: Models, settings: Settings | None = None) -> None:
        settings = settings or Settings()
        self.models: Models = models
        self.settings: Settings = settings
        self.limits: Limits = settings.limits
        self.computing: Computing = Computing(self.limits)
        self.stopping: Stopping = Stopping()
        self.metrics: Metrics = Metrics()
        self.metrics.watch_queue("predicting", lambda: self.computing.predicting.texts_waiting)
        self.metrics.watch_queue("explaining", lambda: self.computing.explaining.texts_waiting)
        self.computing.predicting.on_batch = self.metrics.on_batch
        self._budget = BodyBudget(self.limits.max_bodies)
        self._key = None if settings.api_key is None else ApiKey(settings.api_key)
        self._cors = Cors(settings.cors) if settings.cors else None
        self._page = StaticPage()
        self._tables = TablePredictions(self.models, self.limits)
        self._background: list[Callable[[], Awaitable[None]]] = []
        self._routes: dict[str, tuple[tuple[str, ...], Endpoint]] = {
            "/predict": (("POST",), self._predict),
            "/predict/table": (("POST",), self._tables.answer),
            "/explain": (("POST",), self._explain),
            "/models": (READING, self._list_models),
            "/card": (READING, self._card),
            "/metrics": (READING, self._show_metrics),
            "/healthz": (READING, self._health),
            "/readyz": (READING, self._ready),
            "/openapi.json": (READING, self._openapi),
        }

    def in_background(self, work: Callable[[], Awaitable[None]]) -> None:
        """Run a coroutine function from the start of the server to its end."""
        self._background.append(work)

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._http(Request(scope, receive, self.limits, self._budget), send)
        elif scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        else:
            await send({"type": "websocket.close", "code": 1000})

    async def _http(self, request: Request, send: Send) -> None:
        began = time.perf_counter()
        request.stopping = self.stopping
        head = request.scope["method"] == "HEAD"
        path, status = OTHER, GONE
        try:
            path, answer = await self._answer(request)
            if self._cors is not None:
                answer = replace(answer, headers={**answer.headers, **self._cors.headers(request)})
            await send_answer(answer, send, head=head)
            status = answer.status
        except Disconnected:
            pass
        finally:
            request.release()
            seconds = time.perf_counter() - began
            self.metrics.request(path, status, seconds)
            if request.texts and status == 200:
                self.metrics.answered(request.model.rpartition("@")[0], request.texts)
            if self.settings.access_log is not None:
                self._log(request, status, seconds)

    async def _answer(self, request: Request) -> tuple[str, Answer]:
        """Return the path for the metrics, and the answer; errors become answers."""
        path = OTHER
        try:
            path, methods, endpoint = self._route(request.path)
            allow = ", ".join((*methods, "OPTIONS"))
            if self._cors is not None and (answer := self._cors.preflight(request, allow)):
                return path, answer
            if self._key is not None and endpoint != self._file and path not in OPEN:
                self._key.check(request)
            method = request.scope["method"]
            if method not in methods:
                if method == "OPTIONS":
                    return path, Answer(b"", 204, headers={"allow": allow})
                raise HttpError(405, f"{path} takes {allow}, not {method[:40]}.", headers={"allow": allow})
            return path, await endpoint(request)
        except HttpError as error:
            return path, error.answer()
        except Disconnected:
            raise
        except Exception:
            log.exception("a request failed")
            return path, HttpError(500, "the server failed; its log says why.").answer()

    def _route(self, path: str) -> tuple[str, tuple[str, ...], Endpoint]:
        if (route := self._routes.get(path)) is not None:
            return path, *route
        if path in self._page:
            return "/" if path == "/" else "/*", READING, self._file
        if self._key is not None:  # say nothing of the paths
            raise HttpError(404, "no such path.")
        raise HttpError(404, f"no path '{path[:80]}'.{did_you_mean(path, self._routes)} See /openapi.json.")

    async def _predict(self, request: Request) -> Answer:
        return await predict(request, self.models, self.computing)

    async def _explain(self, request: Request) -> Answer:
        return await explain(request, self.models, self.computing)

    async def _list_models(self, request: Request) -> Answer:
        request.refuse_query()
        default = self.models.default
        return json_answer({"default": default and default.name, "models": [one.as_json() for one in self.models]})

    async def _card(self, request: Request) -> Answer:
        model = found_model(self.models, request.query(("model",)).get("model"))
        if model.card is None:
            raise HttpError(404, f"model '{model.name}' has no card. 'textforge card RUN' writes one.")
        request.refuse_other_accept("text/markdown")
        return Answer(model.card.encode(), media_type="text/markdown; charset=utf-8")

    async def _show_metrics(self, request: Request) -> Answer:
        self.metrics.served([(one.name, one.version) for one in self.models])
        return self.metrics.answer()

    async def _health(self, request: Request) -> Answer:
        return json_answer({"status": "ok"})

    async def _ready(self, request: Request) -> Answer:
        why = (
            "is stopping" if self.stopping.begun
            else "has no model yet" if not len(self.models)
            else "computes for too long" if self.computing.stuck
            else ""
        )  # fmt: skip
        if why:
            raise HttpError(503, f"the server {why}.", headers=RETRY_AFTER)
        return json_answer({"status": "ready"})

    async def _openapi(self, request: Request) -> Answer:
        return json_answer(described(self.limits, key=self._key is not None))

    async def _file(self, request: Request) -> Answer:
        return self._page.answer(request, request.path)

    def _log(self, request: Request, status: int, seconds: float) -> None:
        scope, access_log = request.scope, self.settings.access_log
        assert access_log is not None
        entry: dict[str, Any] = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "client": (scope.get("client") or ("",))[0],
            "method": scope["method"], "path": request.path[:200], "status": status, "seconds": round(seconds, 6),
        }  # fmt: skip
        if request.model:
            entry |= {"model": request.model, "n_texts": request.texts}
        if access_log.texts and request.seen:
            entry["texts"] = request.seen
        access_log.write(entry)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        tasks: list[asyncio.Future[None]] = []
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                tasks = [asyncio.ensure_future(work()) for work in self._background]
                await send({"type": "lifespan.startup.complete"})
            else:
                for task in tasks:
                    task.cancel()
                self.computing.close()
                self._tables.close()
                await send({"type": "lifespan.shutdown.complete"})
                return
