"""Failures: one sentence, the right exit code, no traceback unasked, earlier results untouched."""

from __future__ import annotations

import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import warm_processes
import yaml
from conftest import PAGE, fill, small_recipe, textforge, write_csv, write_site
from in_process import invoke
from installed_sites import Site

BROKEN = '''
import torch
from torch import nn
import textforge

class Raises(textforge.FeatureLinear):
    def forward(self, batch):
        raise LookupError("no such table")

class WrongShape(textforge.FeatureLinear):
    def forward(self, batch):
        return super().forward(batch)[:, :1]

def raises(n_features, n_classes, /):
    """Raises."""
    return Raises(n_features, n_classes)

def wrong_shape(n_features, n_classes, /):
    """Gives one column."""
    return WrongShape(n_features, n_classes)

def no_module(n_features, n_classes, /):
    """Gives no module."""
    return "a model"

def unbuilt(n_features, n_classes, /):
    """Cannot be built."""
    raise OSError(2, "No such file", "weights.bin")

@textforge.hookimpl
def textforge_models():
    return {"raises": raises, "wrong-shape": wrong_shape, "no-module": no_module, "unbuilt": unbuilt}
'''


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def long_recipe(tmp_path: Path, small_csv: Path) -> Path:
    """A recipe that trains until it is stopped."""
    path = tmp_path / "long.yaml"
    path.write_text(yaml.safe_dump(small_recipe(small_csv, trainer={"epochs": 1_000_000, "batch_size": 16})))
    return path


# -- mistakes ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["-s", "model=mpl"], "no model named 'mpl'. Did you mean 'mlp'?"),
        (["-s", "optimizer.learning_rate=1"], "unknown option 'learning_rate'"),
        (["-s", "nonsense"], "nonsense"),
        (["-s", "dataset.train=away.csv"], "no file or folder"),
        (["-s", "dataset.text=txt"], "no column 'txt'"),
        (["-s", "trainer.patience=2"], "trainer.patience needs a validation split"),
        (["--seed", "-1"], "Invalid value for '--seed': -1 is not in the range x>=0."),
    ],
)
def test_a_mistake_of_the_user_is_exit_code_2_and_leaves_no_folder(
    recipe_file: Path, tmp_path: Path, arguments: list[str], told: str
) -> None:
    done = invoke("run", recipe_file, *arguments, "--out", tmp_path / "run", "-q")
    assert (done.returncode, done.stdout) == (2, "")
    assert told in done.stderr
    assert not (tmp_path / "run").exists()


def test_a_recipe_that_is_not_there_is_reported(tmp_path: Path) -> None:
    done = invoke("run", tmp_path / "away.yaml")
    assert done.returncode == 2
    assert "away.yaml" in done.stderr


def test_data_that_cannot_be_had_are_exit_code_3(tmp_path: Path) -> None:
    recipe = small_recipe(Path("x"), dataset={"use": "docstrings", "packages": ["numpy", "not_installed_here"]})
    (tmp_path / "r.yaml").write_text(yaml.safe_dump(recipe))
    done = invoke("run", tmp_path / "r.yaml", "--out", tmp_path / "run")
    assert done.returncode == 3
    assert "package 'not_installed_here' is not installed" in done.stderr
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("state", ["finished", "unfinished", "other files"])
def test_out_is_never_overwritten(recipe_file: Path, finished_run: Path, tmp_path: Path, state: str) -> None:
    out = shutil.copytree(finished_run, tmp_path / "run")
    if state != "finished":
        (out / "result.json").unlink()
    if state == "other files":
        (out / "recipe.yaml").unlink()
    before = snapshot(out)
    done = invoke("run", recipe_file, "--out", out)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"{out}: exists and holds" in done.stderr
    assert state in done.stderr
    assert snapshot(out) == before


