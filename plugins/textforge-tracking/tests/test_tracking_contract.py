"""Check both callbacks with textforge's contract kit."""

from textforge.testing import contract_tests
from tracking_runs import database


@contract_tests("callback", "textforge_tracking.tensorboard:tensorboard")
def test_tensorboard_keeps_the_contract(check):
    check()


@contract_tests(
    "callback", "textforge_tracking.mlflow:MlflowRun", options=lambda folder: {"uri": database(folder / "runs.db")}
)
def test_mlflow_keeps_the_contract(check):
    check()
