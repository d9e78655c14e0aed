"""The ASGI application: paths and methods, errors as JSON, and what is counted and logged of each request."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textforge.errors import did_you_mean
from textforge.serving.computing import Computing
from textforge.serving.explaining import explain
from textforge.serving.http import (
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
from textforge.serving.models import Models, served
from textforge.serving.predicting import predict
from textforge.serving.static_page import StaticPage

if TYPE_CHECKING:
    from textforge.classifiers.classifier import Classifier

Endpoint = Callable[[Request], Awaitable[Answer]]
READING = ("GET", "HEAD")
log = logging.getLogger("textforge.serving")


def app(
    models: str | Path | Classifier | Mapping[str, str | Path | Classifier],
    *,
    limits: Limits | None = None,
    device: str = "cpu",
) -> Application:
    """Return an ASGI application that answers with one or several classifiers.

    Args:
        models: the path of a run or bundle, or a classifier; or several of them by name.
        limits: what bounds its memory and time.
        device: 'cpu', 'cuda' or 'auto', for paths.

    Raises:
        BundleError: there is no finished run or bundle at a path, or it is damaged.
        RecipeError: the device is not available, or a limit is not a number above 0.
    """
    named: Mapping[str | None, Any] = {**models} if isinstance(models, Mapping) else {None: models}
    return Application(Models([served(one, name, device=device) for name, one in named.items()]), limits)


class Application:
    """The ASGI application of `textforge.serving.app`.

    Args:
        models: the models to serve.
        limits: the limits.
    """

    def __init__(self, models: Models, limits: Limits | None = None) -> None:
        self.models: Models = models
        self.limits: Limits = limits or Limits()
        self.computing: Computing = Computing(self.limits)
        self.budget: BodyBudget = BodyBudget(self.limits.max_bodies)
        self.stopping: bool = False
        self.page: StaticPage = StaticPage()
        self.routes: dict[str, tuple[tuple[str, ...], Endpoint]] = {
            "/predict": (("POST",), self._predict),
            "/explain": (("POST",), self._explain),
            "/models": (READING, self._list_models),
            "/card": (READING, self._card),
            "/healthz": (READING, self._health),
            "/readyz": (READING, self._ready),
        }

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        else:
            await send({"type": "websocket.close", "code": 1000})

    async def _http(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        request = Request(scope, receive, self.limits, self.budget)
        begun = False

        async def sending(message: Any) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await send_answer(await self._answer(request), sending, head=scope["method"] == "HEAD")
        except Disconnected:
            pass
        except HttpError as error:
            if begun:
                raise
            await send_answer(error.answer(), send, head=scope["method"] == "HEAD")
        except Exception:
            if begun:
                raise
            log.exception("a request failed")
            await send_answer(HttpError(500, "the server failed; its log says why.").answer(), send)
        finally:
            request.release()

    async def _answer(self, request: Request) -> Answer:
        scope = request.scope
        path = _path(scope)
        if (route := self.routes.get(path)) is None and path in self.page:
            route = (READING, self._page)
        if route is None:
            paths = [*self.routes]
            raise HttpError(404, f"no path '{path[:80]}'.{did_you_mean(path, paths)} The paths are in /openapi.json.")
        methods, endpoint = route
        if scope["method"] not in methods:
            allow = ", ".join((*methods, "OPTIONS"))
            if scope["method"] == "OPTIONS":
                return Answer(b"", status=204, headers={"allow": allow})
            raise HttpError(405, f"{path} takes {allow}, not {scope['method']}.", headers={"allow": allow})
        return await endpoint(request)

    async def _predict(self, request: Request) -> Answer:
        return await predict(request, self.models, self.computing)

    async def _explain(self, request: Request) -> Answer:
        return await explain(request, self.models, self.computing)

    async def _list_models(self, request: Request) -> Answer:
        request.query(())
        default = self.models.default
        return json_answer({"default": default and default.name, "models": [model.as_json() for model in self.models]})

    async def _card(self, request: Request) -> Answer:
        from textforge.serving.asked import found_model

        model = found_model(self.models, request.query(("model",)).get("model"))
        if model.card is None:
            raise HttpError(404, f"model '{model.name}' has no card.")
        return Answer(model.card.encode(), media_type="text/markdown; charset=utf-8")

    async def _health(self, request: Request) -> Answer:
        return json_answer({"status": "ok"})

    async def _ready(self, request: Request) -> Answer:
        if self.stopping or not len(self.models) or self.computing.stuck:
            why = "is stopping" if self.stopping else "computes for too long" if len(self.models) else "has no model"
            raise HttpError(503, f"the server {why}.", headers={"retry-after": "1"})
        return json_answer({"status": "ready"})

    async def _page(self, request: Request) -> Answer:
        return self.page.answer(request, _path(request.scope))

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await send({"type": "lifespan.startup.complete"})
            else:
                self.computing.close()
                await send({"type": "lifespan.shutdown.complete"})
                return


def _path(scope: Mapping[str, Any]) -> str:
    """The path below the place where the application is mounted."""
    found: str = scope["path"].removeprefix(scope.get("root_path", ""))
    return found or "/"
