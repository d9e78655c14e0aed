"""A run that was stopped and continued gives what one that was never stopped gives: bit for bit."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from conftest import make_sets, make_texts, small_recipe, write_csv

import textforge
from textforge import BundleError, PluginManager, Progress, RecipeError, hookimpl
from textforge.classifiers.storage import sha256
from textforge.components.checkpointing import CheckpointSettings
from textforge.runs.checkpoints import Schedule, saved_checkpoints
from textforge.runs.interruption import Interruption

STEPS = 24
"""Steps of every run here: 3 epochs of 8."""


@pytest.fixture(autouse=True)
def quick_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the waiting for the disk, which no test here is about."""
    monkeypatch.setattr("os.fsync", lambda _: None)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_csv(tmp_path_factory.mktemp("data") / "data.csv", *make_texts(150))


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sets") / "data.jsonl"
    rows = zip(*make_sets(150), strict=True)
    path.write_text("".join(json.dumps({"text": text, "label": labels}) + "\n" for text, labels in rows))
    return path


MLP = {"use": "mlp", "hidden": [8], "dropout": 0.3, "norm": "batch"}
SPARSE: dict[str, Any] = {"model": {"use": "linear"}, "optimizer": {"use": "sparse-adam"}}
MODES: dict[str, dict[str, Any]] = {
    "memory": {"model": MLP, "trainer": {"shuffle": False}},
    "shuffled": {"model": MLP},
    "streamed": {"dataset": {"stream": True}, "vectorizer": {"use": "hashing", "n_features": 2**10}},
    "bucketed": {
        "vectorizer": {"use": "tokens"}, "model": {"use": "textcnn"}, "trainer": {"bucket_by_length": True},
    },
    "accumulated": {"model": MLP, "trainer": {"accumulate": 3, "clip_norm": 0.5}},
    "bfloat16": {"model": MLP, "trainer": {"precision": "bfloat16"}},
    "averaged": {"model": MLP, "trainer": {"ema": 0.8, "validation": 0.2}},
    "plateau": {
        "trainer": {"validation": 0.2, "monitor": "accuracy"}, "scheduler": {"use": "plateau", "patience": 0},
    },
    "patience": {"trainer": {"validation": 0.2, "patience": 1}, "optimizer": {"use": "sgd", "lr": 3.0}},
    "scheduled": {"scheduler": {"use": "one-cycle"}},
    "sparse": SPARSE,
    "lookahead": {"optimizer": {"use": "lookahead", "of": {"use": "adam"}, "steps": 3}},
    "muon": {"model": {"use": "mlp", "hidden": [8, 8]}, "optimizer": {"use": "muon"}},
    "weighed": {"loss": {"use": "focal"}, "decision": {"calibrate": "temperature"}, "trainer": {"validation": 0.2}},
    "sets": {"model": MLP, "trainer": {"validation": 0.2}, "decision": {"threshold": "f1"}},
}  # fmt: skip


def recipe(data: Path, mode: str = "memory", **changes: Any) -> dict[str, Any]:
    sections = {**MODES[mode], **changes}
    made = small_recipe(data, **{key: value for key, value in sections.items() if key not in ("trainer", "dataset")})
    made["dataset"] = {"use": data.suffix[1:], "train": str(data), "test_fraction": 0.2, **sections.get("dataset", {})}
    made["trainer"] = {**made["trainer"], "batch_size": 15, "checkpoint": {"every": "3 steps"},
                       **sections.get("trainer", {})}  # fmt: skip
    return made


class Killed(BaseException):
    """What ends a process at once: nothing catches it."""


class Kill(Progress):
    """Ends a run at a step, as if the process were killed: no checkpoint is saved then."""

    def __init__(self, at: int = 0) -> None:
        self.at, self.seen, self.stages, self.warnings = at, 0, list[str](), list[str]()

    def step(self, epoch: int, step: int, steps: int) -> None:
        self.seen += 1
        if self.seen == self.at:
            raise Killed

    def stage(self, text: str) -> None:
        self.stages.append(text)

    def warning(self, text: str) -> None:
        self.warnings.append(text)


def outcome(run: Path) -> Any:
    """Weights, predictions and metrics of a finished run, without what depends on time."""
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    result = json.loads((run / "result.json").read_text())
    for each in (*lines, result):
        each.pop("seconds")
    result.pop("resumed", None)
    files = [sha256(run / name) for name in ("model/model.safetensors", "model/vectorizer.safetensors")]
    return files, (run / "predictions.jsonl").read_text(), lines, result


