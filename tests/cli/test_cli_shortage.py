"""Real processes under real limits: what ran out is said in a sentence, with exit code 1."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import textforge, write_site
from in_process import invoke

from textforge.errors.shortage import ADVICE

resource = pytest.importorskip("resource")

KB = 1 << 10
BROKEN = '''
import textforge

class Panic(BaseException):
    """As Rust's."""

Panic.__name__ = "PanicException"

def hungry(seed, /, *, how: str = "memory"):
    """Takes all there is."""
    if how == "memory":
        raise MemoryError
    if how == "panic":
        raise Panic("ThreadPoolBuildError: Os { code: 11, message: 'Resource temporarily unavailable' }")
    raise Panic("index out of bounds")

@textforge.hookimpl
def textforge_datasets():
    return {"hungry": hungry}
'''


def under(limit: str, value: int) -> Callable[[], None]:
    """What sets a limit of the process to come."""
    which = getattr(resource, limit)
    return lambda: resource.setrlimit(which, (value, value))


def is_told(done: subprocess.CompletedProcess) -> None:
    """Done, or one sentence; never what looks like a fault of the program."""
    assert done.returncode in (0, 1), (done.returncode, done.stderr)
    for sign in ("internal error", "Traceback", "panicked", "stack backtrace", "core dumped", "NameError"):
        assert sign not in done.stderr, done.stderr
    if done.returncode:
        assert done.stderr.startswith("error: ")
        assert done.stderr.count("\n") == 1, done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "kilobytes"),
    [("run", n) for n in (150_000, 500_000, 700_000, 1_250_000, 1_700_000, 1_950_000, 6_000_000)]
    + [("predict", n) for n in (500_000, 700_000, 1_700_000, 6_000_000)],
)
def test_too_little_address_space_is_reported(
    recipe_file: Path, finished_run: Path, tmp_path: Path, command: str, kilobytes: int
) -> None:
    arguments = {
        "run": ["run", recipe_file, "--out", tmp_path / "run", "-q"],
        "predict": ["predict", finished_run, "x"],
    }
    done = textforge(*arguments[command], preexec_fn=under("RLIMIT_AS", kilobytes * KB))
    is_told(done)
    if kilobytes <= 500_000:
        assert done.returncode == 1
        assert "too little memory to load the libraries" in done.stderr
    if done.returncode:
        assert f"The limits of this process: {kilobytes:,} kB of memory (ulimit -v)" in done.stderr
    if kilobytes >= 6_000_000:
        assert done.returncode == 0


@pytest.mark.parametrize("command", ["--help", "check", "plugins"])
def test_what_loads_no_library_needs_little(recipe_file: Path, command: str) -> None:
    arguments = ["check", recipe_file] if command == "check" else [command]
    done = textforge(*arguments, preexec_fn=under("RLIMIT_AS", 400_000 * KB))
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.slow
@pytest.mark.parametrize("files", [5, 6, 7, 8, 9, 12])
def test_too_few_open_files_are_reported(recipe_file: Path, tmp_path: Path, files: int) -> None:
    arguments = ["run", recipe_file, "--out", tmp_path / "run", "-q"]
    done = textforge(*arguments, preexec_fn=under("RLIMIT_NOFILE", files))
    is_told(done)
    if files < 8:
        assert (
            done.stderr == f"error: too many files are open at once. The limits of this process: {files} open files "
            "(ulimit -n).\n"
        )


@pytest.mark.parametrize("command", ["run", "predict", "predict to a file", "init", "check"])
def test_where_no_file_may_grow_it_is_reported(
    recipe_file: Path, small_csv: Path, finished_run: Path, tmp_path: Path, command: str
) -> None:
    arguments = {
        "run": ["run", recipe_file, "--out", tmp_path / "run"],
        "predict": ["predict", finished_run, "moon"],
        "predict to a file": ["predict", finished_run, "moon", "-o", tmp_path / "out"],
        "init": ["init", small_csv, "-o", tmp_path / "r.yaml"],
        "check": ["check", recipe_file],
    }[command]
    done = textforge(*arguments, preexec_fn=under("RLIMIT_FSIZE", 0))
    is_told(done)
    assert not (tmp_path / "out").exists() and not (tmp_path / "r.yaml").exists()
    if "file" in command or command == "init":
        assert done.returncode == 1


def installed(folder: Path) -> dict[str, str]:
    folder.mkdir(exist_ok=True)
    site = write_site(folder, "textforge-hungry", BROKEN)
    return {"PYTHONPATH": os.pathsep.join(filter(None, [str(site), os.getenv("PYTHONPATH")]))}


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ("memory", f"error: out of memory. {ADVICE['load']}"),
        ("panic", "error: no more threads or processes can be started."),
    ],
)
def test_a_shortage_while_data_are_loaded_has_advice_for_that(
    recipe_file: Path, tmp_path: Path, how: str, told: str
) -> None:
    env = installed(tmp_path / "site")
    out = tmp_path / "run"
    done = textforge("run", recipe_file, "-s", f"dataset={{use: hungry, how: {how}}}", "--out", out, "-q", env=env)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(told)
    assert "vectorizer.max_features, a smaller model" not in done.stderr
    assert not out.exists()


def test_another_panic_names_the_plugin(recipe_file: Path, tmp_path: Path) -> None:
    env = installed(tmp_path / "site")
    done = textforge("run", recipe_file, "-s", "dataset={use: hungry, how: bug}", "--out", tmp_path / "run", env=env)
    assert done.returncode == 1
    assert "dataset 'hungry' from textforge-hungry 1.0 failed while being built: PanicException" in done.stderr


@pytest.mark.parametrize(
    ("where", "stage"),
    [
        ("textforge.data.dataset.as_dataset", "load"),
        ("textforge.runs.runner.trainer_for", "vectorize"),
        ("textforge.training.epochs.Epochs._epoch", "train"),
        ("textforge.runs.finishing._evaluate", "evaluate"),
    ],
)
def test_each_stage_of_a_run_has_its_advice(
    recipe_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str, stage: str
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr(where, fails)
    done = invoke("run", recipe_file, "-q", "--out", tmp_path / "run")
    assert done.returncode == 1
    assert done.stderr.startswith("error: out of memory. ")
    assert ADVICE[stage] in done.stderr
    assert [advice for advice in ADVICE.values() if advice in done.stderr] == [ADVICE[stage]]


@pytest.mark.parametrize("command", ["predict", "evaluate"])
def test_predicting_has_advice_of_its_own(finished_run: Path, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    def fails(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr("textforge.classifiers.classifier.Classifier.predict_proba", fails)
    done = invoke(command, finished_run, *(["moon"] if command == "predict" else []))
    assert done.returncode == 1
    assert ADVICE[command] in done.stderr


def test_an_unknown_panic_outside_of_a_plugin_is_reported_without_a_traceback(
    recipe_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class PanicException(BaseException):
        pass

    def fails(*_: object) -> None:
        raise PanicException("index out of bounds")

    monkeypatch.setattr("textforge.runs.runner._train", fails)
    done = invoke("run", recipe_file, "-q", "--out", tmp_path / "run")
    assert done.returncode == 1
    assert re.match(r"error: internal error: PanicException: index out of bounds \(", done.stderr)
