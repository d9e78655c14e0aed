"""Commands that plugins add to the command line: listed without being imported, run, and told where they are broken."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from conftest import only_json, textforge, write_site

COMMANDS = """
import textforge

@textforge.hookimpl
def textforge_commands():
    return {
        "greet": "greetings:greet", "lost": "no_such_module:command", "nothing": "greetings:absent",
        "no-command": "greetings:plain", "run": "greetings:greet", "plugins": "greetings:greet",
    }
"""

GREETINGS = '''
import sys
import click
from textforge import DataError

print("greetings are imported", file=sys.stderr)

@click.command()
@click.argument("name")
@click.option("--loud", is_flag=True, help="In capitals.")
def greet(name, loud):
    """Greet NAME."""
    if name == "nobody":
        raise DataError("there is nobody to greet.")
    if name == "zero":
        1 / 0
    if name == "stop":
        sys.exit(7)
    click.echo(f"hello {name}".upper() if loud else f"hello {name}")
    return {"greeted": name}

def plain():
    """No command."""
'''

SECOND = """
import textforge

@textforge.hookimpl
def textforge_commands():
    return {"twice": "greetings:greet", "greet-again": "greetings:greet"}
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    (folder / "greetings.py").write_text(GREETINGS)
    write_site(folder, "textforge-greetings", COMMANDS)
    write_site(folder, "textforge-one", SECOND)
    return write_site(folder, "textforge-two", SECOND.replace('"greet-again": "greetings:greet"', ""))


ALL = "textforge-greetings,textforge-one,textforge-two"
"""The plugins of the site alone: others may be installed beside textforge."""


def call(site: Path, *arguments: str) -> CompletedProcess:
    path = os.pathsep.join(filter(None, [str(site), os.environ.get("PYTHONPATH")]))
    return textforge(*arguments, env={"PYTHONPATH": path, "TEXTFORGE_PLUGINS": ALL})


def test_help_lists_them_with_where_they_come_from_and_imports_none(site: Path) -> None:
    done = call(site, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    own, theirs = done.stdout.split("Commands of plugins:")
    assert [line.split() for line in theirs.strip().splitlines()] == [
        ["greet", "from", "textforge-greetings", "1.0"],
        ["greet-again", "from", "textforge-one", "1.0"],
        ["lost", "from", "textforge-greetings", "1.0"],
        ["no-command", "from", "textforge-greetings", "1.0"],
        ["nothing", "from", "textforge-greetings", "1.0"],
        ["textforge-greetings/plugins", "from", "textforge-greetings", "1.0"],
        ["textforge-greetings/run", "from", "textforge-greetings", "1.0"],
        ["textforge-one/twice", "from", "textforge-one", "1.0"],
        ["textforge-two/twice", "from", "textforge-two", "1.0"],
    ]
    assert "run " in own


def test_without_such_plugins_help_has_no_such_section() -> None:
    assert "Commands of plugins" not in textforge("--help", env={"TEXTFORGE_PLUGINS": "none"}).stdout


def test_one_is_run_with_its_arguments_and_what_it_returns_is_no_exit_code(site: Path) -> None:
    done = call(site, "greet", "you", "--loud")
    assert (done.returncode, done.stdout) == (0, "HELLO YOU\n")
    shown = call(site, "greet", "--help")
    assert shown.returncode == 0
    assert "Greet NAME." in shown.stdout
    assert "In capitals." in shown.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["greet"], 2, "Missing argument 'NAME'"),
        (["greet", "you", "--laud"], 2, "No such option"),
        (["greet", "nobody"], 2, "error: there is nobody to greet."),
        (["greet", "zero"], 1, "error: internal error: ZeroDivisionError: division by zero (greetings.py:"),
        (["greet", "stop"], 7, ""),
        (["lost"], 2, "command 'lost' from textforge-greetings 1.0 cannot be imported: ModuleNotFoundError"),
        (["nothing"], 2, "command 'nothing' from textforge-greetings 1.0: module 'greetings' has no 'absent'."),
        (["no-command"], 2, "command 'no-command' from textforge-greetings 1.0 is a function, not a click.Command."),
        (
            ["twice"],
            2,
            "command 'twice' is given by textforge-one 1.0 and textforge-two 1.0. Write which one you mean: "
            "'textforge-one/twice' or 'textforge-two/twice'.",
        ),
        (["gret"], 2, "no command 'gret'. Did you mean 'greet'?"),
    ],
)
def test_what_goes_wrong_is_reported_with_the_right_exit_code(
    site: Path, arguments: list[str], code: int, told: str
) -> None:
    done = call(site, *arguments)
    assert done.returncode == code
    assert told in done.stderr
    assert done.stdout == ""


def test_debug_shows_the_traceback_of_one(site: Path) -> None:
    path = os.pathsep.join(filter(None, [str(site), os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        [sys.executable, "-m", "textforge", "greet", "zero", "--debug"],
        capture_output=True, text=True, env={**os.environ, "PYTHONPATH": path},
    )  # fmt: skip
    assert done.returncode == 1
    assert "Traceback" in done.stderr


def test_a_name_of_textforges_own_stays_its_own_and_the_plugins_is_used_by_its_qualified_name(site: Path) -> None:
    assert "Train RECIPE, evaluate it" in call(site, "run", "--help").stdout
    listing = only_json(call(site, "plugins", "--json").stdout)
    names = [one["name"] for one in listing["kinds"]["command"] if one["distribution"] != "textforge"]
    assert names == [
        "greet", "greet-again", "lost", "no-command", "nothing", "textforge-greetings/plugins",
        "textforge-greetings/run", "textforge-one/twice", "textforge-two/twice",
    ]  # fmt: skip
    assert listing["broken"] == []
    assert call(site, "textforge-greetings/run", "you").stdout == "hello you\n"
    assert call(site, "textforge-two/twice", "you").stdout == "hello you\n"


def test_a_kind_may_be_listed_and_a_command_tells_its_options_itself(site: Path) -> None:
    done = call(site, "plugins", "command")
    assert ["command", "greet", "textforge-greetings", "1.0"] in [line.split() for line in done.stdout.splitlines()]
    done = call(site, "plugins", "command", "greet")
    assert (done.returncode, done.stdout) == (2, "")
    assert "to see the options of a command, run 'textforge greet --help'" in done.stderr
    assert call(site, "plugins", "command", "gret").stderr.startswith("error: no command named 'gret'. Did you mean")


def test_our_own_commands_look_for_no_plugin(site: Path) -> None:
    code = (
        "import sys, textforge.cli as c; sys.argv = ['textforge', 'check', '--help']\n"
        "from textforge.cli.failures import guarded; guarded(c.cli)\n"
        "assert not {'pluggy', 'greetings', 'textforge_greetings'} & set(sys.modules)\n"
    )
    path = os.pathsep.join(filter(None, [str(site), os.environ.get("PYTHONPATH")]))
    subprocess.run(
        [sys.executable, "-c", code], check=True, env={**os.environ, "PYTHONPATH": path}, capture_output=True
    )
