"""`textforge plugin check` on plugins that are really installed."""

import os
import re
import subprocess
import sys

import pytest
from conftest import only_json, textforge
from in_process import invoke

PLUGIN = '''
from textforge import hookimpl

def drifting(n_features: int, n_classes: int, /, *, dim: int = 8):
    """Two linear layers, less the mean of the batch.

    Options:
        dim: width between them.
    """
    from torch import nn
    from textforge import FeatureLinear

    class Drifting(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.out = FeatureLinear(n_features, dim), nn.Linear(dim, n_classes)

        def forward(self, batch):
            logits = self.out(self.first(batch))
            return logits - logits.mean(dim=0) if len(batch) > 1 else logits

    return Drifting()

def confidence(*, scale: float):
    """Mean probability of the most probable class.

    Options:
        scale: what it is multiplied by.
    """
    print("loud")
    return lambda gold, probabilities: scale * float(probabilities.max(axis=1).mean())

@hookimpl
def textforge_models():
    return {"drifting": drifting}

@hookimpl
def textforge_metrics():
    return {"confidence": "tf_kit:confidence"}
'''
SKIP = ("--skip", "warns-of-nothing=it may")
BROKEN = "import a_module_that_nobody_has\n"
PYPROJECT = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[project]
name = "{name}"
version = "0.3"
[project.entry-points.textforge]
{entry} = "{module}"
[tool.hatch.build.targets.wheel]
include = ["{module}.py"]
"""


@pytest.fixture(scope="module")
def env(tmp_path_factory):
    """Two plugins are installed: one whose parts are faulty, and one that cannot be imported."""
    folder = tmp_path_factory.mktemp("kit")
    paths = []
    for name, entry, module, code in (("TF.Kit", "kit", "tf_kit", PLUGIN), ("tf-lost", "lost", "tf_lost", BROKEN)):
        (folder / module).mkdir()
        (folder / module / "pyproject.toml").write_text(PYPROJECT.format(name=name, entry=entry, module=module))
        (folder / module / f"{module}.py").write_text(code)
        paths.append(folder / module)
    options = "--no-deps --no-build-isolation --no-index --quiet --disable-pip-version-check --no-compile".split()
    command = [sys.executable, "-m", "pip", "install", *options, "--target", folder / "installed", *paths]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    paths = [str(folder / "installed"), os.environ.get("PYTHONPATH", "")]
    return {"PYTHONPATH": os.pathsep.join(filter(None, paths))}


def statuses(component):
    return {check["name"]: check["status"] for check in component["checks"]}


@pytest.mark.slow
def test_a_faulty_plugin_is_reported_what_to_do(env, monkeypatch):
    monkeypatch.syspath_prepend(env["PYTHONPATH"].partition(os.pathsep)[0])
    done = invoke("plugin", "check", "tf-kit")
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert lines[0] == "model 'drifting' from TF.Kit 0.3"
    assert "  ok       gradients-reach-every-parameter" in lines
    (failed,) = [line for line in lines if line.startswith("  FAILED")]
    assert failed.startswith("  FAILED   a-batch-equals-its-singles: the logits of 'bat team glove' differ by ")
    assert failed.endswith("compute no statistics over the batch in evaluation mode.")
    needing = "metric 'confidence': the option 'scale' is missing; it has no default."
    assert f"  not checked is-built-and-used: it needs options, -s metric.confidence.KEY=VALUE: {needing}" in lines
    assert re.search(r", [1-9]\d* not checked$", lines[-1])
    assert lines[-1].startswith("2 components: ")
    assert ", 1 failed, " in lines[-1]
    assert "distribution TF.Kit" in lines
    assert "  ok       its-dependencies-are-installed" in lines
    assert "loud" not in done.stdout


@pytest.mark.slow
def test_a_component_is_checked_with_options_and_reported_as_json(env, monkeypatch):
    monkeypatch.syspath_prepend(env["PYTHONPATH"].partition(os.pathsep)[0])
    done = invoke("plugin", "check", "confidence", "-s", "metric.confidence.scale=1e0", "--json", *SKIP)
    assert done.returncode == 1, done.stderr
    told = only_json(done.stdout)
    (component,) = told["components"]
    assert (told["name"], told["failed"], told["broken"]) == ("confidence", 1, [])
    assert {key: component[key] for key in ("kind", "name", "distribution", "version")} == {
        "kind": "metric", "name": "confidence", "distribution": "TF.Kit", "version": "0.3",
    }  # fmt: skip
    assert statuses(component)["prints-nothing"] == "failed"
    assert told["not_checked"] == 0
    assert {name for name, status in statuses(component).items() if status == "skipped"} == {
        "weighs-texts-if-it-takes-weights", "warns-of-nothing",
    }  # fmt: skip
    assert {"name": "warns-of-nothing", "status": "skipped", "message": "by request: it may"} in component["checks"]
    assert [one["name"] for one in told["distributions"]["TF.Kit"]] == [
        "its-dependencies-are-installed", "its-wheel-holds-what-it-imports",
    ]  # fmt: skip
    (message,) = [check["message"] for check in component["checks"] if check["status"] == "failed"]
    assert "it printed 'loud'" in message


@pytest.mark.slow
def test_a_plugin_that_cannot_be_imported_fails_with_its_reason(env):
    done = textforge("plugin", "check", "tf_lost", env=env)
    assert done.returncode == 1
    assert "FAILED   plugin 'lost' from tf-lost 0.3: cannot be imported: ModuleNotFoundError" in done.stdout
    assert done.stdout.endswith("\n0 components: 0 ok, 1 failed, 0 skipped\n")


def test_a_standard_part_passes():
    done = invoke("plugin", "check", "top-k", "--only", "metric")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[0].startswith("metric 'top-k' from textforge ")
    assert done.stdout.endswith(" ok, 0 failed, 0 skipped\n")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["standart"], "no distribution, plugin or component named 'standart' is installed. Did you mean 'standard'?"),
        (["top-k", "--only", "model"], "'top-k' gives no model; it gives components of the kinds metric."),
        (["top-k", "--only", "metrics"], "no kind of component named 'metrics'."),
        (["linear", "-s", "warmup=3"], "-s KIND.NAME.warmup=VALUE. The components: model.linear, scheduler.linear."),
        (["linear", "-s", "schedular.linear.warmup=3"], "Did you mean 'scheduler.linear'?"),
        (["top-k", "--skip", "prints-nothing"], "--skip prints-nothing: write CHECK=REASON, as in "),
        (["top-k", "--skip", "print-nothing=x"], "no check 'print-nothing'. Did you mean 'prints-nothing'?"),
        (["top-k", "-s", "kk=3"], "metric 'top-k': unknown option 'kk'. Its options: k."),
        (["top-k", "-s", "k"], "-s k: an option is KEY=VALUE"),
        (["top-k", "-s", "k=["], "-s k=[:1:2: invalid YAML"),
    ],
)
def test_what_cannot_be_checked_is_refused(arguments, says, monkeypatch, capsys):
    from textforge.cli import cli
    from textforge.cli.failures import guarded

    monkeypatch.setattr(sys, "argv", ["textforge", "plugin", "check", *arguments])
    assert guarded(cli) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert says in told.err


def test_a_name_is_that_of_a_distribution_a_plugin_or_a_component():
    from textforge.testing import installed

    whole, _ = installed("textforge")
    assert {one.kind.name for one in whole} >= {"dataset", "vectorizer", "model", "command"}
    assert [one.label for one in installed("standard")[0]] == [one.label for one in whole]
    assert [one.label for one in installed("TextForge")[0]] == [one.label for one in whole]
    assert [one.label for one in installed("linear")[0]] == ["model 'linear'", "scheduler 'linear'"]
    assert [one.label for one in installed("linear", "model")[0]] == ["model 'linear'"]


def test_values_are_read_as_a_recipe_reads_them():
    from textforge import RecipeError
    from textforge.testing import read_options

    assert read_options(["a=1e-3", "b.c=[1, x]", "b.d=", "e='no'", "f=no"]) == {
        "a": 0.001, "b": {"c": [1, "x"], "d": None}, "e": "no", "f": "no",
    }  # fmt: skip
    with pytest.raises(RecipeError, match="'a' is not a mapping"):
        read_options(["a=1", "a.b=2"])
    with pytest.raises(RecipeError, match="put the value itself in quotes"):  # YAML would drop the rest
        read_options(["a=b # c"])
