"""Real packages, really installed: what a plugin author does, and what a broken plugin can do to others."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from conftest import only_json, small_recipe, textforge

pytestmark = pytest.mark.slow

MEAN_POOL = '''
from textforge import hookimpl

def mean_pool(n_features: int, n_classes: int, /, *, dim: int = 100, dropout: float = 0.0):
    """Average of word vectors, then one linear layer.

    Options:
        dim: length of a word vector.
        dropout: probability of zeroing a unit while training.
    """
    from torch import nn
    from textforge import FeatureLinear
    return nn.Sequential(FeatureLinear(n_features, dim), nn.Dropout(dropout), nn.Linear(dim, n_classes))

@hookimpl
def textforge_models():
    return {"mean-pool": mean_pool}
'''

HOOK = "from textforge import hookimpl\n"
OPTION = HOOK + "def model(n_classes, /, *, {}): ...\n@hookimpl\ndef textforge_models(): return {{'{}': model}}\n"

COMMAND = (
    HOOK
    + """
@hookimpl
def textforge_commands():
    return {"count": "tf_command:count", "run": "tf_command:count"}

def __getattr__(name):
    import click

    @click.command()
    @click.argument("texts", nargs=-1)
    @click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
    def count(texts, as_json):
        \"\"\"Count the words of each TEXT.\"\"\"
        import json

        found = [len(text.split()) for text in texts]
        click.echo(json.dumps({"words": found}) if as_json else " ".join(map(str, found)))

    if name == "count":
        return count
    raise AttributeError(name)
"""
)

PACKAGES = {
    "mean-pool": MEAN_POOL,
    "command": COMMAND,
    "command-broken": HOOK + "@hookimpl\ndef textforge_commands(): return {'count-more': 'tf_nowhere:command'}\n",
    "import-error": "import a_module_that_nobody_has\n",
    "exits": "raise SystemExit('bye')\n",
    "newer-api": HOOK + "TEXTFORGE_API = '99.0'\n@hookimpl\ndef textforge_models(): return {}\n",
    "newer-textforge": "from textforge import something_of_the_future\n",
    "wrong-return": HOOK + "@hookimpl\ndef textforge_models(): return ['list-model']\n",
    "misspelled": HOOK + "@hookimpl\ndef textforge_modles(): return {}\n",
    "duplicates": HOOK + "@hookimpl\ndef textforge_models():\n"
    "    return {'mlp': 'textforge_standard.models.mlp:mlp', 'mlp-again': 'textforge_standard.models.mlp:mlp'}\n",
    "option-use": OPTION.format("use: str = ''", "uses"),
    "option-untyped": OPTION.format("dim=3", "untyped"),
    "missing-module": HOOK + "@hookimpl\ndef textforge_models(): return {'lost': 'module_that_is_not_there:model'}\n",
    "prints": HOOK + "print('hello from a plugin')\n@hookimpl\ndef textforge_models():\n    print('and again')\n"
    "    return {}\n",
}
"""Distribution `tf-NAME`, entry point NAME, module tf_NAME: its code."""

PYPROJECT = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[project]
name = "tf-{name}"
version = "0.3"
dependencies = [{requires}]
[project.entry-points.textforge]
{name} = "{module}"
[tool.hatch.build.targets.wheel]
include = ["{module}.py"]
"""


REQUIRES = {"newer-textforge": '"textforge>=99"'}


def module_of(name: str) -> str:
    return f"tf_{name.replace('-', '_')}"


def pip_install(packages: Path, names: list[str], target: Path) -> Path:
    paths = []
    for name in names:
        folder = packages / name
        folder.mkdir(parents=True)
        (folder / "pyproject.toml").write_text(
            PYPROJECT.format(name=name, module=module_of(name), requires=REQUIRES.get(name, ""))
        )
        (folder / f"{module_of(name)}.py").write_text(PACKAGES[name])
        paths.append(folder)
    options = "--no-deps --no-build-isolation --no-index --quiet --disable-pip-version-check --no-compile".split()
    command = [sys.executable, "-m", "pip", "install", *options, "--target", target, *paths]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return target


@pytest.fixture(scope="session")
def everything(tmp_path_factory):
    """A folder in which all the packages are installed, for PYTHONPATH."""
    folder = tmp_path_factory.mktemp("installed")
    return pip_install(folder / "packages", list(PACKAGES), folder / "all")


@pytest.fixture(scope="session")
def good(everything):
    """A folder in which mean-pool alone is installed."""
    target = everything.parent / "good"
    target.mkdir()
    shutil.copy(everything / "tf_mean_pool.py", target)
    shutil.copytree(everything / "tf_mean_pool-0.3.dist-info", target / "tf_mean_pool-0.3.dist-info")
    return target


@pytest.fixture(scope="session")
def listing(everything):
    done = textforge("plugins", "--json", env={"PYTHONPATH": str(everything)})
    assert done.returncode == 0, done.stderr
    return only_json(done.stdout)


