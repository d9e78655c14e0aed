"""The command line. Each command is a module of this package and is imported when it is called."""

from __future__ import annotations

import gc
import io
import os
import sys
from contextlib import suppress
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, cast

import click

from textforge.cli import signals
from textforge.cli.failures import INTERRUPTED, guarded
from textforge.cli.messages import open_stderr
from textforge.cli.ranks import Voice, refuse_other_commands
from textforge.errors import PluginError, did_you_mean

if TYPE_CHECKING:
    from textforge.components.component import Component
    from textforge.components.manager import PluginManager

COMMANDS = (
    "run", "tune", "resume", "check", "predict", "evaluate", "cross-validate", "report", "mistakes", "explain",
    "compare", "export", "serve", "card", "push", "pull", "doctor", "replay", "plugins", "cache",
)  # fmt: skip
LIGHT = ("check", "plugins", "cache")
"""Commands that import neither torch nor polars."""
TRAINING = ("run", "resume", "cross-validate", "replay")
"""Commands that always need torch."""


class LazyGroup(click.Group):
    """Command group that imports a command on demand, from the module of its name or from a plugin."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*COMMANDS, *_plugin_commands()]

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name in COMMANDS:
            return cast(click.Command, import_module(f"textforge.cli.{name.replace('-', '_')}").command)
        if (component := _plugin_command(name)) is None:
            return None
        if not isinstance(component.factory, click.Command):
            found = type(component.factory).__name__
            raise PluginError(f"{component.label} from {component.origin} is a {found}, not a click.Command.")
        return component.factory

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-") and _plugin_command(args[0]) is None:
            ctx.fail(_unknown_command(args[0], self.list_commands(ctx)))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List each command with its short help.

        Commands of other distributions show their origin instead, so that they need not be imported.
        """
        shipped = [name for name, command in _plugin_commands().items() if command.is_standard]
        found = [(name, command) for name in (*shipped, *COMMANDS) if (command := self.get_command(ctx, name))]
        with formatter.section("Commands"):
            formatter.write_dl([(name, command.get_short_help_str(80)) for name, command in found])
        others = {name: command for name, command in _plugin_commands().items() if name not in shipped}
        if others:
            with formatter.section("Commands of plugins"):
                formatter.write_dl([(name, f"from {command.origin}") for name, command in others.items()])


@cache
def _plugins() -> PluginManager:
    from textforge.components.manager import PluginManager

    return PluginManager()


def _plugin_commands() -> dict[str, Component]:
    """The commands of installed plugins by name. One that has the name of a built-in command has its qualified name."""
    named = _plugins().named("command").items()
    return {command.qualified_name if name in COMMANDS else name: command for name, command in named}


def _plugin_command(name: str) -> Component | None:
    """The command of a plugin with this short or qualified name; None if there is none, or if plugins contest it."""
    if (found := _plugin_commands().get(name)) is not None:
        return found
    with suppress(PluginError):
        return _plugins().component("command", name) if _may_be_given(name) else None
    return None


def _may_be_given(name: str) -> bool:
    """Whether a name that is not listed is a qualified one in another spelling, or a short one that plugins contest."""
    return "/" in name or any(one.endswith(f"/{name}") for one in _plugin_commands())


def _unknown_command(name: str, known: list[str]) -> str:
    if _may_be_given(name):
        try:
            _plugins().component("command", name)
        except PluginError as error:  # several plugins offer it, or the named one does not
            return str(error)
    broken = " It may be in a broken plugin; see 'textforge plugins'." if _plugins().broken else ""
    return f"no command '{name}'.{did_you_mean(name, known)}{broken}"


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="textforge", message="%(package)s %(version)s")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.pass_context
def cli(context: click.Context, debug: bool) -> None:
    """Train text classifiers from YAML recipes, every part a plugin."""
    refuse_other_commands(context.invoked_subcommand)
    if context.invoked_subcommand not in LIGHT and not {*context.help_option_names} & {*sys.argv}:
        from textforge.components.requirements import require_torch
        from textforge.errors.shortage import require_room

        if context.invoked_subcommand in TRAINING:
            require_torch(f"'textforge {context.invoked_subcommand}'")
        require_room(polars=context.invoked_subcommand != "predict")
        signals.watch()


def _open_streams() -> None:
    """Write UTF-8 to pipes and files, and escape what a terminal cannot show. Replace closed streams by os.devnull."""
    for name, mode in (("stdin", "r"), ("stdout", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115  (open to the end)
    open_stderr()
    if isinstance(sys.stdout, io.TextIOWrapper):
        encoding = None if sys.stdout.isatty() else "utf-8"
        sys.stdout.reconfigure(encoding=encoding, errors="backslashreplace")


def main() -> None:
    """Run the console script: run a command, report a failure in one sentence, exit with its code."""
    _open_streams()
    gc.set_threshold(100_000, 50, 100)  # importing torch alone creates a million objects that live until the exit
    signals.install()
    voice = Voice()
    code = guarded(cli)
    voice.end(code)
    signals.uninstall()
    gc.freeze()  # collecting them all before the exit would take a second
    if code in INTERRUPTED:  # Python would exit by the signal, without this code, if the interrupt hit an exec()
        with suppress(OSError):
            sys.stdout.flush()
        os._exit(code)
    sys.exit(code)
