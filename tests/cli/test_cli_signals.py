"""SIGINT, SIGTERM and SIGHUP: a run ends in order, within a grace time, and can be continued. Real processes."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import warm_processes
import yaml
from conftest import make_texts, small_recipe, write_csv, write_site
from in_process import invoke

from textforge.classifiers.storage import sha256

SLOW = """
import os, time
from textforge import hookimpl

def step():
    with open(os.environ["STEPS"], "a") as file:
        file.write(".")

def slow(n_features, n_classes, /, *, seconds: float = 0.05):
    import torch, textforge
    class Slow(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = textforge.FeatureLinear(n_features, n_classes)
        def forward(self, batch):
            if self.training:
                step()
                time.sleep(seconds)
            return self.layer(batch)
    return Slow()

def waiting(seed, /):
    step()
    time.sleep(60)

@hookimpl
def textforge_models():
    return {"slow": slow}

@hookimpl
def textforge_datasets():
    return {"waiting": waiting}
"""


class Work:
    """A run in a process of its own."""

    def __init__(self, folder: Path, **sections: object) -> None:
        self.folder, self.out, self.steps = folder, folder / "run", folder / "steps"
        data = folder / "data.csv"
        if not data.exists():
            write_csv(data, *make_texts(90))
            write_site(folder, "textforge-slow", SLOW)
        trainer = {"epochs": 30, "batch_size": 10, "checkpoint": {"every": "never"}}
        made = small_recipe(data, model={"use": "slow"}, trainer=trainer)
        self.recipe = folder / "recipe.yaml"
        self.recipe.write_text(yaml.safe_dump({**made, **sections}))

    def start(self, *options: str, ignoring: tuple[int, ...] = ()) -> subprocess.Popen[str]:
        paths = [str(self.folder), os.environ.get("PYTHONPATH", "")]
        env = {**os.environ, "STEPS": str(self.steps), "PYTHONPATH": os.pathsep.join(filter(None, paths))}
        command = [*warm_processes.command()]
        if ignoring:  # which only the start of Python sees
            command = ["env", *(f"--ignore-signal={number}" for number in ignoring), sys.executable, "-m", "textforge"]
        command += ["run", str(self.recipe), "--out", str(self.out), *options]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)

    def wait_for_steps(self, n: int, process: subprocess.Popen[str]) -> None:
        until = time.monotonic() + 60
        while not (self.steps.exists() and self.steps.stat().st_size >= n):
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < until
            time.sleep(0.01)

    def stop(self, *numbers: int, options: tuple[str, ...] = (), after: int = 12) -> tuple[int, list[str], float]:
        """Send signals after some steps; the exit code, the lines on stderr, and the seconds that the end took."""
        with self.start(*options) as process:
            self.wait_for_steps(after, process)
            began = time.monotonic()
            for number in numbers:
                process.send_signal(number)
                time.sleep(0.1)
            stdout, stderr = process.communicate(timeout=60)
        assert stdout == ""
        assert "Traceback" not in stderr
        return process.returncode, stderr.splitlines(), time.monotonic() - began


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Work]:
    def made(**sections: object) -> Work:
        found = Work(tmp_path, **sections)
        monkeypatch.syspath_prepend(str(tmp_path))  # for what is continued in this process
        monkeypatch.setenv("STEPS", str(found.steps))
        return found

    return made


def quick(work: Work, out: Path) -> str:
    """The digest of the weights of the same run, never stopped."""
    done = invoke("run", work.recipe, "--out", out, "-q", "-s", "model.seconds=0")
    assert done.returncode == 0, done.stderr
    return sha256(out / "model" / "model.safetensors")


@pytest.mark.parametrize(
    ("number", "code", "words"),
    [(signal.SIGTERM, 143, "ended by SIGTERM"), (signal.SIGHUP, 129, "ended by SIGHUP"),
     (signal.SIGINT, 130, "interrupted")],
    ids=["term", "hup", "int"],
)  # fmt: skip
def test_a_signal_ends_a_run_after_its_step_with_a_checkpoint(
    work: Callable[..., Work], number: int, code: int, words: str
) -> None:
    it = work(trainer={"epochs": 2, "batch_size": 10, "checkpoint": {"every": "never"}})
    returned, lines, seconds = it.stop(number)
    assert returned == code
    assert lines[-1] == (
        f"error: {words}. {it.out} is unfinished: it has no result.json; continue with: textforge resume {it.out}"
    )
    assert seconds < 5
    (saved,) = (it.out / "checkpoints").iterdir()
    steps = it.steps.stat().st_size
    assert saved.name == f"epoch-2-step-{steps - 8}"
    done = invoke("resume", it.out, "--json")
    assert done.returncode == 0, done.stderr
    assert it.steps.stat().st_size == 16
    assert sha256(it.out / "model" / "model.safetensors") == quick(it, it.folder / "whole")


def test_a_second_signal_ends_at_once_and_keeps_the_last_checkpoint(work: Callable[..., Work]) -> None:
    it = work(
        model={"use": "slow", "seconds": 3},
        trainer={"epochs": 30, "batch_size": 50, "checkpoint": {"every": "1 step"}},
    )
    code, lines, seconds = it.stop(signal.SIGTERM, signal.SIGTERM, options=("-q",), after=2)
    assert code == 143
    assert lines == [
        "error: ended by SIGTERM, then ended by SIGTERM, so ended at once. "
        f"You can continue with: textforge resume {it.out}"
    ]
    assert seconds < 2
    assert [path.name for path in (it.out / "checkpoints").iterdir()] == ["epoch-1-step-1"]


def test_a_step_that_takes_longer_than_the_grace_time_is_not_waited_for(work: Callable[..., Work]) -> None:
    it = work(model={"use": "slow", "seconds": 5})
    code, lines, seconds = it.stop(signal.SIGTERM, options=("-q", "--grace", "0.3"), after=1)
    assert code == 143
    assert lines[0].startswith("error: ended by SIGTERM, and not done after 0.3 s, so ended at once. You can continue")
    assert 0.25 < seconds < 3


def test_a_signal_while_data_are_loaded_ends_soon_with_a_sentence(work: Callable[..., Work]) -> None:
    it = work(dataset={"use": "waiting"})
    code, lines, seconds = it.stop(signal.SIGHUP, options=("-q",), after=1)
    assert code == 129
    assert lines[-1].startswith("error: ended by SIGHUP. ")
    assert lines[-1].endswith(f"continue with: textforge resume {it.out}")
    assert seconds < 3


def test_a_hangup_that_was_ignored_at_the_start_stays_ignored(work: Callable[..., Work]) -> None:
    it = work(trainer={"epochs": 2, "batch_size": 10})
    with it.start("-q", ignoring=(signal.SIGHUP,)) as process:
        it.wait_for_steps(3, process)
        process.send_signal(signal.SIGHUP)
        _, stderr = process.communicate(timeout=60)
    assert (process.returncode, stderr) == (0, "")


@pytest.mark.parametrize("seed", range(2))
def test_killed_processes_leave_runs_that_are_continued_bit_for_bit(work: Callable[..., Work], seed: int) -> None:
    it, draw = work(trainer={"epochs": 3, "batch_size": 10, "checkpoint": {"every": "2 steps"}}), random.Random(seed)
    code, _, _ = it.stop(signal.SIGKILL, after=draw.randrange(4, 22))
    assert code == -signal.SIGKILL
    said = invoke("predict", it.out, "text").stderr
    assert f"continue with: textforge resume {it.out}" in said
    done = invoke("resume", it.out, "-q")
    assert done.returncode == 0, done.stderr
    assert sha256(it.out / "model" / "model.safetensors") == quick(it, it.folder / "whole")


def test_a_command_without_a_run_ends_by_a_signal_with_its_code(finished_run: Path) -> None:
    command = [*warm_processes.command(), "predict", str(finished_run)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        assert process.stderr
        process.stdin.write(b"the shuttle\n")
        process.stdin.flush()
        assert process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)  # while its input is still open
        stderr = process.stderr.read()
    assert (process.returncode, stderr) == (143, b"\nerror: ended by SIGTERM.\n")  # click begins a new line


def test_resume_says_what_it_does(finished_run: Path) -> None:
    done = invoke("resume", finished_run)
    assert (done.returncode, done.stdout) == (2, "")
    told = "this run is finished, so there is nothing to continue. --epochs N trains it further."
    assert done.stderr == f"error: {finished_run}: {told}\n"
    assert "--grace SECONDS" in invoke("run", "--help").stdout