def recipe(folder: Path, small_csv: Path, **sections: object) -> Path:
    path = folder / "r.yaml"
    path.write_text(yaml.safe_dump(small_recipe(small_csv, **sections)))
    return path


# -- a good one ------------------------------------------------------------------------------------


def test_an_installed_plugin_is_listed_and_described(good):
    env = {"PYTHONPATH": str(good)}
    done = textforge("plugins", env=env)
    assert (done.returncode, done.stderr) == (0, "")
    assert ["model", "mean-pool", "tf-mean-pool", "0.3"] in [line.split() for line in done.stdout.splitlines()]
    assert "broken" not in done.stdout
    assert textforge("plugins", "model", "mean-pool", env=env).stdout == (
        "model 'mean-pool' from tf-mean-pool 0.3\n"
        "Average of word vectors, then one linear layer.\n\n"
        "facts: n_features, n_classes\n\n"
        "option   type   default  what it does\n"
        "dim      int    100      length of a word vector.\n"
        "dropout  float  0.0      probability of zeroing a unit while training.\n"
    )


def test_ten_lines_train_and_predict_and_are_missed_by_name_when_gone(good, tmp_path, small_csv):
    env = {"PYTHONPATH": str(good)}
    file = recipe(tmp_path, small_csv, model={"use": "mean-pool", "dim": 5}, trainer={"epochs": 20, "batch_size": 16})
    done = textforge("run", file, "--out", tmp_path / "run", "--json", "--quiet", env=env)
    assert done.returncode == 0, done.stderr
    assert only_json(done.stdout)["test"]["accuracy"] > 0.8
    bundle = json.loads((tmp_path / "run/model/bundle.json").read_text())
    assert bundle["model"]["distribution"] == "tf-mean-pool"
    assert bundle["model"]["version"] == "0.3"

    done = textforge("predict", tmp_path / "run", "orbit launch shuttle moon", env=env)
    assert (done.returncode, done.stdout.split("\t")[0]) == (0, "space")

    gone = textforge("predict", tmp_path / "run", "orbit launch shuttle moon")
    assert (gone.returncode, gone.stdout) == (2, "")
    assert "needs model 'mean-pool' from the distribution tf-mean-pool 0.3, which is not installed" in gone.stderr
    assert "pip install 'tf-mean-pool==0.3'" in gone.stderr

    wrong = textforge("check", file)
    assert wrong.returncode == 2
    assert "no model named 'mean-pool'." in wrong.stderr


# -- among broken ones -----------------------------------------------------------------------------


def test_every_broken_plugin_is_listed_with_its_reason_and_distribution(listing):
    broken = {one["plugin"]: one for one in listing["broken"]}
    assert sorted(broken) == [
        "exits", "import-error", "misspelled", "newer-api", "newer-textforge", "option-untyped", "option-use",
        "wrong-return",
    ]  # fmt: skip
    assert {name: one["distribution"] for name, one in broken.items()} == {name: f"tf-{name}" for name in broken}
    reasons = {name: one["reason"] for name, one in broken.items()}
    assert reasons["import-error"] == (
        "cannot be imported: ModuleNotFoundError: No module named 'a_module_that_nobody_has'"
    )
    assert reasons["newer-api"].endswith("Install a newer textforge: pip install --upgrade textforge")
    assert reasons["newer-textforge"].startswith("cannot be imported: ImportError: ")
    assert reasons["newer-textforge"].endswith("is installed: pip install 'textforge>=99'")
    assert reasons["exits"] == "cannot be imported: SystemExit: bye"
    assert reasons["wrong-return"] == "textforge_models returned a list, not a dict of names to factories."
    assert reasons["misspelled"].endswith("Did you mean 'textforge_models'?")
    assert "an option cannot be named 'use'" in reasons["option-use"]
    assert "option 'dim' has no type" in reasons["option-untyped"]


def test_what_is_not_broken_is_listed_beside(listing):
    models = [(one["name"], one["distribution"]) for one in listing["kinds"]["model"]]
    assert [one for one in models if one[1].startswith("tf-")] == [
        ("lost", "tf-missing-module"), ("mean-pool", "tf-mean-pool"), ("mlp-again", "tf-duplicates"),
        ("tf-duplicates/mlp", "tf-duplicates"),
    ]  # fmt: skip
    assert {("linear", "textforge"), ("mlp", "textforge")} <= {*models}
    assert {"adam", "sgd"} <= {one["name"] for one in listing["kinds"]["optimizer"]}


def test_the_listing_for_people_tells_the_same_and_succeeds(everything):
    done = textforge("plugins", env={"PYTHONPATH": str(everything)})
    assert done.returncode == 0
    told = done.stdout.partition("\nbroken:\n")[2].splitlines()
    assert len(told) == 8
    assert "  exits (tf-exits 0.3): cannot be imported: SystemExit: bye" in told
    assert "hello from a plugin" not in done.stdout, "what a plugin prints is no result"


