"""Callbacks that log a run to TensorBoard or MLflow."""

from textforge import hookimpl

TEXTFORGE_API = "1.0"


@hookimpl
def textforge_callbacks():
    return {
        "mlflow": "textforge_tracking.mlflow:mlflow",
        "tensorboard": "textforge_tracking.tensorboard:tensorboard",
    }