def test_out_that_is_a_file_is_reported(recipe_file: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    done = invoke("run", recipe_file, "--out", tmp_path / "mine")
    assert done.returncode == 2
    assert "mine: is a file. Choose another --out." in done.stderr
    assert (tmp_path / "mine").read_text() == "mine"
    below = invoke("run", recipe_file, "--out", tmp_path / "mine" / "run")
    assert below.returncode == 1
    assert "cannot be created: Not a directory. Choose another --out." in below.stderr


def test_debug_shows_the_traceback_and_only_debug_does(recipe_file: Path) -> None:
    arguments = ["run", recipe_file, "-s", "model=mpl"]
    assert "Traceback" not in invoke(*arguments).stderr
    for where in (["--debug", *arguments], [*arguments, "--debug"], ["run", "--debug", *arguments[1:]]):
        done = invoke(*where)
        assert done.returncode == 2
        assert done.stderr.startswith("Traceback (most recent call last)")
        assert done.stderr.count("no model named 'mpl'") == 2, "in the traceback, and as the message"


# -- while it runs -----------------------------------------------------------------------------


def test_a_loss_that_is_no_number_says_where_and_what_to_try(recipe_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    done = invoke("run", recipe_file, "-s", "optimizer=sgd", "-s", "optimizer.lr=1e30", "--out", out, "-q")
    assert (done.returncode, done.stdout) == (1, "")
    assert re.fullmatch(
        r"error: the loss became (nan|inf) in epoch \d, step \d of 6\. Try a smaller learning rate \(now 1e\+30\), "
        rf"or bound the gradients with trainer\.clip_norm: 1\.0\. {re.escape(str(out))} is unfinished: .*\n",
        done.stderr,
    )
    assert not (out / "result.json").exists()
    predicted = invoke("predict", out, "text")
    assert predicted.returncode == 2
    assert "an unfinished run" in predicted.stderr


@pytest.mark.parametrize(
    ("model", "told"),
    [
        ("raises", "failed while computing a batch: LookupError: no such table"),
        ("wrong-shape", r"returned torch.float32 of shape \(16, 1\); expected a float tensor of shape \(16, 3\)"),
        ("no-module", "returned a str, not a torch.nn.Module"),
        ("unbuilt", "failed while being built: FileNotFoundError"),
    ],
)
def test_a_plugin_that_breaks_is_named_with_its_distribution(
    recipe_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: str, told: str
) -> None:
    (tmp_path / "site").mkdir()
    monkeypatch.syspath_prepend(write_site(tmp_path / "site", "textforge-broken-models", BROKEN, "1.2"))
    done = invoke("run", recipe_file, "-s", f"model={model}", "--out", tmp_path / "run", "-q")
    sys.modules.pop("textforge_broken_models", None)
    assert (done.returncode, done.stdout) == (1, "")
    assert re.search(rf"error: .*model '{model}' from textforge-broken-models 1\.2 {told}", done.stderr)
    assert not (tmp_path / "run" / "result.json").exists()


def limited(size: int) -> object:
    """What makes a child process unable to write a file of more bytes."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


@pytest.mark.slow
def test_a_file_size_limit_is_reported_and_so_is_what_the_run_came_to(recipe_file: Path, tmp_path: Path) -> None:
    earlier, out = tmp_path / "runs" / "a", tmp_path / "runs" / "b"
    large = ("-s", "model.hidden=[900]", "-q")
    assert invoke("run", recipe_file, "--out", earlier, *large).returncode == 0
    before = snapshot(earlier)
    limit = max(len(before[name]) for name in WRITTEN[:4]) + 16  # the first four fit, the model does not
    assert limit < len(before[WRITTEN[5]])
    done = textforge("run", recipe_file, "--out", out, *large, preexec_fn=limited(limit))
    assert (done.returncode, done.stdout) == (1, "")
    told = "cannot be written: File too large. Free some space, or write elsewhere."
    assert done.stderr.startswith(f"error: {out / 'model'}")
    assert told in done.stderr
    assert re.search(r"The run itself was done: test accuracy [01]\.\d{4}, macro F1 [01]\.\d{4}", done.stderr)
    assert done.stderr.count("\n") == 1
    assert not (out / "result.json").exists()
    assert not [name for name in snapshot(out) if name.endswith(".tmp") or name.startswith("model")]
    assert snapshot(earlier) == before


WRITTEN = (
    "recipe.yaml",
    "resolved.yaml",
    "plan.json",
    "environment.json",
    "metrics.jsonl",
    "model/model.safetensors",
    "model/vectorizer.safetensors",
    "model/bundle.json",
    "predictions.jsonl",
    "result.json",
)
"""The files of a run in the order in which they are written."""


@pytest.mark.parametrize("file", ["model/model.safetensors", "predictions.jsonl", "result.json"])
def test_a_full_disk_is_reported_and_so_is_what_the_run_came_to(small_disk: Path, recipe_file: Path, file: str) -> None:
    assert invoke("run", recipe_file, "--out", small_disk / "earlier", "-q").returncode == 0
    before = snapshot(small_disk / "earlier")
    pages = [-(-len(before[name]) // PAGE) for name in WRITTEN[: WRITTEN.index(file) + 1]]
    fill(small_disk, sum(pages) - 1)
    done = invoke("run", recipe_file, "--out", small_disk / "run", "-q")
    assert (done.returncode, done.stdout) == (1, "")
    assert re.match(
        rf"error: {re.escape(str(small_disk / 'run' / file))}: cannot be written: No space left on device\. "
        r"Free some space, or write elsewhere\. "
        r"The run itself was done: test accuracy 0\.\d{4}, macro F1 0\.\d{4}\. ",
        done.stderr,
    ), done.stderr
    assert done.stderr.count("\n") == 1
    assert not (small_disk / "run" / "result.json").exists()
    assert not list((small_disk / "run").rglob("*.tmp"))
    assert snapshot(small_disk / "earlier") == before


@pytest.mark.parametrize("pages_left", [0, 2])
def test_a_disk_that_is_full_from_the_start_gets_no_folder(
    small_disk: Path, recipe_file: Path, pages_left: int
) -> None:
    fill(small_disk, pages_left)
    done = invoke("run", recipe_file, "--out", small_disk / "run", "-q")
    assert done.returncode == 1
    assert "No space left on device" in done.stderr
    assert "The run itself was done" not in done.stderr
    assert [path.name for path in small_disk.iterdir()] == ["filler"]


def test_predictions_that_do_not_fit_leave_nothing(small_disk: Path, finished_run: Path) -> None:
    fill(small_disk, 1)
    done = invoke("predict", finished_run, "-o", small_disk / "out", stdin=b"rocket\n" * 5000)
    assert done.returncode == 1
    assert "out: cannot be written: No space left on device." in done.stderr
    assert [path.name for path in small_disk.iterdir()] == ["filler"]


def test_standard_output_that_is_full_is_reported(finished_run: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    command = [*warm_processes.command(), "predict", str(finished_run), "text"]
    with open("/dev/full", "wb") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=120)
    assert done.returncode == 1
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr
    assert "internal error" not in done.stderr


# -- interrupts --------------------------------------------------------------------------------


def wait_for(happened: object, process: subprocess.Popen) -> None:
    until = time.monotonic() + 120
    while not happened():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.02)


@pytest.mark.slow
def test_an_interrupted_run_names_the_folder_that_it_leaves(long_recipe: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    command = [*warm_processes.command(), "run", str(long_recipe), "--out", str(out), "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        wait_for((out / "metrics.jsonl").is_file, process)
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert stdout == ""
    assert "Traceback" not in stderr
    assert stderr.splitlines()[-1] == (
        f"error: interrupted. {out} is unfinished: it has no result.json; continue with: textforge resume {out}"
    )
    assert not (out / "result.json").exists()
    assert not list(out.rglob("*.tmp"))
    done = invoke("predict", out, "text")
    assert done.returncode == 2
    assert "an unfinished run: it has no result.json" in done.stderr


@pytest.mark.slow
def test_an_interrupt_while_it_loads_is_reported_without_noise(long_recipe: Path, tmp_path: Path) -> None:
    out = str(tmp_path / "run")
    command = [sys.executable, "-X", "importtime", "-m", "textforge", "run", str(long_recipe), "--out", out]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        for line in process.stderr:
            if line.split("|")[-1].strip().startswith("torch."):  # parts of torch come before torch itself is done
                process.send_signal(signal.SIGINT)
                break
        _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in stderr
    assert "error: interrupted." in stderr


def test_an_interrupt_inside_a_plugins_exec_still_ends_with_130(tmp_path: Path) -> None:
    """Python itself would then end by the signal; dataclasses and torch use exec() while they are imported."""
    source = "import sys, time\nexec(\"print('here', file=sys.stderr, flush=True); time.sleep(60)\")\n"
    site = Site(tmp_path / "site")
    site.install("textforge-slow", source, points="[textforge.models]\nslow = textforge_slow:model\n")
    command = [*warm_processes.command(), "plugins", "model", "slow"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env={**os.environ, **site.env()}) as process:
        assert process.stderr
        assert process.stderr.readline() == "here\n"
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=30)
    assert (process.returncode, stderr.strip()) == (130, "error: interrupted.")


def test_a_one_class_file_is_reported(recipe_file: Path, tmp_path: Path) -> None:
    data = write_csv(tmp_path / "one.csv", ["some words"] * 20, ["x"] * 20)
    done = invoke("run", recipe_file, "-s", f"dataset.train={data}", "--out", tmp_path / "run", "-q")
    assert done.returncode == 2
    assert "all 16 training texts have the label 'x'. A classifier needs at least two classes." in done.stderr
    assert not (tmp_path / "run").exists()


def test_output_that_is_full_says_where_the_finished_run_is(recipe_file: Path, tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    command = [*warm_processes.command(), "run", str(recipe_file), "-q", "--out", str(tmp_path / "run")]
    with open("/dev/full", "wb") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=120)
    assert done.returncode == 1
    told = f"error: the output cannot be written: No space left on device. The run is done, in {tmp_path / 'run'}.\n"
    assert done.stderr == told
    assert (tmp_path / "run" / "result.json").is_file()


def test_more_weights_than_memory_are_reported_without_a_stack_of_c(recipe_file: Path, tmp_path: Path) -> None:
    model = f"model={{use: fasttext, dim: 1000000, buckets: {2**30}}}"  # 4 PB, more than any address space
    done = invoke("run", recipe_file, "-s", "vectorizer=tokens", "-s", model, "-q", "--out", tmp_path / "run")
    assert done.returncode == 1
    assert "out of memory" in done.stderr
    assert "frame #" not in done.stderr
    assert done.stderr.count("\n") == 1, done.stderr


@pytest.mark.parametrize(
    ("option", "says"),
    [
        ("model.hidden=[30000000]", "hidden[0] must be a number of at most 1000000, not 30000000"),
        (f"model.hidden=[{10**26}]", "hidden[0] must be a number of at most 1000000"),
        (f"model.hidden=[{','.join(['50'] * 101)}]", "hidden must be a list of at most 100, not a list of 101"),
        ("vectorizer.ngrams=[1,1000000000]", "ngrams[1] must be a number of at most 100"),
    ],
)
def test_sizes_that_nothing_needs_are_mistakes_of_the_recipe(recipe_file: Path, option: str, says: str) -> None:
    done = invoke("check", recipe_file, "-s", option)
    assert done.returncode == 2
    assert says in done.stderr


def test_an_internal_error_names_the_folder_it_leaves(
    recipe_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise ZeroDivisionError("a fault")

    monkeypatch.setattr("textforge.classifiers.metrics.confusion_matrix", fails)
    done = invoke("run", recipe_file, "-q", "--out", tmp_path / "run")
    assert done.returncode == 1
    assert "internal error: ZeroDivisionError: a fault" in done.stderr
    assert f"{tmp_path / 'run'} is unfinished: it has no result.json; continue with" in done.stderr


def test_a_plugins_words_end_before_the_next_sentence(
    recipe_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "site").mkdir()
    monkeypatch.syspath_prepend(write_site(tmp_path / "site", "textforge-broken-models", BROKEN))
    done = invoke("run", recipe_file, "-s", "model=raises", "--out", tmp_path / "run", "-q")
    sys.modules.pop("textforge_broken_models", None)
    assert f"LookupError: no such table. {tmp_path / 'run'} is unfinished" in done.stderr


def test_a_reader_that_is_gone_does_not_hide_the_finished_run(recipe_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    command = f"{warm_processes.in_shell()} run {recipe_file} -q --out {out} | true"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=120)
    assert done.stderr == f"the output was closed before it was written. The run is done, in {out}.\n"
    assert (out / "result.json").is_file()


def test_out_of_memory_names_the_folder_that_it_leaves(
    recipe_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("textforge.classifiers.metrics.confusion_matrix", fails)
    done = invoke("run", recipe_file, "-q", "--out", tmp_path / "run")
    assert done.returncode == 1
    assert done.stderr.startswith("error: out of memory. ")
    assert f"{tmp_path / 'run'} is unfinished" in done.stderr
