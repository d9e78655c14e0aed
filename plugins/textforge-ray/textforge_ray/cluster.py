"""Connect to a Ray cluster by Ray's own conventions, or start a local one and end it."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from typing import Any

from textforge import Progress, RecipeError

LOCAL, AUTO = "local", "auto"
WAIT = 10.0
"""Seconds to wait for an answer from the address of a cluster."""
LARGEST_STORE = 2**30
"""Bytes of shared memory of a local cluster; Ray writes what does not fit to disk."""
LONGEST_FOLDER = 45
"""Bytes of the path of a session folder; the paths of sockets below it are limited to 107."""
LOOPBACK = "127.0.0.2"
"""Address of a local cluster on Linux. For 127.0.0.1 Ray takes the address that other machines can reach."""
HELLO = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))
"""How a gRPC client begins: the preface of HTTP/2 and an empty frame of settings (RFC 9113, section 3.4)."""
SETTINGS = 4
"""Type of the frame with which a server answers, in its fourth byte."""
INSTEAD = "Name another with --address or RAY_ADDRESS, or unset RAY_ADDRESS to use this machine alone."


@contextmanager
def connected(address: str | None, progress: Progress) -> Iterator[None]:
    """Be connected to a cluster in the `with` block; a local one is ended after it.

    If the program is connected already, its own connection is used, and kept.

    Args:
        address: `host:port`, `auto` for the cluster on this machine, or `local` for a new one. By default the
            environment variable RAY_ADDRESS, else `local`.
        progress: shows the start of a local cluster; its interruption waits until that is complete.

    Raises:
        RecipeError: no cluster answers at the address, or it has another version of Ray or Python.
    """
    import ray

    if ray.is_initialized():
        yield
        return
    where = address or os.environ.get("RAY_ADDRESS") or LOCAL
    if where.startswith("ray://"):
        raise RecipeError(
            f"{where}: Ray Client is not supported. Run this command on a node of the cluster with --address auto, or "
            "send it there with 'ray job submit'."
        )
    with ExitStack() as stack:
        settings: dict[str, Any] = {"logging_level": "error", "log_to_driver": False}
        if where == LOCAL:
            progress.stage("starting Ray on this machine; --address or RAY_ADDRESS names a cluster")
            settings |= _local_settings(stack)
        else:
            _refuse_silent(where)
            if where.startswith("127."):  # Ray would look for this node at the machine's own address
                settings["_node_ip_address"] = where.rpartition(":")[0]
        stack.callback(ray.shutdown)
        interruption = getattr(progress, "interruption", None)
        with _own_signal_handlers(), nullcontext() if interruption is None else interruption.deferred():
            try:
                ray.init(address=where, **settings)
            except (ConnectionError, RuntimeError, ValueError, TimeoutError) as error:
                raise RecipeError(f"{where}: no connection to Ray: {_first_line(error)} {INSTEAD}") from error
        yield


def _local_settings(stack: ExitStack) -> dict[str, Any]:
    """Arguments of `ray.init` for a cluster that only this machine can reach and that leaves nothing behind."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    settings: dict[str, Any] = {"include_dashboard": False, "object_store_memory": _store()}
    if sys.platform.startswith("linux"):
        settings["_node_ip_address"] = LOOPBACK
    folder = tempfile.mkdtemp(prefix="ray-")
    stack.callback(shutil.rmtree, folder, ignore_errors=True)
    return settings | ({"_temp_dir": folder} if len(os.fsencode(folder)) <= LONGEST_FOLDER else {})


def _store() -> int:
    """Bytes of shared memory to use: a fifth of the machine's memory, within Ray's minimum and `LARGEST_STORE`."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return max(100 * 2**20, min(LARGEST_STORE, memory // 5))


def _refuse_silent(where: str) -> None:
    """Refuse an address where no gRPC server answers, as that of Ray is one; Ray itself would wait for minutes.

    Raises:
        RecipeError: nothing answers within `WAIT` seconds, or it is no address.
    """
    if where == AUTO:
        return
    host, colon, port = where.rpartition(":")
    if not colon or not port.isdecimal():
        raise RecipeError(f"{where}: expected the address of a Ray cluster, as in 10.0.0.1:6379, or 'auto'.")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), WAIT) as stream:
            if os.environ.get("RAY_USE_TLS", "0") != "1":
                stream.sendall(HELLO)
                if stream.recv(4)[3:] != bytes((SETTINGS,)):
                    raise OSError("what listens there is no gRPC server")
    except (OSError, OverflowError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise RecipeError(f"{where}: no Ray cluster answers ({why}). {INSTEAD}") from error


@contextmanager
def _own_signal_handlers() -> Iterator[None]:
    """Restore the handler of SIGTERM, which `ray.init` replaces."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if before is not None:  # one that Python did not install
            signal.signal(signal.SIGTERM, before)


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0].rstrip(".") + "." if lines else type(error).__name__ + "."
