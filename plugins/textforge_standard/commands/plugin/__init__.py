"""The command group `plugin`, for plugin authors; each command is a module here, imported when it is called."""

from importlib import import_module

import click

COMMANDS = ("new", "check")


class LazyGroup(click.Group):
    """Loads a command from the module with its name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*COMMANDS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return import_module(f"{__name__}.{cmd_name}").command if cmd_name in COMMANDS else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from textforge.errors import did_you_mean, listed

            ctx.fail(f"no command 'plugin {args[0]}'. Commands: {listed(COMMANDS)}.{did_you_mean(args[0], COMMANDS)}")
        return super().resolve_command(ctx, args)


@click.group("plugin", cls=LazyGroup)
def command() -> None:
    """Write your own plugin, and check it."""
