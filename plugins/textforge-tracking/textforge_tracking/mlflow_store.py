"""Access to an MLflow store that prints nothing, fails within seconds and raises one-sentence errors."""

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
"""Settings that MLflow reads from the environment only. A value set by the user takes precedence."""

PATIENCE = 5.0
"""Timeout for a server's first answer, in seconds."""

_ENVIRONMENT_LOCK = threading.RLock()
"""Held while `quiet_settings` changes the environment, so that two threads do not restore it in the wrong order."""


class Store:
    """An MLflow store that runs are logged to.

    Args:
        uri: its address; None for MLflow's own setting at the time of the first use.
    """

    def __init__(self, uri: str | None) -> None:
        self._uri = uri
        self._client: MlflowClient | None = None

    @contextmanager
    def opened(self) -> Iterator[MlflowClient]:
        """A client that is valid within the `with` block, while MLflow is silenced; its global state is not changed.

        An interrupt is deferred to the end of the block: within a transaction it would leave the database locked.

        Raises:
            StorageError: the store does not answer, cannot be written, or refuses the data.
        """
        from textforge import StorageError

        with _ENVIRONMENT_LOCK, interrupt_at_end(), quiet_settings():
            try:
                yield self._connected()
            except Exception as error:
                if isinstance(error, StorageError) or not _is_of_store(error):
                    raise
                raise StorageError(describe(error, self._uri or "MLflow")) from error

    def _connected(self) -> MlflowClient:
        first = "mlflow" not in sys.modules
        from mlflow import MlflowClient, get_tracking_uri

        if first:  # it has no handler yet; only programs that configure logging want its warnings
            logging.getLogger("mlflow").addHandler(logging.NullHandler())
        self._uri = self._uri or get_tracking_uri()
        _reach(self._uri)
        self._client = self._client or MlflowClient(tracking_uri=self._uri)
        return self._client

    @property
    def artifacts(self) -> str | None:
        """Address of the folder for the files of new experiments; None if the store decides.

        For a database anywhere, MLflow's default is the working directory; this folder is beside the database.
        """
        file = _database_file(self._uri or "")
        return (file.parent / "mlartifacts").as_uri() if file else None


@contextmanager
def quiet_settings() -> Iterator[None]:
    """Set the environment variables in `SETTINGS`, and restore the environment afterwards."""
    ours = {name: value for name, value in SETTINGS.items() if name not in os.environ}
    os.environ.update(ours)
    try:
        yield
    finally:
        for name in ours:
            os.environ.pop(name, None)


@contextmanager
def interrupt_at_end() -> Iterator[None]:
    """Defer an interrupt to the end of the block; a second one takes effect immediately."""
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield  # interrupts are raised in the main thread only
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
    """Whether MLflow or one of its dependencies raised this error, as opposed to a bug in this package."""
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    return isinstance(error, (MlflowException, SQLAlchemyError, OSError, ImportError))  # requests raises OSErrors


def describe(error: Exception, uri: str) -> str:
    """An error message for a store's exception, with the remedy."""
    from mlflow.exceptions import MlflowException

    text = str(getattr(error, "orig", None) or getattr(error, "strerror", None) or error)
    if "MLFLOW_ALLOW_FILE_STORE" in text:
        return (
            f"{hidden(uri)}: this version of MLflow no longer logs to folders. Name a database in the option uri, as "
            "in sqlite:///mlflow.db, or set MLFLOW_ALLOW_FILE_STORE=true in the environment."
        )
    line = next((line.strip() for line in text.splitlines() if line.strip()), type(error).__name__)
    reason = hidden(line)[:300].rstrip(".")
    if isinstance(error, MlflowException):
        return f"{hidden(uri)}: MLflow says: {reason}."
    return f"{hidden(uri)}: MLflow cannot log there: {reason}. Name another store in the option uri."


def hidden(address: str) -> str:
    """An address without its user name and password."""
    return re.sub(r"//[^/@\s]*@", "//", address)


def _reach(uri: str) -> None:
    """Check that the store answers; MLflow itself would retry for minutes.

    Raises:
        StorageError: the server does not answer.
        Exception: any error of the database's driver.
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
        requests.get(f"{uri.rstrip('/')}/health", timeout=PATIENCE)  # any answer will do, even a request for a password
    except requests.exceptions.SSLError:
        return  # MLflow may be configured to trust the certificate
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
            connection.exec_driver_sql("BEGIN IMMEDIATE")  # fails if the file is read-only or not a database


def _database_file(uri: str) -> Path | None:
    """The path of an SQLite database file; None for other stores."""
    from sqlalchemy.engine import make_url

    if not uri.startswith("sqlite"):
        return None
    name: Any = make_url(uri).database
    return Path(name).absolute() if name and name != ":memory:" else None
