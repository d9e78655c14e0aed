"""Seeds and folds that an executor carries out give what they give here."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import make_sets, make_texts, small_recipe, write_csv
from in_process import invoke
from other_machine import backwards, carried_out, executor, manager

import textforge
from textforge import ComponentError, PluginError, PluginManager, Progress, RecipeError, Task, TrainingError
from textforge.classifiers.storage import sha256


@pytest.fixture(autouse=True)
def quick_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the waiting for the disk, which no test here is about."""
    monkeypatch.setattr("os.fsync", lambda _: None)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_csv(tmp_path_factory.mktemp("data") / "data.csv", *make_texts(90))


TIMES = ("seconds", "time", "load", "vectorize", "train", "evaluate", "total")
CHANGING = ("run.log", "environment.json")


def digests(folder: Path) -> dict[str, str]:
    """Every file of a folder by its digest, times left out of JSON."""
    found = {}
    for file in sorted(path for path in folder.rglob("*") if path.is_file() and path.name not in CHANGING):
        name = str(file.relative_to(folder))
        found[name] = json.dumps(_timeless(file)) if file.suffix in (".json", ".jsonl") else sha256(file)
    return found


def _timeless(file: Path) -> Any:
    lines = file.read_text().splitlines() if file.suffix == ".jsonl" else [file.read_text()]
    return [without_times(json.loads(line)) for line in lines if line]


def without_times(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: without_times(one) for name, one in value.items() if name not in TIMES}
    return [without_times(one) for one in value] if isinstance(value, list) else value


class Collected(Progress):
    """Collect stages and warnings."""

    def __init__(self) -> None:
        self.stages: list[str] = []
        self.warnings: list[str] = []

    def stage(self, text: str) -> None:
        self.stages.append(text)

    def warning(self, text: str) -> None:
        self.warnings.append(text)


# -- seeds -------------------------------------------------------------------------------------


@pytest.mark.parametrize("sections", [{}, {"dataset": {"stream": True}, "vectorizer": {"use": "hashing"}}],
                         ids=["in memory", "streamed"])  # fmt: skip
def test_seeds_that_an_executor_runs_give_the_same_files(data: Path, tmp_path: Path, sections: dict[str, Any]) -> None:
    recipe = small_recipe(
        data, **{**sections, "dataset": {"use": "csv", "train": str(data), **sections.get("dataset", {})}}
    )
    here = textforge.run_seeds(recipe, [0, 1, 2], out=tmp_path / "here")
    there = textforge.run_seeds(recipe, [0, 1, 2], out=tmp_path / "there", on=executor(backwards))
    assert digests(tmp_path / "there") == digests(tmp_path / "here")
    assert without_times(there.result) == without_times(here.result)


def test_data_given_in_code_reach_the_executor_once_for_seeds_that_share_them(data: Path, tmp_path: Path) -> None:
    shared = []

    def noting(tasks: Iterator[Task], progress: Progress, /) -> Iterator[tuple[Task, Any]]:
        """Note the shared value of each task."""
        for task in tasks:
            shared.append(task.shared)
            yield task, carried_out(task, progress)

    texts, labels = make_texts(60)
    given = textforge.Dataset(train=(texts[:40], labels[:40]), test=(texts[40:], labels[40:]))
    recipe = {name: section for name, section in small_recipe(data).items() if name != "dataset"}
    here = textforge.run_seeds(recipe, [3, 4], dataset=given, out=tmp_path / "here")
    there = textforge.run_seeds(recipe, [3, 4], dataset=given, out=tmp_path / "there", on=executor(noting))
    assert without_times(there.result) == without_times(here.result)
    assert shared[0] is shared[1]
    assert digests(tmp_path / "there") == digests(tmp_path / "here")


def test_seeds_that_draw_other_hold_outs_get_their_own_data(data: Path, tmp_path: Path) -> None:
    recipe = small_recipe(data, dataset={"use": "csv", "train": str(data), "test_fraction": 0.3})
    textforge.run_seeds(recipe, [0, 1], out=tmp_path / "here")
    textforge.run_seeds(recipe, [0, 1], out=tmp_path / "there", on=executor(backwards))
    assert digests(tmp_path / "there") == digests(tmp_path / "here")
    held = [json.loads((tmp_path / f"there/seed-{seed}/environment.json").read_text())["data"] for seed in (0, 1)]
    assert held[0]["sha256"] != held[1]["sha256"]


