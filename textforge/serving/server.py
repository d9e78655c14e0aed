"""Run the application on uvicorn until a signal stops it."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from textforge.errors import RecipeError
from textforge.serving.application import Application
from textforge.serving.protocol import protocol_with

SWITCH = 0.0005
"""Seconds after which Python lets another thread run. Its default of 5 ms would be most of the time of an answer."""
BACKLOG = 2048
SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


@dataclass(frozen=True)
class Address:
    """Where to listen, and how to stop.

    Args:
        host: name or address.
        port: the port; 0 for a free one.
        certificate: PEM file of the certificate, with those that lead to a known authority; None for plain HTTP.
        key: PEM file of its private key.
        grace: seconds from a signal to the end; requests that are not answered by then are cut off.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    certificate: Path | None = None
    key: Path | None = None
    grace: float = 10.0


def serve(
    application: Application,
    address: Address,
    *,
    on_start: Callable[[str], None] = lambda url: None,
    on_second_signal: Callable[[int], None] | None = None,
) -> int | None:
    """Serve until a signal, then answer what was accepted.

    Args:
        application: the application.
        address: where to listen.
        on_start: called with the URL when the server takes requests.
        on_second_signal: called in the event loop with the number of a second signal; by default the process ends.

    Returns:
        The number of the signal if it cut requests off; None if all were answered.

    Raises:
        RecipeError: the address or port cannot be used, or the certificate cannot be read.
    """
    bound = _listen(address)
    _allow_files(application.limits.connections)
    config = uvicorn.Config(
        application, http=protocol_with(application.limits), ws="none", lifespan="on", access_log=False,
        log_config=None, log_level=logging.CRITICAL, server_header=False, proxy_headers=False,
        timeout_keep_alive=application.limits.keep_alive,  # type: ignore[arg-type]
        timeout_graceful_shutdown=max(address.grace, 0.001),  # type: ignore[arg-type]
        backlog=BACKLOG,
    )  # fmt: skip
    with bound:
        if address.certificate is not None:
            _load_certificate(config, address)
        server = _Server(config, application, on_start, on_second_signal or _end_now)
        interval = sys.getswitchinterval()
        sys.setswitchinterval(SWITCH)
        try:
            server.run([bound])
        finally:
            sys.setswitchinterval(interval)
    return server.signal if server.cut_off else None


class _Server(uvicorn.Server):
    """uvicorn's server with our signals."""

    def __init__(
        self,
        config: uvicorn.Config,
        application: Application,
        on_start: Callable[[str], None],
        on_second_signal: Callable[[int], None],
    ) -> None:
        super().__init__(config)
        self.signal: int | None = None
        self.cut_off = False
        self._application, self._on_start, self._on_second_signal = application, on_start, on_second_signal

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        with suppress(RuntimeError, ValueError, NotImplementedError):  # not in the main thread, or on Windows
            for number in SIGNALS:
                if signal.getsignal(number) is not signal.SIG_IGN or number != getattr(signal, "SIGHUP", None):
                    loop.add_signal_handler(number, self._heed, number)
        try:
            yield
        finally:
            with suppress(RuntimeError, ValueError, NotImplementedError):
                for number in SIGNALS:
                    loop.remove_signal_handler(number)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started and sockets:
            host, port = sockets[0].getsockname()[:2]
            scheme = "https" if self.config.is_ssl else "http"
            self._on_start(f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}")

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._application.stopping.begin()
        ended = asyncio.get_running_loop().time() + (self.config.timeout_graceful_shutdown or 0)
        await super().shutdown(sockets)
        self.cut_off = asyncio.get_running_loop().time() >= ended

    def _heed(self, number: int) -> None:
        if self.signal is None:
            self.signal = number
            self.should_exit = True
        else:
            self._on_second_signal(number)


def _end_now(number: int) -> None:
    os._exit(128 + number)


def _listen(address: Address) -> socket.socket:
    """Bind a socket.

    Raises:
        RecipeError: the address or port cannot be used.
    """
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, _, _, _, where = found[0]
        bound = socket.create_server(where[:2], family=family, backlog=BACKLOG)
    except (OSError, UnicodeError) as error:
        why = getattr(error, "strerror", None) or error
        advice = " Choose another --port." if getattr(error, "errno", 0) in (errno.EACCES, errno.EADDRINUSE) else ""
        raise RecipeError(f"cannot listen on {address.host}:{address.port}: {why}.{advice}") from error
    bound.setblocking(False)
    return bound


def _load_certificate(config: uvicorn.Config, address: Address) -> None:
    config.ssl_certfile = address.certificate
    config.ssl_keyfile = address.key
    try:
        config.load()
    except OSError as error:  # SSLError is one
        where = " and ".join(str(path) for path in (address.certificate, address.key) if path)
        why = error.strerror or error
        raise RecipeError(f"{where}: cannot be used as certificate and key: {why}. Give PEM files.") from error


def _allow_files(connections: int) -> None:
    """Raise the limit on open files, so that every connection can be accepted."""
    with suppress(ImportError, OSError, ValueError):
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = connections + 256
        if soft != resource.RLIM_INFINITY and soft < wanted:
            most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
