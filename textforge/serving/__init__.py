"""Serving: a classifier over HTTP. Requests that arrive together are computed together.

`app` is the ASGI application, for any ASGI server or to mount in another application; `textforge serve` runs it.
"""

from typing import TYPE_CHECKING, Any

from textforge import lazy

if TYPE_CHECKING:
    from textforge.serving.access_log import AccessLog as AccessLog
    from textforge.serving.application import Application as Application, app as app
    from textforge.serving.limits import Limits as Limits
    from textforge.serving.settings import Settings as Settings

_names, _get, _dir = lazy(
    __name__,
    {
        "AccessLog": "access_log",
        "Application": "application",
        "Limits": "limits",
        "Settings": "settings",
        "app": "application",
    },
)
__all__ = [*_names]  # noqa: PLE0604  (names, by construction)


def __getattr__(name: str) -> Any:
    return _get(name)


def __dir__() -> list[str]:
    return _dir()
