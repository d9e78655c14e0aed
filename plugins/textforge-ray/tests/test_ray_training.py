"""One run in two workers of the cluster: the weights of one process, and those too if a worker is killed."""

import json
from functools import partial

import pytest
import textforge
from ray_work import Heard, recipe, train_and_die
from safetensors.numpy import load_file
from textforge import RecipeError, TextforgeError, load_recipe

from textforge_ray import training
from textforge_ray.training import Team, new_run_folder, train

pytest_plugins = ["ray_nodes"]
pytestmark = pytest.mark.usefixtures("cluster")


def weights(run):
    return load_file(run / "model/model.safetensors")


def furthest(one, other):
    assert one.keys() == other.keys()
    return max(abs(one[name] - other[name]).max() for name in one)


def trained(sections, out, progress=None, **team):
    train(load_recipe(sections), out, Team(2, **team), progress or Heard())
    return json.loads((out / "result.json").read_text())


def test_two_workers_give_the_weights_and_figures_of_one_process(tmp_path):
    progress = Heard()
    one = textforge.run(recipe(tmp_path), out=tmp_path / "one")
    result = trained(recipe(tmp_path), tmp_path / "two", progress)
    assert furthest(weights(one.path), weights(tmp_path / "two")) < 1e-5
    assert result["test"]["accuracy"] == one.test["accuracy"]
    assert {"predictions.jsonl", "metrics.jsonl", "resolved.yaml"} <= {
        path.name for path in (tmp_path / "two").iterdir()
    }
    assert (tmp_path / "two/resolved.yaml").read_text() == (one.path / "resolved.yaml").read_text()
    assert any(stage.startswith("recipe: epoch 2 of 2: ") for stage in progress.stages)


@pytest.mark.parametrize("rank", [0, 1])
def test_if_a_worker_is_killed_all_go_on_and_end_with_the_same_weights(tmp_path, monkeypatch, rank):
    die = partial(train_and_die, rank=str(rank), marker=str(tmp_path / "killed"))
    monkeypatch.setattr(training, "train_here", die)
    sections = recipe(tmp_path, trainer={"epochs": 4, "batch_size": 16, "checkpoint": {"every": "2 steps"}})
    progress = Heard()
    one = textforge.run(sections, out=tmp_path / "one")
    result = trained(sections, tmp_path / "two", progress)
    (said,) = [warning for warning in progress.warnings if "All workers" in warning]
    assert said.startswith(f"worker {rank} on 127.0.0.")
    state = "begin anew" if rank == 0 else "continue from its last checkpoint"
    assert said.endswith(f"All workers {state} (attempt 2 of 4).")
    assert ("resumed" in result) == (rank == 1)
    if rank == 1:
        assert result["resumed"]["checkpoint"] is not None
    assert furthest(weights(one.path), weights(tmp_path / "two")) < 1e-5


def test_the_error_of_a_run_is_told_as_it_is(tmp_path):
    sections = recipe(tmp_path, optimizer={"use": "sgd", "lr": 1e30})
    with pytest.raises(TextforgeError, match="loss") as info:
        trained(sections, tmp_path / "two", retries=0)
    assert str(tmp_path / "two") in str(info.value.__notes__)


def test_more_workers_than_the_cluster_has_cores_are_refused(tmp_path):
    with pytest.raises(RecipeError, match=r"3 workers with 1 CPU each need 3, and the cluster has 2\. Give fewer"):
        train(load_recipe(recipe(tmp_path)), tmp_path / "x", Team(3), Heard())


def test_a_run_folder_is_never_overwritten(tmp_path):
    (tmp_path / "there").mkdir()
    assert new_run_folder("name", tmp_path / "there") == tmp_path / "there"
    (tmp_path / "there/x").touch()
    with pytest.raises(RecipeError, match="exists already; runs are never overwritten"):
        new_run_folder("name", tmp_path / "there")
    assert new_run_folder("name", None).parts[:2] == ("runs", "name")