def killed(recipe: dict[str, Any], out: Path, at: int, **given: Any) -> Path:
    with pytest.raises(Killed):
        textforge.run(recipe, out=out, progress=Kill(at), **given)
    assert not (out / "result.json").exists()
    return out


def whole(recipe: dict[str, Any], out: Path, **given: Any) -> Any:
    """What a run without any checkpoint gives."""
    trainer = {**recipe["trainer"], "checkpoint": {"every": "never"}} if "optimizer" in recipe else {}
    return outcome(textforge.run({**recipe, "trainer": trainer}, out=out, **given).path)


@pytest.mark.parametrize("mode", MODES)
def test_a_killed_run_is_continued_to_the_same_results(mode: str, data: Path, sets: Path, tmp_path: Path) -> None:
    made = recipe(sets if mode == "sets" else data, mode)
    expected = whole(made, tmp_path / "whole")
    out = killed(made, tmp_path / "run", random.Random(mode).randrange(4, 17))
    done = textforge.resume(out)
    assert outcome(out) == expected
    assert done.result["resumed"]["checkpoint"]
    assert not list(out.rglob("*.tmp"))


def test_a_run_is_continued_as_often_as_it_is_killed(data: Path, tmp_path: Path) -> None:
    made = recipe(data, "averaged")
    expected = whole(made, tmp_path / "whole")
    out = killed(made, tmp_path / "run", 5)
    for at in (4, 1, 5):
        with pytest.raises(Killed):
            textforge.resume(out, progress=Kill(at))
    textforge.resume(out)
    assert outcome(out) == expected


@pytest.mark.parametrize("every", ["1 epoch", "2 epochs", "5 steps", "never", "auto"])
def test_it_goes_on_from_the_last_checkpoint_without_repeating_a_line(every: str, data: Path, tmp_path: Path) -> None:
    made = recipe(data, trainer={"checkpoint": {"every": every}})
    expected = whole(made, tmp_path / "whole")
    out = killed(made, tmp_path / "run", 22)
    with (out / "metrics.jsonl").open("a") as file:
        file.write('{"number": 3, "tra')  # the process was killed in mid-line
    progress = Kill()
    done = textforge.resume(out, progress=progress)
    assert outcome(out) == expected
    steps = {"1 epoch": 8, "2 epochs": 8, "5 steps": 4}.get(every, STEPS)
    assert progress.seen == steps
    if every in ("never", "auto"):
        assert done.result["resumed"]["checkpoint"] is None
        assert any("it has no checkpoint, so the run begins anew, with the same data" in one for one in progress.stages)


def test_a_run_that_ends_after_training_trains_nothing_again(data: Path, tmp_path: Path) -> None:
    class Late(Kill):
        def evaluated(self, done: int, texts: int) -> None:
            raise KeyboardInterrupt

    made = recipe(data, trainer={"checkpoint": {"every": "never"}})
    with pytest.raises(KeyboardInterrupt) as caught:
        textforge.run(made, out=tmp_path / "run", progress=Late())
    assert f"continue with: textforge resume {tmp_path / 'run'}" in caught.value.__notes__[-1]
    again = Kill()
    textforge.resume(tmp_path / "run", progress=again)
    assert again.seen == 0
    assert outcome(tmp_path / "run") == whole(made, tmp_path / "whole")


def test_the_newest_are_kept(data: Path, tmp_path: Path) -> None:
    out = killed(recipe(data, trainer={"checkpoint": {"every": "3 steps", "keep": 3}}), tmp_path / "run", 20)
    assert [path.name for path in saved_checkpoints(out)] == ["epoch-3-step-2", "epoch-2-step-7", "epoch-2-step-4"]
    assert len([*(out / "checkpoints").iterdir()]) == 3


@pytest.mark.parametrize("damaged", [1, 2])
def test_a_damaged_checkpoint_falls_back_to_the_one_before(damaged: int, data: Path, tmp_path: Path) -> None:
    made = recipe(data)
    expected = whole(made, tmp_path / "whole")
    out = killed(made, tmp_path / "run", 11)
    for path in saved_checkpoints(out)[:damaged]:
        (path / "state.safetensors").write_bytes(b"x" * 100)
    progress = Kill()
    textforge.resume(out, progress=progress)
    results = outcome(out)
    results[-1]["warnings"] = [one for one in results[-1]["warnings"] if "cannot be used" not in one]
    assert results == expected
    assert len([one for one in progress.warnings if one.startswith("checkpoint epoch-")]) == damaged
    assert progress.seen == (STEPS - 6 if damaged == 1 else STEPS)


