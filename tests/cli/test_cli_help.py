"""What the command line says about itself, and to slips of the hand."""

from __future__ import annotations

import re
from importlib import metadata

import pytest
from conftest import textforge
from in_process import invoke

from textforge.cli import COMMANDS, cli

OPTIONS = {
    "run": {"--set", "--seed", "--out", "--device", "--quiet", "--json", "--debug", "--help"},
    "check": {"--set", "--json", "--debug", "--help"},
    "plugins": {"--json", "--debug", "--help"},
    "predict": {"--input", "--output", "--format", "--json", "--device", "--debug", "--help"},
    "evaluate": {"--data", "--split", "--set", "--json", "--device", "--debug", "--help"},
}
"""What the design promises of each command."""


def test_help_lists_every_command_with_a_sentence() -> None:
    done = invoke("--help")
    assert done.returncode == 0
    for command in OPTIONS:
        assert re.search(rf"^  {command} +\S.+", done.stdout, re.MULTILINE), command
    assert done.stderr == ""


def test_no_command_shows_the_help() -> None:
    done = invoke()
    assert done.returncode == 2
    assert "Usage: " in done.stdout + done.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_of_every_command_is_explained(command: str) -> None:
    done = invoke(command, "--help")
    assert done.returncode == 0
    assert OPTIONS.get(command, set()) <= set(re.findall(r"--[a-z-]+", done.stdout))
    for parameter in cli.get_command(None, command).params:
        assert parameter.param_type_name == "argument" or parameter.help, parameter.name


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_has_a_short_form(flag: str) -> None:
    assert invoke("run", flag).stdout.startswith("Usage:")


def test_version_is_that_of_the_distribution() -> None:
    assert invoke("--version").stdout == f"textforge {metadata.version('textforge')}\n"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["rum"], r"no command 'rum'\. Did you mean 'run'\?"),
        (["predct", "x"], r"no command 'predct'\. Did you mean 'predict'\?"),
        (["run", "x.yaml", "--sed", "1"], r"No such option.*--sed.*--seed"),
        (["run", "x.yaml", "--seed", "one"], "'one' is not a valid integer"),
        (["run", "x.yaml", "--device", "gpu"], "'gpu' is not one of 'auto', 'cpu', 'cuda'"),
        (["run"], "Missing argument 'RECIPE'"),
        (["run", "a.yaml", "b.yaml"], "unexpected extra argument"),
        (["predict"], "Missing argument 'RUN_OR_BUNDLE'"),
        (["--nonsense"], "No such option.*--nonsense"),
        (["evaluate", "run", "--split", "tset"], r"'tset' is not one of"),
    ],
)
def test_a_slip_of_the_hand_is_reported_with_exit_code_2(arguments: list[str], told: str) -> None:
    done = invoke(*arguments)
    assert done.returncode == 2
    assert re.search(told, done.stderr, re.DOTALL), done.stderr
    assert done.stdout == ""


def test_the_module_and_the_console_script_are_the_same_program() -> None:
    (script,) = metadata.entry_points(group="console_scripts", name="textforge")
    assert script.value == "textforge.__main__:main"
    done = textforge("--version")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("textforge ")
