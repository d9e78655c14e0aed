"""Seeds, folds and other tasks on a cluster of two nodes: equal results, messages, failures, killed workers."""

import os
import signal
import time

import pytest
import ray_work as work
import textforge
from ray_work import Heard, digests, recipe, without_times
from textforge import DataError, PluginManager, Task, TextforgeError

import textforge_ray
from textforge_ray import executor, folders
from textforge_ray.executor import ray_tasks

pytest_plugins = ["ray_nodes"]
pytestmark = pytest.mark.usefixtures("cluster")


@pytest.fixture(scope="module")
def plugins():
    made = PluginManager()
    if "ray" not in made.names("executor"):
        made.register(textforge_ray)
    return made


def results(*tasks, progress=None, **options):
    found = ray_tasks(iter(tasks), progress or Heard(), **options)
    return [(one[0].name, one[1]) for one in found if one is not None]


# -- equal results -----------------------------------------------------------------------------


def test_folds_on_the_cluster_give_the_same_answers_as_here(tmp_path, plugins):
    here = textforge.cross_validate(recipe(tmp_path), folds=2, out=tmp_path / "here")
    there = textforge.cross_validate(recipe(tmp_path), folds=2, out=tmp_path / "there", on="ray", plugins=plugins)
    assert without_times(there.result) == without_times(here.result)
    answers = [(tmp_path / place / "predictions.jsonl").read_bytes() for place in ("here", "there")]
    assert answers[0] == answers[1]


def test_seeds_give_the_same_files_as_here_even_if_a_worker_is_killed(tmp_path, plugins):
    killed = []

    def kill(text):
        if text.startswith("seed 0: at work") and not killed:
            killed.append(int(text.rpartition(" ")[2]))
            os.kill(killed[0], signal.SIGKILL)

    progress = Heard(kill)
    here = textforge.run_seeds(recipe(tmp_path), [0, 1, 2], out=tmp_path / "here")
    there = textforge.run_seeds(
        recipe(tmp_path), [0, 1, 2], out=tmp_path / "there", on="ray", plugins=plugins, progress=progress
    )
    assert killed
    (said,) = [warning for warning in progress.warnings if "its worker" in warning]
    assert said.startswith("seed 0: its worker on 127.0.0.")
    assert said.endswith(", died (killed, or crashed). It is done again (attempt 2 of 4).")
    assert digests(tmp_path / "there") == digests(tmp_path / "here")
    assert without_times(there.result) == without_times(here.result)
    assert any(stage.startswith("seed 1: epoch 2 of 2: train loss ") for stage in progress.stages)
    assert [stage for stage in progress.stages if "is done" in stage][-1].endswith("is done (3 of 3)")


# -- the contract of an executor ---------------------------------------------------------------


def test_folders_and_shared_values_go_there_and_back_and_prints_are_shown(tmp_path, monkeypatch):
    monkeypatch.setattr(folders, "PIECE", 3)  # many pieces
    (tmp_path / "b/deep").mkdir(parents=True)
    (tmp_path / "b/deep/before.txt").write_text("longer than a piece ")
    shared, progress = [1, 2, 3], Heard()
    tasks = [Task(name, work.count, {"n": n}, shared, tmp_path / name) for n, name in enumerate("ab")]
    assert sorted(results(*tasks, progress=progress)) == [("a", 6), ("b", 7)]
    assert (tmp_path / "a/after.txt").read_text() == "0"
    assert (tmp_path / "b/after.txt").read_text() == "longer than a piece 1"
    assert (tmp_path / "b/deep/before.txt").read_text() == "longer than a piece "
    assert "b: printed 1" in progress.stages
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]


def test_an_error_of_a_task_comes_back_with_the_folder_of_this_machine(tmp_path):
    with pytest.raises(DataError) as info:
        results(Task("bad", work.fail, folder=tmp_path / "bad"))
    assert str(info.value) == f"{tmp_path / 'bad'}: no rows"
    assert info.value.__notes__ == [f"See {tmp_path / 'bad'}/left.txt."]
    assert (tmp_path / "bad/left.txt").read_text() == "left"


def test_an_error_of_another_library_is_one_sentence_with_its_place():
    with pytest.raises(TextforgeError, match=r"^odd: KeyError: 'missing' \(ray_work.py:\d+\)$"):
        results(Task("odd", work.crash))


def test_tasks_of_a_node_that_dies_are_done_on_another(cluster, tmp_path):
    node = cluster.nodes.add_node(**cluster.common, node_ip_address="127.0.0.4")
    on = []

    def fall(text):
        if "at work on 127.0.0.4" in text and not on:
            on.append(text)
            cluster.nodes.remove_node(node, allow_graceful=False)

    progress = Heard(fall)
    tasks = [Task(str(n), work.stay, {"node": "127.0.0.4", "n": n}) for n in range(3)]
    assert sorted(results(*tasks, progress=progress)) == [("0", 0), ("1", 1), ("2", 2)]
    assert on
    (said,) = progress.warnings
    assert "its worker on 127.0.0.4, process" in said
    assert said.endswith("It is done again (attempt 2 of 4).")


def test_a_task_whose_workers_keep_dying_is_given_up():
    with pytest.raises(TextforgeError, match=r"x: its worker on .* died .*It is given up after 2 attempts\.$"):
        results(Task("x", work.die), retries=1)


def test_tasks_that_are_not_done_are_cancelled_when_the_caller_stops():
    class StopError(Exception):
        pass

    pids = []

    def stop(text):
        if "asleep in" in text:
            pids.append(int(text.rpartition(" ")[2]))
            raise StopError

    with pytest.raises(StopError):
        results(Task("x", work.sleep), Task("y", work.sleep), progress=Heard(stop))
    until = time.monotonic() + 30
    while os.path.exists(f"/proc/{pids[0]}") and time.monotonic() < until:
        time.sleep(0.05)
    assert not os.path.exists(f"/proc/{pids[0]}")


def test_a_task_computes_with_as_many_threads_as_it_has_cores(monkeypatch):
    expected = int(os.environ.get("OMP_NUM_THREADS", 1))
    assert results(Task("x", work.threads)) == [("x", expected)]


def test_tasks_are_made_only_when_there_is_room(tmp_path, monkeypatch):
    monkeypatch.setattr(executor, "AHEAD", 1)
    made = []

    def tasks():
        for n in range(6):
            made.append(n)
            yield Task(str(n), work.count, {"n": n}, [], tmp_path / str(n))

    waiting = (one for one in ray_tasks(tasks(), Heard()) if one is not None)
    next(waiting)
    assert len(made) <= 3  # two nodes with a core each, and the next one
    assert len([*waiting]) == 5