def test_a_model_that_fits_itself_begins_anew_and_says_so_before_it_does(data: Path, tmp_path: Path) -> None:
    made = {**recipe(data), "model": {"use": "complement-nb"}, "trainer": {}}
    del made["optimizer"]
    expected = whole(made, tmp_path / "whole")
    out = killed(made, tmp_path / "run", 1)
    progress = Kill()
    textforge.resume(out, progress=progress)
    assert outcome(out) == expected
    assert any("model 'complement-nb' from textforge" in one and "begins anew" in one for one in progress.stages)


class Stateless:
    """A scheduler without a state."""

    def __init__(self, optimizer: Any) -> None:
        self.optimizer, self.last_epoch = optimizer, 0

    def step(self) -> None:
        self.last_epoch += 1


class Counter:
    """A callback that counts epochs and adds the count."""

    def __init__(self) -> None:
        self.epochs = 0

    def epoch_ended(self, result: Any) -> dict[str, float]:
        self.epochs += 1
        return {"epochs": self.epochs}

    def state_dict(self) -> Any:
        return {"epochs": self.epochs, 1: (torch.tensor(self.epochs),)}

    def load_state_dict(self, state: Any) -> None:
        assert int(state[1][0]) == state["epochs"]
        self.epochs = state["epochs"]


class Odd(Counter):
    def state_dict(self) -> Any:
        return {"epochs": {self.epochs}}


class Nested(torch.optim.SGD):
    """A plugin's optimizer with everything in its state that torch's contract allows."""

    def __init__(self, params: Any) -> None:
        super().__init__(params, lr=0.1)

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:
        for number, one in enumerate(self.param_groups[0]["params"]):
            state = self.state[one]
            if not state:
                state.update(n=0, scale=0.5, flag=True, none=None, seen=[], pair=(1, [2.0]), by={0: torch.zeros(2)})
                state["precise"] = torch.zeros(one.shape, dtype=torch.float64)
                state["coarse"] = torch.zeros(one.shape, dtype=torch.bfloat16)
            state["n"] += 1
            state["seen"] = [*state["seen"][-3:], state["n"]]
            state["by"][0] += number + state["n"]
            state["flag"] = not state["flag"]
            state["scale"] *= 0.9
            weight = state["scale"] * (1 + 0.1 * float(state["by"][0].sum()) % 1) * (2 if state["flag"] else 1)
            state["precise"] += one.grad.to_dense() / 3
            state["coarse"] += state["precise"] / 7
            one.add_(one.grad, alpha=-weight * sum(state["seen"]) / state["n"])
            one.add_(state["precise"] + state["coarse"], alpha=-1e-3)


class Forgetful(Nested):
    """One that does not restore what it saves."""

    def load_state_dict(self, state: Any) -> None:
        super().load_state_dict({**state, "state": {}})


@pytest.fixture(scope="module")
def plugins() -> PluginManager:
    manager = PluginManager()

    class Plugin:
        @hookimpl
        def textforge_optimizers(self) -> Any:
            def nested(params: Any, /) -> Any:
                return Nested(params)

            def forgetful(params: Any, /) -> Any:
                return Forgetful(params)

            return {"nested": nested, "forgetful": forgetful}

        @hookimpl
        def textforge_schedulers(self) -> Any:
            def stateless(optimizer: Any, /) -> Any:
                return Stateless(optimizer)

            return {"stateless": stateless}

        @hookimpl
        def textforge_callbacks(self) -> Any:
            def counter() -> Any:
                return Counter()

            def odd() -> Any:
                return Odd()

            return {"counter": counter, "odd": odd}

    manager.register(Plugin(), "mine")
    return manager


def test_nested_states_of_plugins_optimizers_and_callbacks_come_back(
    plugins: PluginManager, data: Path, tmp_path: Path
) -> None:
    made = {**recipe(data), "optimizer": {"use": "nested"}, "callbacks": ["counter"]}
    expected = whole(made, tmp_path / "whole", plugins=plugins)
    assert [line["added"] for line in expected[2]] == [{"counter": {"epochs": n}} for n in (1.0, 2.0, 3.0)]
    out = killed(made, tmp_path / "run", 19, plugins=plugins)
    textforge.resume(out, plugins=plugins)
    assert outcome(out) == expected