@pytest.mark.parametrize(
    ("model", "says"),
    [
        ("import-error", "It may be in a broken plugin: plugin 'import-error' from tf-import-error 0.3: cannot be "),
        ("uses", "It may be in a broken plugin: plugin 'option-use' from tf-option-use 0.3: textforge_models gave a "),
        ("untyped", "It may be in a broken plugin: plugin 'option-untyped' from tf-option-untyped 0.3: "),
        ("anything", "Broken plugins, which may provide it: exits (tf-exits 0.3), import-error (tf-import-error 0.3), "
         "misspelled (tf-misspelled 0.3)"),
        ("tf-duplicates/mpl", "no model named 'tf-duplicates/mpl'. Did you mean 'tf-duplicates/mlp'? "
         "tf-duplicates gives: tf-duplicates/mlp, tf-duplicates/mlp-again."),
        ("tf-duplicate/mlp", "no model named 'tf-duplicate/mlp'. Did you mean 'tf-duplicates/mlp'? Installed: "),
        ("lost", "model 'lost' from tf-missing-module 0.3 cannot be imported: ModuleNotFoundError: No module named "
         "'module_that_is_not_there'"),
    ],
)  # fmt: skip
def test_a_recipe_that_asks_for_what_is_broken_is_reported_which_plugin(everything, tmp_path, small_csv, model, says):
    file = recipe(tmp_path, small_csv, model={"use": model})
    done = textforge("check", file, env={"PYTHONPATH": str(everything)})
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr
    assert f"{file}:5:8: " in done.stderr


def test_broken_plugins_keep_no_one_from_running(everything, tmp_path, small_csv):
    file = recipe(tmp_path, small_csv, model={"use": "mlp-again", "hidden": [8]})
    done = textforge("run", file, "--out", tmp_path / "run", "--json", "--quiet", env={"PYTHONPATH": str(everything)})
    assert done.returncode == 0, done.stderr
    assert only_json(done.stdout)["test"]["n"] > 20
    assert json.loads((tmp_path / "run/model/bundle.json").read_text())["model"]["distribution"] == "tf-duplicates"


def test_the_schema_is_made_of_what_works(everything):
    done = textforge("plugins", "--schema", env={"PYTHONPATH": str(everything)})
    assert done.returncode == 0, done.stderr
    models = {name for name in json.loads(done.stdout)["$defs"] if name.startswith("model.")}
    assert {"model.linear", "model.mean-pool", "model.mlp", "model.mlp-again", "model.tf-duplicates:mlp"} <= models
    assert not {"model.lost", "model.uses", "model.untyped"} & models


# -- commands --------------------------------------------------------------------------------------


def test_a_command_of_an_installed_plugin_is_listed_and_run(everything):
    env = {"PYTHONPATH": str(everything)}
    shown = textforge("--help", env=env)
    assert shown.returncode == 0
    theirs = [line.split() for line in shown.stdout.partition("Commands of plugins:")[2].splitlines() if line]
    assert [line for line in theirs if "textforge-ray" not in line] == [  # which is installed beside textforge
        ["count", "from", "tf-command", "0.3"], ["count-more", "from", "tf-command-broken", "0.3"],
        ["tf-command/run", "from", "tf-command", "0.3"],
    ]  # fmt: skip
    for name in ("count", "tf-command/count", "TF_Command/run"):
        done = textforge(name, "one two", "three", "--json", env=env)
        assert done.returncode == 0, done.stderr
        assert only_json(done.stdout.splitlines(keepends=True)[-1]) == {"words": [2, 1]}


def test_a_broken_command_is_reported_and_a_taken_name_stays_its_owners(everything, listing):
    env = {"PYTHONPATH": str(everything)}
    done = textforge("count-more", env=env)
    assert done.returncode == 2
    assert "command 'count-more' from tf-command-broken 0.3 cannot be imported: ModuleNotFoundError" in done.stderr
    assert "tf-command/run" in [one["name"] for one in listing["kinds"]["command"]]
    assert "Train RECIPE, evaluate it" in textforge("run", "--help", env=env).stdout


def test_listing_them_loads_neither_torch_nor_any_of_them(everything):
    code = (
        "import sys\n"
        "from textforge.cli import cli\n"
        "from textforge.cli.failures import guarded\n"
        "sys.argv = ['textforge', 'plugins', '--json']\n"
        "assert guarded(cli) == 0\n"
        "assert not [name for name in sys.modules if name.startswith('tf_')]\n"
        "loaded = {'torch', 'numpy', 'sklearn', 'polars', 'textforge_standard.models'} & set(sys.modules)\n"
        "assert not loaded, loaded\n"
    )
    path = os.pathsep.join(filter(None, [str(everything), os.environ.get("PYTHONPATH")]))
    done = subprocess.run([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": path}, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
