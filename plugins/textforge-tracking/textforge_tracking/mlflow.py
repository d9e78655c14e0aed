"""Callback `mlflow`: log a run to an MLflow store."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from textforge_tracking import figures
from textforge_tracking.mlflow_store import Store

if TYPE_CHECKING:
    from mlflow import MlflowClient

FILES = {
    "recipe": ("recipe.yaml", "resolved.yaml"),
    "result": ("result.json", "metrics.jsonl", "environment.json"),
    "predictions": ("predictions.jsonl",),
    "model": ("model",),
}
"""Files of a run folder for each value of the option `artifacts`."""

AT_ONCE = 100
"""Most parameters or metrics in one request: MLflow's limit for parameters; its limit for metrics is higher."""
LONGEST_PARAM, LONGEST_TAG = 6000, 5000
"""MLflow's limits for the values of parameters and tags, in characters."""


class MlflowRun:
    """Log parameters, metrics of each epoch and on test, tags, files and the final state to MLflow.

    It logs a run as it proceeds. Metrics that could not be sent are sent again with the next ones.

    Options:
        uri: address of the store, such as sqlite:///mlflow.db or http://localhost:5000; by default MLflow's own setting
            (MLFLOW_TRACKING_URI), or else mlflow.db in the working directory.
        experiment: name of the experiment, by default that of the recipe; a missing experiment is created.
        run_name: name of the run, by default the last two parts of the run folder's path.
        tags: tags to add to the run.
        artifacts: what to upload: the recipe as written and resolved, the result with the figures of each epoch and the
            environment, the predictions on test, the trained model.
        per_class: log precision, recall and F1 of each class on test, too.
    """

    def __init__(
        self,
        run_folder: Path,
        /,
        *,
        uri: str | None = None,
        experiment: str | None = None,
        run_name: str | None = None,
        tags: dict[str, str] | None = None,
        artifacts: list[Literal["recipe", "result", "predictions", "model"]] = ["recipe", "result"],  # noqa: B006
        per_class: bool = True,
    ) -> None:
        self._run_folder = run_folder
        self._experiment, self._run_name, self._own_tags = experiment, run_name, dict(tags or {})
        self._artifacts, self._per_class = tuple(artifacts), per_class
        self._store = Store(uri)
        self._pending: list[tuple[str, float, int, int]] = []
        self._id = ""  # of the run in the store, once it has begun

    @staticmethod
    def check_options(
        *, uri: str | None, experiment: str | None, run_name: str | None, tags: dict[str, str] | None, **_: Any
    ) -> str | None:
        """An error message for options that MLflow would refuse after the run has begun."""
        for name, text in (("uri", uri), ("experiment", experiment), ("run_name", run_name)):
            if text is not None and not text.strip():
                return f"{name} is empty; give one or leave it out."
        if len(experiment or "") > 500:
            return "experiment is longer than 500 characters, which MLflow refuses."
        for name in tags or {}:
            if not re.fullmatch(r"[\w.\- /]{1,250}", name) or {"", ".", ".."} & set(name.split("/")):
                return f"tags: MLflow refuses the name '{name}'. Use letters, digits, spaces, '_', '-', '.' and '/'."
        return None

    def started(self, run: dict[str, Any]) -> None:
        with self._store.opened() as client:
            experiment = _experiment(client, self._experiment or run["recipe"], self._store.artifacts)
            name = self._run_name or figures.run_name(self._run_folder)
            self._id = client.create_run(experiment, run_name=name, tags=self._tags(run)).info.run_id
            self._log_params(client, figures.named(figures.hyperparameters(run), figures.portable, "."))
            self._upload(client, "recipe")

    def epoch_ended(self, result: dict[str, Any]) -> None:
        if self._id:
            self._keep(figures.of_epoch(result), result["number"])
            with self._store.opened() as client:
                self._send(client)

    def finished(self, result: dict[str, Any]) -> None:
        if self._id:
            self._keep(figures.of_end(result, per_class=self._per_class), result["epochs"])
            with self._ended("FINISHED") as client:
                self._send(client)
                self._upload(client, "result", "predictions", "model")

    def failed(self, error: dict[str, Any]) -> None:
        if self._id:
            with self._ended("KILLED" if error["type"] == "KeyboardInterrupt" else "FAILED") as client:
                message = f"{error['type']}: {error['message']}".rstrip(": ")
                client.set_tag(self._id, "textforge.error", message[:LONGEST_TAG])
                self._send(client)

    @contextmanager
    def _ended(self, status: str) -> Iterator[MlflowClient]:
        """Set the final state of the run even if the store refuses other data."""
        with self._store.opened() as client:
            try:
                yield client
            finally:
                client.set_terminated(self._id, status)

    def _tags(self, run: Mapping[str, Any]) -> dict[str, str]:
        own = {
            "textforge.version": metadata.version("textforge"),
            "textforge.recipe": run["recipe"],
            "textforge.run_folder": str(self._run_folder.absolute()),
            "textforge.seed": str(run["seed"]),
            "mlflow.source.name": "textforge",
            "mlflow.source.type": "LOCAL",
        }
        return {**own, **self._own_tags}

    def _log_params(self, client: MlflowClient, values: Mapping[str, Any]) -> None:
        from mlflow.entities import Param

        texts = {name: one if isinstance(one, str) else figures.as_yaml(one) for name, one in values.items()}
        params = [Param(name, text[:LONGEST_PARAM]) for name, text in texts.items()]
        for first in range(0, len(params), AT_ONCE):
            client.log_batch(self._id, params=params[first : first + AT_ONCE])

    def _keep(self, values: Mapping[tuple[str, ...], float], step: int) -> None:
        now = int(time.time() * 1000)
        self._pending += [(name, one, now, step) for name, one in figures.named(values, figures.portable).items()]

    def _send(self, client: MlflowClient) -> None:
        from mlflow.entities import Metric

        while self._pending:
            client.log_batch(self._id, metrics=[Metric(*one) for one in self._pending[:AT_ONCE]])
            del self._pending[:AT_ONCE]

    def _upload(self, client: MlflowClient, *names: str) -> None:
        for name in names:
            if name in self._artifacts:
                for file in FILES[name]:
                    self._upload_file(client, self._run_folder / file)

    def _upload_file(self, client: MlflowClient, path: Path) -> None:
        if path.is_dir():
            client.log_artifacts(self._id, str(path), path.name)
        elif path.is_file():  # a run without a test split has no predictions
            client.log_artifact(self._id, str(path))


def _experiment(client: MlflowClient, name: str, artifacts: str | None) -> str:
    """The id of the experiment with this name; create the experiment if it does not exist."""
    from mlflow.exceptions import MlflowException

    found = client.get_experiment_by_name(name)
    if found is None:
        try:
            return client.create_experiment(name, artifact_location=artifacts)
        except MlflowException:
            found = client.get_experiment_by_name(name)  # another run has just created it
            if found is None:
                raise
    return found.experiment_id