def test_a_state_that_does_not_come_back_is_refused_before_training(
    plugins: PluginManager, data: Path, tmp_path: Path
) -> None:
    made = {**recipe(data), "optimizer": {"use": "forgetful"}}
    out = killed(made, tmp_path / "run", 5, plugins=plugins)
    progress = Kill()
    with pytest.raises(RecipeError, match=r"not the one that comes back \('optimizer/state'"):
        textforge.resume(out, plugins=plugins, progress=progress)
    assert progress.seen == 0
    textforge.resume(out, plugins=plugins, anyway=True)


def test_what_has_no_state_warns_before_it_trains_and_begins_anew(
    plugins: PluginManager, data: Path, tmp_path: Path
) -> None:
    made = {**recipe(data), "scheduler": {"use": "stateless"}, "callbacks": ["odd"]}
    progress = Kill(3)
    with pytest.raises(Killed):
        textforge.run(made, out=tmp_path / "run", plugins=plugins, progress=progress)
    (warning,) = [one for one in progress.warnings if "no checkpoints are saved" in one]
    assert "scheduler 'stateless' from this program has no state_dict()" in warning
    again = Kill()
    textforge.resume(tmp_path / "run", plugins=plugins, progress=again)
    assert again.seen == STEPS


def test_a_callback_whose_state_cannot_be_saved_is_a_warning(
    plugins: PluginManager, data: Path, tmp_path: Path
) -> None:
    done = textforge.run({**recipe(data), "callbacks": ["odd"]}, out=tmp_path / "run", plugins=plugins)
    assert "the state of callback 'odd'/epochs is a builtins.set" in done.result["warnings"][-1]


# -- what has changed ----------------------------------------------------------------------------


@pytest.fixture
def stopped(data: Path, tmp_path: Path) -> Path:
    copy = shutil.copy(data, tmp_path / "data.csv")
    return killed(recipe(Path(copy)), tmp_path / "run", 11)


def edit(path: Path, change: Any) -> None:
    found = json.loads(path.read_text())
    change(found)
    path.write_text(json.dumps(found))


def of_environment(*keys: str) -> Any:
    def change(run: Path) -> None:
        def put(found: Any) -> None:
            for key in keys[:-1]:
                found = found[key]
            found[keys[-1]] = "0.0"

        edit(run / "environment.json", put)

    return change


def other_data(run: Path) -> None:
    file = run.parent / "data.csv"
    file.write_text(file.read_text().replace("the", "a", 1))


def other_recipe(run: Path) -> None:
    found = yaml.safe_load((run / "resolved.yaml").read_text())
    found["trainer"]["epochs"] = 4
    (run / "resolved.yaml").write_text(yaml.safe_dump(found))


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (other_data, r"the data \(their SHA-256 was"),
        (other_recipe, r"the recipe \(resolved\.yaml was edited\)"),
        (of_environment("packages", "torch"), r"torch was 0\.0 and is [1-9]"),
        (of_environment("threads"), r"the number of threads was 0\.0 and is"),
        (of_environment("python"), "Python was"),
        (of_environment("processor"), "the processor's instructions was"),
        (of_environment("packages", "textforge"), "textforge was"),
    ],
)
def test_what_has_changed_is_refused_by_name_and_continued_anyway(stopped: Path, change: Any, named: str) -> None:
    change(stopped)
    progress = Kill()
    with pytest.raises(RecipeError, match=rf"cannot be continued bit for bit.*{named}.*--anyway"):
        textforge.resume(stopped, progress=progress)
    assert progress.seen == 0
    done = textforge.resume(stopped, anyway=True)
    assert done.result["resumed"]["changed"]
    assert "continued although this has changed" in " ".join(done.result["warnings"])


def test_another_version_of_a_plugin_is_named(data: Path, tmp_path: Path) -> None:
    out = killed(recipe(data), tmp_path / "run", 11)

    def change(found: Any) -> None:
        found["plugins"]["model"] |= {"distribution": "textforge-other", "version": "1.0"}

    edit(out / "environment.json", change)
    with pytest.raises(RecipeError, match=r"the plugin of mlp was textforge-other 1\.0 and is textforge "):
        textforge.resume(out)


