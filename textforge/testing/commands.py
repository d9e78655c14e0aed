"""Contract checks for commands. This room must not import click, so it uses click only if it is already loaded."""

from __future__ import annotations

import io
import sys
from collections.abc import Mapping
from contextlib import redirect_stdout
from typing import Any

from textforge.errors import listed
from textforge.testing.checks import as_contract_error, rule
from textforge.testing.subject import Subject, exercise


@exercise("command")
def _work(subject: Subject) -> Mapping[str, Any]:
    """Load the command."""
    command = of(subject)
    return {"name": command.name or ""}


def of(subject: Subject) -> Any:
    """The component as a click.Command."""
    command = subject.component.factory
    click: Any = sys.modules.get("click")
    if click is None or not isinstance(command, click.Command):
        raise subject.breaks(
            f"it is a {type(command).__name__}.", "Give a click.Command: decorate it with @click.command()."
        )
    return command


@rule("command")
def says_what_it_does(subject: Subject) -> None:
    """It has a help text; 'textforge --help' shows the first sentence."""
    if not (of(subject).help or "").strip():
        raise subject.breaks("it has no help text.", "Give its function a docstring that says what it does.")


@rule("command")
def its_options_have_help(subject: Subject) -> None:
    """Every option of the command and of its subcommands has a help text."""
    bare = [f"'{path}'" for path, command in _all(of(subject), of(subject).name or "")
            for path in _bare(path, command)]  # fmt: skip
    if bare:
        raise subject.breaks(f"options without help: {listed(bare)}.", "Give each help='…'.")


@rule("command")
def shows_its_help(subject: Subject) -> None:
    """`--help` of the command and of each subcommand shows the usage and does nothing else."""
    for path, command in _all(of(subject), of(subject).name or "command"):
        printed = io.StringIO()
        advice = "Show help before doing anything or prompting."
        with as_contract_error(subject.label, f"at '{path} --help'", advice), redirect_stdout(printed):
            code = command.main(args=["--help"], prog_name=path, standalone_mode=False)
        if code or "Usage:" not in printed.getvalue():
            raise subject.breaks(f"'{path} --help' shows no usage.", "Leave --help to click.")


def _all(command: Any, path: str) -> list[tuple[str, Any]]:
    """The command and, if it is a group, all of its subcommands, each with its full name."""
    click: Any = sys.modules["click"]
    found = [(path, command)]
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found += _all(command.get_command(context, name), f"{path} {name}")
    return found


def _bare(path: str, command: Any) -> list[str]:
    options = [one for one in command.params if one.param_type_name == "option" and not one.hidden]
    return [f"{path} {one.opts[-1]}" for one in options if not (one.help or "").strip()]
