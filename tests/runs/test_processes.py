"""A run in several processes: one folder, one voice, one end, and the results of one process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch.distributed as dist
import warm_processes
import yaml
from conftest import make_texts, only_json, small_recipe, write_csv
from safetensors.numpy import load_file

import textforge

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="gloo and signals as on Unix")
OWN = {"CI": "true", "TEXTFORGE_TIMEOUT": "60", "GLOO_SOCKET_IFNAME": "lo"}


class Launched:
    """Processes of the command line that a launcher has started, each with arguments of its own."""

    def __init__(self, commands: Sequence[Sequence[object]], **changed: str) -> None:
        self.store = dist.TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)  # as torchrun keeps one
        common = {"WORLD_SIZE": str(len(commands)), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(self.store.port)}
        common["TORCHELASTIC_USE_AGENT_STORE"] = "True"
        common["LOCAL_WORLD_SIZE"] = common["WORLD_SIZE"]
        self.processes = [
            subprocess.Popen(
                [*warm_processes.command(), *map(str, command)], stdin=subprocess.DEVNULL, text=True,
                stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                env={**os.environ, **OWN, **common, **changed, "RANK": str(rank), "LOCAL_RANK": str(rank)},
            )
            for rank, command in enumerate(commands)
        ]  # fmt: skip

    def ended(self) -> list[tuple[int, str, str]]:
        """Exit code, stdout and stderr of each process."""
        found = []
        for one in self.processes:
            stdout, stderr = one.communicate(timeout=90)
            assert "Traceback" not in stderr, stderr
            found.append((one.returncode, stdout, stderr))
        return found

    def train_until(self, file: Path) -> None:
        """Wait until the run has written a file."""
        until = time.monotonic() + 60
        while not (file.is_file() and file.stat().st_size):
            assert time.monotonic() < until, self.processes[0].communicate()
            time.sleep(0.02)


def together(*arguments: object, n: int = 2, **changed: str) -> list[tuple[int, str, str]]:
    return Launched([arguments] * n, **changed).ended()


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    """A recipe whose training takes a moment; it draws random numbers for dropout."""
    train, test = (write_csv(tmp_path / f"{name}.csv", *make_texts(n, seed=n)) for name, n in (("a", 120), ("b", 40)))
    sections = small_recipe(train, trainer={"epochs": 3, "batch_size": 16, "validation": 0.2, "device": "cpu"})
    sections["dataset"]["test"] = str(test)
    path = tmp_path / "small.yaml"
    path.write_text(yaml.safe_dump(sections, sort_keys=False))
    return path


def weights(run: Path) -> dict[str, np.ndarray]:
    return load_file(run / "model" / "model.safetensors")


def test_torchrun_trains_as_one_process_and_writes_one_folder(recipe: Path, tmp_path: Path) -> None:
    command = ["torch.distributed.run", "--nproc-per-node", "2", "-m", "textforge", "run", recipe, "--json", "-q"]
    done = subprocess.run(
        [sys.executable, "-m", *map(str, command), "--out", str(tmp_path / "two")], capture_output=True, text=True,
        env={**os.environ, **OWN}, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    result = only_json(done.stdout)
    alone = textforge.run(recipe, out=tmp_path / "one")
    for figure in ("accuracy", "macro_f1", "n"):
        assert result["test"][figure] == pytest.approx(alone.result["test"][figure])
    assert result["train_loss"] == pytest.approx(alone.result["train_loss"], rel=1e-5)
    for name, one in weights(alone.path).items():
        np.testing.assert_allclose(weights(tmp_path / "two")[name], one, atol=1e-5)
    assert json.loads((tmp_path / "two" / "environment.json").read_text())["processes"] == 2
    assert {file.name for file in (tmp_path / "two").iterdir()} == {file.name for file in alone.path.iterdir()}


def test_a_mistake_of_the_user_is_reported_once_with_its_exit_code(recipe: Path, tmp_path: Path) -> None:
    (first, out, message), (second, other_out, silence) = together("run", recipe, "-s", "model.hiden=3")
    assert (first, second) == (2, 2)
    assert "unknown option 'hiden'" in message
    assert (out, other_out, silence) == ("", "", "")


def test_an_error_in_training_is_reported_once_with_its_exit_code(recipe: Path, tmp_path: Path) -> None:
    found = together("run", recipe, "-q", "-s", "optimizer.lr=1e20", "-s", "model.norm=null", "--out", tmp_path / "run")
    assert [code for code, _, _ in found] == [1, 1]
    assert "the loss became" in found[0][2]
    assert found[1][2] == ""


def test_a_failure_of_another_process_ends_all_and_is_reported_once(recipe: Path, tmp_path: Path) -> None:
    other = yaml.safe_load(recipe.read_text())
    other["dataset"]["train"] = str(tmp_path / "missing.csv")
    (tmp_path / "other.yaml").write_text(yaml.safe_dump(other))
    commands = [("run", path, "-q", "--out", tmp_path / "run") for path in (recipe, tmp_path / "other.yaml")]
    (code, out, message), (other_code, _, silence) = Launched(commands).ended()
    assert (code, other_code, out) == (2, 2, "")
    assert silence == ""
    assert message.startswith("error: process 1 of 2 has failed: ")
    assert message.count("missing.csv") == 2, "in the message and in the line of the recipe"


@pytest.mark.parametrize(("key", "words"), [("dataset.train={}/b.csv", "other data"), ("seed=1", "another recipe")])
def test_what_differs_between_processes_is_refused(recipe: Path, tmp_path: Path, key: str, words: str) -> None:
    common = ("run", recipe, "-q", "--out", tmp_path / "run")
    (code, _, message), (other, _, silence) = Launched([common, (*common, "-s", key.format(tmp_path))]).ended()
    assert (code, other, silence) == (2, 2, "")
    assert f"process 1 of 2 has {words} than process 0. Give all of them the same." in message
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("rank", [0, 1])
def test_a_killed_process_ends_all_in_a_sentence(recipe: Path, tmp_path: Path, rank: int) -> None:
    run = tmp_path / "run"
    launched = Launched([("run", recipe, "-q", "-s", "trainer.epochs=100000", "--out", run)] * 2)
    launched.train_until(run / "metrics.jsonl")
    began = time.monotonic()
    launched.processes[rank].kill()  # which kills the process that it stands for
    ended = launched.ended()
    assert time.monotonic() - began < 60
    code, _, message = ended[1 - rank]
    assert code == 1
    (line,) = message.splitlines()
    assert f"error: process {rank} of 2 has ended, or does not answer, so the training cannot go on." in line
    assert line.endswith(f"continue with: torchrun --nproc-per-node 2 -m textforge resume {run}")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stopped_run_continues_to_the_results_of_one_never_stopped(
    recipe: Path, tmp_path: Path, number: signal.Signals
) -> None:
    given = ("run", recipe, "-q", "-s", "model.dropout=0.3", "-s", "trainer.epochs=60", "-s", "trainer.accumulate=2")
    stopped, whole = tmp_path / "stopped", tmp_path / "whole"
    launched = Launched([(*given, "--out", stopped)] * 2)
    launched.train_until(stopped / "metrics.jsonl")
    launched.processes[1].send_signal(number)  # to one of them; all end after the same step
    (code, _, message), (other, _, silence) = launched.ended()
    assert (code, other) == ((128 + number) if number == signal.SIGTERM else 143, 128 + number)
    assert len((message + silence).strip().splitlines()) == 1
    assert [path.name for path in (stopped / "checkpoints").iterdir()]
    alone = subprocess.run(
        [*warm_processes.command(), "resume", str(stopped)], capture_output=True, text=True, env={**os.environ, **OWN}
    )
    assert alone.returncode == 2
    assert "the number of processes was 2 and is 1" in alone.stderr
    assert [code for code, _, _ in together("resume", stopped, "-q")] == [0, 0]
    assert [code for code, _, _ in together(*given, "--out", whole)] == [0, 0]
    for name, one in weights(whole).items():
        assert np.array_equal(weights(stopped)[name], one), name


def test_commands_for_one_process_are_refused(tmp_path: Path) -> None:
    (code, out, message), (_, _, silence) = together("predict", tmp_path, "text")
    assert (code, out, silence) == (2, "", "")
    assert "torchrun has started 2 processes, but 'predict' works in one" in message


@pytest.mark.parametrize("given", ["0", "soon"])
def test_a_wrong_timeout_is_refused(recipe: Path, tmp_path: Path, given: str) -> None:
    (code, _, message), _ = together("run", recipe, "--out", tmp_path / "run", TEXTFORGE_TIMEOUT=given)
    assert code == 2
    assert f"TEXTFORGE_TIMEOUT must be a number of seconds above 0, not '{given}'" in message


def test_a_process_that_does_not_come_is_named(recipe: Path, tmp_path: Path) -> None:
    launched = Launched([("run", recipe, "-q", "--out", tmp_path / "run")] * 2, TEXTFORGE_TIMEOUT="3")
    launched.processes[1].kill()
    (code, _, message), _ = launched.ended()
    assert code == 1
    assert "process 1 of 2 did not start within 3 s" in message