def test_only_unfinished_runs_are_continued(finished_run: Path, stopped: Path, tmp_path: Path) -> None:
    for path, message in (
        (finished_run, "this run is finished"),
        (finished_run / "model", "a bundle, not a run"),
        (tmp_path / "away", "no such run"),
        (tmp_path, r"neither a run \(result\.json\)"),
    ):
        with pytest.raises((BundleError, RecipeError), match=message):
            textforge.resume(path)
    for damage in ("{", "[]", "{}", '{"format": 9}', '{"format": 1, "recipe": 3}'):
        (stopped / "plan.json").write_text(damage)
        with pytest.raises(BundleError, match=r"its plan\.json (is damaged|is not of format 1)"):
            textforge.resume(stopped)
    (stopped / "plan.json").unlink()
    with pytest.raises(BundleError, match="Run it again: textforge run"):
        textforge.resume(stopped)


def test_a_run_at_work_is_not_continued_by_another_process(stopped: Path) -> None:
    from textforge.runs.lock import locked

    with locked(stopped), pytest.raises(RecipeError, match="another process works on this run"):
        textforge.resume(stopped)


def test_data_given_in_code_are_given_again(tmp_path: Path) -> None:
    texts, labels = make_texts(150)
    given = textforge.Dataset(train=(texts[:120], labels[:120]), test=(texts[120:], labels[120:]))
    made = recipe(tmp_path / "x.csv")
    del made["dataset"]
    expected = whole(made, tmp_path / "whole", dataset=given)
    out = killed(made, tmp_path / "run", 11, dataset=given)
    with pytest.raises(RecipeError, match="were given in code"):
        textforge.resume(out)
    textforge.resume(out, dataset=given)
    assert outcome(out) == expected


def test_a_trainer_continues_from_a_checkpoint_bit_for_bit(tmp_path: Path) -> None:
    texts, labels = make_texts(60)
    data, parts = textforge.Dataset(train=(texts, labels)), PluginManager()
    given = ("bow", parts.part("model", "mlp", hidden=[8], dropout=0.3), "adam")

    def save(done: textforge.StepResult) -> None:
        if (done.epoch, done.step) == (2, 3):
            loop.checkpoint(tmp_path / "saved")

    loop = textforge.Trainer(data, *given, epochs=3, batch_size=8, on_step=save)
    loop.fit()
    other = textforge.Trainer.from_checkpoint(tmp_path / "saved", data, *given, epochs=3, batch_size=8)
    assert [one.number for one in other] == [2, 3]
    assert all(torch.equal(a, b) for a, b in zip(loop.module.parameters(), other.module.parameters(), strict=True))
    with pytest.raises(RecipeError, match="another seed"):
        textforge.Trainer.from_checkpoint(tmp_path / "saved", data, *given, epochs=3, batch_size=8, seed=1)
    with pytest.raises(RecipeError, match="'checkpoint' is for runs"):
        textforge.Trainer(data, *given, checkpoint={"every": "1 epoch"})


# -- trained further -----------------------------------------------------------------------------


