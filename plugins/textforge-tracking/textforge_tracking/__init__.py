"""Callbacks that log a run to TensorBoard or MLflow."""

from textforge import hookimpl

TEXTFORGE_API = "1.0"


@hookimpl
def textforge_callbacks() -> dict[str, str]:
    return {
        "mlflow": "textforge_tracking.mlflow:MlflowRun",
        "tensorboard": "textforge_tracking.tensorboard:tensorboard",
    }
