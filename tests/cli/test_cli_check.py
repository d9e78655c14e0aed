"""`textforge check`, and what the light commands never import."""

import json
import subprocess
import sys

import pytest
import yaml
from conftest import ROOT, only_json, textforge
from in_process import invoke

from textforge import load_recipe

HEAVY = {"torch", "numpy", "sklearn", "polars", "safetensors"}


def imported_by(*arguments):
    """The modules that a command has imported by its end, and its exit code."""
    code = (
        "import sys, json\n"
        "from textforge.cli import main\n"
        "try: main()\n"
        "except SystemExit as stop: print(json.dumps([stop.code, sorted(sys.modules)]))\n"
    )
    done = subprocess.run([sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True)
    code, modules = json.loads(done.stdout.splitlines()[-1])
    return code, set(modules)


def test_a_fine_recipe_is_said_to_be_fine(recipe_file):
    done = textforge("check", recipe_file)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{recipe_file}: fine (dataset 'csv', vectorizer 'bow', model 'mlp', optimizer 'adam')\n"


def test_every_mistake_is_reported_at_once_and_the_exit_code_is_2(recipe_file):
    recipe_file.write_text(recipe_file.read_text().replace("use: mlp", "use: mpl").replace("lr:", "learning_rate:"))
    done = invoke("check", recipe_file, "-s", "trainer.epochs=0")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("--set trainer.epochs=0: trainer: epochs must be a number of at least 1, not 0.\n")
    assert f"\n{recipe_file}:8:8: no model named 'mpl'. Did you mean 'mlp'?" in done.stderr
    assert "      use: mpl\n           ^^^\n" in done.stderr
    assert f"\n{recipe_file}:13:3: optimizer 'adam': unknown option 'learning_rate'." in done.stderr


def test_each_mistake_begins_its_line_with_its_place_as_a_compilers_does(recipe_file):
    recipe_file.write_text(recipe_file.read_text().replace("use: mlp", "use: mpl"))
    assert invoke("check", recipe_file).stderr.startswith(f"{recipe_file}:8:8: no model")


@pytest.mark.parametrize("arguments", [(), ("no-such.yaml",), ("--no-such-option",), (".",)])
def test_wrong_arguments_end_with_2(arguments):
    done = invoke("check", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr


def test_resolved_prints_a_recipe_that_reads_back_to_itself(recipe_file, tmp_path):
    done = invoke("check", recipe_file, "--resolved", "--set", "model.dropout=0.5")
    assert done.returncode == 0
    (tmp_path / "resolved.yaml").write_text(done.stdout)
    again = load_recipe(tmp_path / "resolved.yaml").resolved()
    assert again == load_recipe(recipe_file, overrides={"model.dropout": 0.5}).resolved()
    assert yaml.safe_load(done.stdout) == again


def test_json_prints_exactly_one_object(recipe_file):
    done = invoke("check", recipe_file, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert only_json(done.stdout) == {
        "recipe": str(recipe_file), "warnings": [], "resolved": load_recipe(recipe_file).resolved(),
    }  # fmt: skip


def test_text_that_steers_a_terminal_or_is_no_utf_8_is_reported_without_a_crash(recipe_file):
    done = textforge("check", recipe_file, "--set", b"dataset.text=\xff\x1b".decode("utf-8", "surrogateescape"))
    assert (done.returncode, done.stdout) == (2, "")


@pytest.mark.parametrize("file", sorted((ROOT / "recipes").glob("*.yaml")), ids=lambda path: path.name)
def test_check_imports_nothing_heavy(file):
    code, modules = imported_by("check", file, "--resolved")
    assert code == 0
    assert not modules & HEAVY
    model = load_recipe(file).model.component.target.partition(":")[0]
    assert model in modules, "or else nothing was checked"


def test_a_refusal_imports_nothing_heavy(recipe_file):
    recipe_file.write_text(recipe_file.read_text().replace("lr:", "learning_rate:"))
    code, modules = imported_by("check", recipe_file)
    assert code == 2
    assert not modules & HEAVY


@pytest.mark.parametrize("arguments", [("--help",), ("--version",), ("check", "--help"), ("run", "--help")])
def test_help_imports_next_to_nothing(arguments):
    code, modules = imported_by(*arguments)
    assert code == 0
    assert not modules & (HEAVY | {"pydantic", "pydantic_core"})
    plugins = {name for name in modules if name.startswith("textforge_standard")}
    commands = {name for name in plugins if name.startswith("textforge_standard.commands")}  # shown with what it does
    assert plugins - commands == ({"textforge_standard"} if arguments == ("--help",) else set())
    assert bool(commands) == (arguments == ("--help",))


def test_help_names_every_command():
    done = textforge("--help")
    assert done.returncode == 0
    for command in ("init", "run", "check", "predict", "evaluate", "cross-validate", "plugins"):
        assert f"  {command} " in done.stdout


def test_a_mistyped_command_is_reported_the_nearest():
    done = invoke("chekc", "x.yaml")
    assert (done.returncode, done.stdout) == (2, "")
    assert "no command 'chekc'. Did you mean 'check'?" in done.stderr