def test_a_finished_run_is_trained_further_as_if_it_had_been_planned_longer(data: Path, tmp_path: Path) -> None:
    made = recipe(data, "averaged", trainer={"validation": 0.2, "ema": 0.8, "checkpoint": {"every": "1 epoch"}})
    short = textforge.run(made, out=tmp_path / "short").path
    before = {path: path.read_bytes() for path in short.rglob("*") if path.is_file()}
    done = textforge.resume(short, epochs=5, out=tmp_path / "long")
    assert done.result["continues"] == {"run": str(short), "checkpoint": "epoch-3-end", "changed": []}
    expected = whole({**made, "trainer": {**made["trainer"], "epochs": 5}}, tmp_path / "whole")
    assert outcome(done.path)[:3] == expected[:3]
    assert {path: path.read_bytes() for path in short.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("mode", ["memory", "scheduled"])
def test_a_run_without_a_last_state_goes_on_from_its_weights_and_says_so(mode: str, data: Path, tmp_path: Path) -> None:
    every = "1 epoch" if mode == "scheduled" else "never"
    short = textforge.run(recipe(data, mode, trainer={"checkpoint": {"every": every}}), out=tmp_path / "short").path
    progress = Kill()
    done = textforge.resume(short, epochs=5, out=tmp_path / "long", progress=progress)
    assert done.result["continues"]["checkpoint"] is None
    assert done.result["epochs"] == 2
    assert done.result["init_from"]["run"] == str(short)
    assert done.result["init_from"]["initialized"] == []
    assert any("from its weights; the optimizer begins anew" in one for one in progress.stages)


def test_what_cannot_be_trained_further_says_why(finished_run: Path, stopped: Path, tmp_path: Path) -> None:
    epochs = json.loads((finished_run / "result.json").read_text())["epochs"]
    with pytest.raises(RecipeError, match=f"has {epochs} epochs already"):
        textforge.resume(finished_run, epochs=epochs)
    with pytest.raises(RecipeError, match=r"not finished.*textforge resume"):
        textforge.resume(stopped, epochs=9)
    with pytest.raises(RecipeError, match="out is for a new run"):
        textforge.resume(stopped, out=tmp_path / "x")
    damaged = Path(shutil.copytree(finished_run, tmp_path / "damaged"))
    (damaged / "result.json").write_text("{}")
    with pytest.raises(BundleError, match="does not say how many epochs the run had"):
        textforge.resume(damaged, epochs=9)


def test_the_advice_to_continue_is_there_until_the_run_is_done(data: Path, tmp_path: Path) -> None:
    found = []

    class Listening(Progress):
        interruption = Interruption()

        def stage(self, text: str) -> None:
            found.append(self.interruption.advice)

    for what, more in (("run", {}), ("run_seeds", {"seeds": [1, 2]}), ("cross_validate", {"folds": 2})):
        found.clear()
        getattr(textforge, what)(recipe(data), out=tmp_path / what, progress=Listening(), **more)
        assert set(found) == {f"continue with: textforge resume {tmp_path / what}"}
        assert not Listening.interruption.advice


# -- several trainings ---------------------------------------------------------------------------


class Count(Kill):
    """Counts what begins."""

    @property
    def trained(self) -> int:
        return len([one for one in self.stages if one.startswith(("training", "fold "))])


def several(path: Path, summary: str) -> Any:
    result = json.loads((path / summary).read_text())
    result.pop("seconds")
    return result


@pytest.mark.parametrize("at", [1, 30, 40, 50])
def test_seeds_go_on_with_those_that_are_not_done(at: int, data: Path, tmp_path: Path) -> None:
    made = recipe(data)
    textforge.run_seeds(made, [0, 1, 2], out=tmp_path / "whole")
    with pytest.raises(Killed):
        textforge.run_seeds(made, [0, 1, 2], out=tmp_path / "runs", progress=Kill(at))
    progress = Count()
    done = textforge.resume(tmp_path / "runs", progress=progress)
    assert isinstance(done, textforge.Repeats)
    assert several(done.path, "seeds.json") == several(tmp_path / "whole", "seeds.json")
    for name in ("seed-0", "seed-1", "seed-2"):
        assert outcome(tmp_path / "runs" / name) == outcome(tmp_path / "whole" / name)
    assert progress.trained == 3 - (at - 1) // STEPS
    with pytest.raises(RecipeError, match="finished"):
        textforge.resume(tmp_path / "runs")


def test_seeds_that_were_killed_before_a_run_began_go_on(data: Path, tmp_path: Path) -> None:
    made = recipe(data)
    with pytest.raises(Killed):
        textforge.run_seeds(made, [0, 1], out=tmp_path / "runs", progress=Kill(30))
    for name in ("plan.json", "environment.json"):
        (tmp_path / "runs" / "seed-1" / name).unlink()
    shutil.rmtree(tmp_path / "runs" / "seed-1" / "checkpoints")
    (tmp_path / "runs" / "seed-1" / "metrics.jsonl").unlink(missing_ok=True)
    for folder, name in ((tmp_path / "runs", "seeds.json"), (tmp_path / "runs" / "seed-1", "recipe.yaml")):
        (folder / f".{name}.00000000-1-1-abcdef.tmp").write_text("of another boot")
    textforge.resume(tmp_path / "runs")
    assert not list((tmp_path / "runs").rglob(".*"))
    alone = textforge.run({**made, "seed": 1}, out=tmp_path / "alone")
    assert outcome(tmp_path / "runs" / "seed-1")[:3] == outcome(alone.path)[:3]


def test_seeds_refuse_other_data(data: Path, tmp_path: Path) -> None:
    file = Path(shutil.copy(data, tmp_path / "data.csv"))
    with pytest.raises(Killed):
        textforge.run_seeds(recipe(file), [0, 1], out=tmp_path / "runs", progress=Kill(30))
    other_data(tmp_path / "runs")
    with pytest.raises(RecipeError, match=r"the data \(their SHA-256"):
        textforge.resume(tmp_path / "runs")
    textforge.resume(tmp_path / "runs", anyway=True)


@pytest.mark.parametrize("damaged", [False, True])
def test_folds_go_on_with_those_that_are_not_done(damaged: bool, data: Path, tmp_path: Path) -> None:
    made = recipe(data)
    textforge.cross_validate(made, folds=3, out=tmp_path / "whole")
    with pytest.raises(Killed):
        textforge.cross_validate(made, folds=3, out=tmp_path / "cv", progress=Kill(50))
    if damaged:
        (tmp_path / "cv" / "folds" / "fold-1.json").write_text('{"number": 1}')
    progress = Count()
    done = textforge.resume(tmp_path / "cv", progress=progress)
    assert isinstance(done, textforge.CrossValidation)
    assert progress.trained == (2 if damaged else 1)
    assert len([one for one in progress.warnings if "fold 1 is trained again" in one]) == damaged
    assert several(done.path, "cross-validation.json") == several(tmp_path / "whole", "cross-validation.json")
    for name in ("predictions.jsonl", "folds.jsonl"):
        one, other = ((tmp_path / folder / name).read_text() for folder in ("cv", "whole"))
        assert sorted(one.splitlines()) == sorted(other.splitlines())
    assert {path.name for path in done.path.iterdir()} == {path.name for path in (tmp_path / "whole").iterdir()}


# -- how often -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("checkpoint", "message"),
    [
        ({"every": "often"}, "every must be 'auto', 'never', or a number and a unit, as in '1 epoch'.*not 'often'"),
        ({"every": "0 steps"}, "every must be"),
        ({"every": 5}, "trainer: checkpoint.every must be text, not 5"),
        ({"keep": 0}, "trainer: checkpoint.keep must be a number of at least 1, not 0"),
        ({"evry": "1 epoch"}, "trainer: unknown key 'checkpoint.evry'"),
        ("1 epoch", "trainer: checkpoint must be a mapping"),
    ],
)
def test_wrong_settings_are_named(data: Path, checkpoint: Any, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        textforge.load_recipe(recipe(data, trainer={"checkpoint": checkpoint}))


def test_all_defaults_are_in_the_resolved_recipe_and_can_be_overridden(data: Path) -> None:
    made = recipe(data, trainer={"checkpoint": {"keep": 5}})
    assert textforge.load_recipe(made).resolved()["trainer"]["checkpoint"] == {"every": "auto", "keep": 5}
    loaded = textforge.load_recipe(made, overrides=["trainer.checkpoint.every=500 steps"])
    assert loaded.trainer.checkpoint == CheckpointSettings(every="500 steps", keep=5)


class Time:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(("cost", "epoch"), [(0.01, 0.1), (0.5, 2.0), (3.0, 40.0), (0.2, 400.0)])
def test_checkpoints_after_epochs_take_two_percent_of_the_time_at_most(
    cost: float, epoch: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    time = Time()
    monkeypatch.setattr("textforge.runs.checkpoints.time.monotonic", time)
    schedule, spent, saved = Schedule(CheckpointSettings(), cost), 0.0, 0
    schedule.begin()
    for _ in range(1000):
        for _ in range(4):
            time.now += epoch / 4
            assert schedule.after_step() == (time.now - schedule._last >= 300)
        if schedule.after_epoch():
            time.now, spent, saved = time.now + cost, spent + cost, saved + 1
            schedule.saved(cost)
            assert spent <= 0.0201 * time.now
    assert saved >= min(1000, int(0.018 * time.now / cost))


def test_a_long_epoch_has_one_every_five_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    time = Time()
    monkeypatch.setattr("textforge.runs.checkpoints.time.monotonic", time)
    schedule = Schedule(CheckpointSettings(), 1.0)
    schedule.begin()
    saved = []
    for _ in range(1000):
        time.now += 1.0
        if schedule.after_step():
            saved.append(time.now)
            schedule.saved(100.0)
    assert saved == [300, 600, 900]