def failing_after(n: int) -> Any:
    """An executor whose machine fails after so many tasks."""

    def fails(tasks: Iterator[Task], progress: Progress, /) -> Iterator[tuple[Task, Any]]:
        """Fail."""
        for number, task in enumerate(tasks):
            if number == n:
                raise OSError("the network is gone")
            yield task, carried_out(task, progress)

    return fails


def test_seeds_that_are_done_are_not_run_again(data: Path, tmp_path: Path) -> None:
    recipe = small_recipe(data)
    with pytest.raises(
        ComponentError, match=r"executor 'fails'.* failed while carrying out tasks: OSError: the"
    ) as info:
        textforge.run_seeds(recipe, [0, 1, 2], out=tmp_path / "there", on=executor(failing_after(1)))
    assert "1 of 3 runs are done" in info.value.__notes__[0]
    before = (tmp_path / "there/seed-0/result.json").read_bytes()
    progress = Collected()
    textforge.resume(tmp_path / "there", on=executor(backwards), progress=progress)
    assert (tmp_path / "there/seed-0/result.json").read_bytes() == before
    assert [stage for stage in progress.stages if "is done" in stage] == [
        "seed 2 is done (2 of 3)", "seed 1 is done (3 of 3)",
    ]  # fmt: skip
    textforge.run_seeds(recipe, [0, 1, 2], out=tmp_path / "here")
    assert digests(tmp_path / "there") == digests(tmp_path / "here")


def test_a_seed_that_was_stopped_here_goes_on_there_from_its_checkpoint(data: Path, tmp_path: Path) -> None:
    class Stopping(Progress):
        """Interrupt the second epoch of the first seed."""

        def epoch(self, result: Any, epochs: int) -> None:
            if result.number == 2:
                raise KeyboardInterrupt

    recipe = small_recipe(data, trainer={"epochs": 3, "batch_size": 16, "checkpoint": {"every": "3 steps"}})
    with pytest.raises(KeyboardInterrupt):
        textforge.run_seeds(recipe, [0, 1], out=tmp_path / "there", progress=Stopping())

    def without_the_file(tasks: Iterator[Task], progress: Progress, /) -> Iterator[tuple[Task, Any]]:
        """Hide the data, which the tasks bring along."""
        every = [*tasks]
        hidden = data.rename(data.with_suffix(".hidden"))
        try:
            for task in every:
                yield task, carried_out(task, progress)
        finally:
            hidden.rename(data)

    textforge.resume(tmp_path / "there", on=executor(without_the_file))
    resumed = json.loads((tmp_path / "there/seed-0/result.json").read_text())["resumed"]
    assert resumed["checkpoint"] is not None
    textforge.run_seeds(recipe, [0, 1], out=tmp_path / "here")
    for seed in (0, 1):
        same = [sha256(tmp_path / place / f"seed-{seed}/model/model.safetensors") for place in ("here", "there")]
        assert same[0] == same[1]


def test_an_error_of_a_task_is_that_of_the_run(data: Path, tmp_path: Path) -> None:
    recipe = small_recipe(data, optimizer={"use": "sgd", "lr": 1e30})
    with pytest.raises(TrainingError) as here:
        textforge.run_seeds(recipe, [0], out=tmp_path / "here")
    with pytest.raises(TrainingError) as there:
        textforge.run_seeds(recipe, [0], out=tmp_path / "there", on=executor(backwards))
    assert str(there.value) == str(here.value)
    assert digests(tmp_path / "there") == digests(tmp_path / "here")


# -- folds -------------------------------------------------------------------------------------


@pytest.mark.parametrize("several", [False, True], ids=["single labels", "several labels"])
def test_folds_that_an_executor_trains_give_the_same_files(data: Path, tmp_path: Path, several: bool) -> None:
    recipe = small_recipe(data, trainer={"epochs": 2, "batch_size": 16, "validation": 0.2}, metrics=["log-loss"])
    given = textforge.Dataset(train=make_sets(60)) if several else None
    here = textforge.cross_validate(recipe, folds=3, dataset=given, out=tmp_path / "here")
    there = textforge.cross_validate(recipe, folds=3, dataset=given, out=tmp_path / "there", on=executor(backwards))
    assert without_times(there.result) == without_times(here.result)
    names = ("predictions.jsonl", "resolved.yaml", "recipe.yaml")
    assert [sha256(there.path / name) for name in names] == [sha256(here.path / name) for name in names]


