"""An MLflow store for a library's use: quiet, asked only where it answers at once, its errors told in a sentence."""

from __future__ import annotations

import logging
import os
import re
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlflow import MlflowClient

SETTINGS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_CONFIGURE_LOGGING": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",  # by default 7, over some minutes
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
}
"""What MLflow can be told through the environment alone. Where the user has set one of them, that holds."""

PATIENCE = 5.0
"""Seconds in which a server must answer."""

_TURN = threading.RLock()
"""Two threads must not put the environment back under each other."""


class Store:
    """Where runs are logged.

    Args:
        uri: its address; None for the one that MLflow is set to when it is first opened.
    """

    def __init__(self, uri: str | None) -> None:
        self._uri = uri
        self._client: MlflowClient | None = None

    @contextmanager
    def opened(self) -> Iterator[MlflowClient]:
        """A client, for use in here only: MLflow keeps quiet this long, and none of its global state is touched.

        An interrupt waits until the end of it: within a transaction it would leave the database locked.

        Raises:
            StorageError: the store does not answer, cannot be written, or refuses what it is given.
        """
        from textforge import StorageError

        with _TURN, interrupt_at_end(), quiet_settings():
            try:
                yield self._connected()
            except Exception as error:
                if isinstance(error, StorageError) or not _is_of_store(error):
                    raise
                raise StorageError(told(error, self._uri or "MLflow")) from error

    def _connected(self) -> MlflowClient:
        first = "mlflow" not in sys.modules
        from mlflow import MlflowClient, get_tracking_uri

        if first:  # it has no handler now, and its warnings are for programs that listen to them
            logging.getLogger("mlflow").addHandler(logging.NullHandler())
        self._uri = self._uri or get_tracking_uri()
        _reach(self._uri)
        self._client = self._client or MlflowClient(tracking_uri=self._uri)
        return self._client

    @property
    def artifacts(self) -> str | None:
        """Where the files of new experiments go; None where that is the store's affair.

        MLflow puts those of a database into the working directory, wherever the database is; this is beside it.
        """
        file = _database_file(self._uri or "")
        return (file.parent / "mlartifacts").as_uri() if file else None


@contextmanager
def quiet_settings() -> Iterator[None]:
    """MLflow's settings as `SETTINGS` has them; afterwards the environment is as before."""
    ours = {name: value for name, value in SETTINGS.items() if name not in os.environ}
    os.environ.update(ours)
    try:
        yield
    finally:
        for name in ours:
            os.environ.pop(name, None)


@contextmanager
def interrupt_at_end() -> Iterator[None]:
    """Let an interrupt wait until the end; a second one passes at once, for whoever will not wait."""
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield  # no interrupt is raised here
        return
    came: list[Any] = []

    def keep(number: int, frame: Any) -> None:
        came.append(frame)
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, keep)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if came:
            before(signal.SIGINT, came[0])


def _is_of_store(error: Exception) -> bool:
    """Whether MLflow or what it stands on raised this, and not a mistake here."""
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    return isinstance(error, (MlflowException, SQLAlchemyError, OSError, ImportError))  # requests' are OSErrors


def told(error: Exception, uri: str) -> str:
    """An error of a store in one sentence that says what to do."""
    from mlflow.exceptions import MlflowException

    text = str(getattr(error, "orig", None) or getattr(error, "strerror", None) or error)
    if "MLFLOW_ALLOW_FILE_STORE" in text:
        return (
            f"{hidden(uri)}: this version of MLflow no longer logs to folders. Name a database in the option uri, as "
            "in sqlite:///mlflow.db, or set MLFLOW_ALLOW_FILE_STORE=true in the environment."
        )
    line = next((line.strip() for line in text.splitlines() if line.strip()), type(error).__name__)
    said = hidden(line)[:300].rstrip(".")
    if isinstance(error, MlflowException):
        return f"{hidden(uri)}: MLflow says: {said}."
    return f"{hidden(uri)}: MLflow cannot log there: {said}. Name another store in the option uri."


def hidden(address: str) -> str:
    """An address without user and password."""
    return re.sub(r"//[^/@\s]*@", "//", address)


def _reach(uri: str) -> None:
    """Return where the store answers. MLflow itself would try again and again, for minutes.

    Raises:
        StorageError: a server does not.
        Exception: what a database's driver raises.
    """
    scheme = re.split(r"[:+]", uri)[0]
    if scheme in ("http", "https"):
        _reach_server(uri)
    elif scheme in ("sqlite", "postgresql", "mysql", "mssql"):
        _reach_database(uri)


def _reach_server(uri: str) -> None:
    import requests
    from textforge import StorageError

    try:
        requests.get(f"{uri.rstrip('/')}/health", timeout=PATIENCE)  # any answer will do: it may ask for a password
    except requests.exceptions.SSLError:
        return  # MLflow may be set to trust it
    except (requests.exceptions.ConnectionError, requests.exceptions.Timeout) as error:
        slow = isinstance(error, requests.exceptions.Timeout)
        why = f"no answer within {PATIENCE:g} seconds" if slow else "nothing answers there"
        raise StorageError(
            f"{hidden(uri)}: {why}. Start the server (mlflow server), or name another in the option uri."
        ) from error


def _reach_database(uri: str) -> None:
    from sqlalchemy import create_engine
    from sqlalchemy.pool import NullPool

    file = _database_file(uri)
    if file:
        file.parent.mkdir(parents=True, exist_ok=True)
    with create_engine(uri, poolclass=NullPool).connect() as connection:
        if file:
            connection.exec_driver_sql("BEGIN IMMEDIATE")  # fails where it is read-only, or no database


def _database_file(uri: str) -> Path | None:
    """The file of an SQLite database; None for other stores."""
    from sqlalchemy.engine import make_url

    if not uri.startswith("sqlite"):
        return None
    name: Any = make_url(uri).database
    return Path(name).absolute() if name and name != ":memory:" else None