def test_folds_that_are_done_are_not_trained_again(data: Path, tmp_path: Path) -> None:
    with pytest.raises(ComponentError):
        textforge.cross_validate(small_recipe(data), folds=3, out=tmp_path / "there", on=executor(failing_after(2)))
    progress = Collected()
    there = textforge.resume(tmp_path / "there", on=executor(backwards), progress=progress)
    assert [stage for stage in progress.stages if "is done" in stage] == ["fold 3 is done (3 of 3)"]
    here = textforge.cross_validate(small_recipe(data), folds=3, out=tmp_path / "here")
    assert without_times(there.result) == without_times(here.result)


# -- mistakes ----------------------------------------------------------------------------------


def test_an_unknown_executor_is_reported_with_the_nearest_name(data: Path, tmp_path: Path) -> None:
    with pytest.raises(PluginError, match=r"no executor named 'backward'. Did you mean 'backwards'\?"):
        textforge.run_seeds(small_recipe(data), [0], out=tmp_path / "x", on="backward", plugins=manager(backwards))
    assert not (tmp_path / "x").exists()


def test_without_any_executor_the_message_says_what_to_install(data: Path) -> None:
    none = PluginManager(entry_points=False)
    with pytest.raises(PluginError, match=r"no executor named 'ray'.* pip install textforge-ray"):
        textforge.cross_validate(small_recipe(data), on="ray", plugins=none)


def test_a_part_of_another_kind_is_no_executor(data: Path) -> None:
    part = PluginManager().part("model", "mlp")
    with pytest.raises(RecipeError, match="model 'mlp' cannot be used as executor"):
        textforge.run_seeds(small_recipe(data), [0], on=part)


def silent(tasks: Iterator[Task], progress: Progress, /) -> Iterator[tuple[Task, Any]]:
    """Take all tasks and do none."""
    for _ in tasks:
        yield from ()


def twice(tasks: Iterator[Task], progress: Progress, /) -> Iterator[tuple[Task, Any]]:
    """Give each result twice."""
    for task, value in backwards(tasks, progress):
        yield task, value
        yield task, value


@pytest.mark.parametrize(
    ("work", "says"), [(silent, "gave no result for seed 0, seed 1"), (twice, "a task that is not at work")]
)
def test_an_executor_that_breaks_its_contract_is_named(data: Path, tmp_path: Path, work: Any, says: str) -> None:
    with pytest.raises(ComponentError, match=f"executor '{work.__name__}' from this program .*{says}"):
        textforge.run_seeds(small_recipe(data), [0, 1], out=tmp_path / "x", on=executor(work))


def test_a_stream_given_in_code_cannot_be_sent(data: Path, tmp_path: Path) -> None:
    texts, labels = make_texts(30)
    stream = textforge.Stream(1, lambda number: (texts, labels))
    given = textforge.Dataset(train=stream, test=(texts, labels))
    recipe = {**small_recipe(data), "vectorizer": {"use": "hashing"}}
    with pytest.raises(RecipeError, match="a stream that is given in code cannot be sent to other machines"):
        textforge.run_seeds(recipe, [0], dataset=given, out=tmp_path / "x", on=executor(backwards))


def test_a_single_run_takes_no_executor(data: Path, tmp_path: Path) -> None:
    done = invoke("run", "recipe.yaml", "--on", "ray")
    assert done.returncode == 2
    assert "--on is for several runs: give --seeds, too." in done.stderr
    with pytest.raises(RecipeError, match="an executor carries out several"):
        textforge.resume(_unfinished(data, tmp_path), on=executor(backwards))


def _unfinished(data: Path, tmp_path: Path) -> Path:
    run = textforge.run(small_recipe(data), out=tmp_path / "run").path
    (run / "result.json").unlink()
    shutil.rmtree(run / "model")
    return run
