"""Commands that break what commands are held to."""

import click


@click.command("count")
@click.argument("file", type=click.Path())
@click.option("--words", is_flag=True, help="Count words, not lines.")
def good(file, words):
    """Count the lines of FILE."""


@click.group("tools")
def good_group():
    """Some tools."""


good_group.add_command(good)


@click.command("mute")
def mute(): ...


@click.command("bare")
@click.option("--words", is_flag=True)
def bare(words):
    """Count."""


@click.group("deep")
def deep():
    """Some tools."""


deep.add_command(bare)


class Impatient(click.Command):
    def parse_args(self, ctx, args):
        raise RuntimeError("no time for that")


@click.command("hasty", cls=Impatient)
def hasty():
    """Do it at once."""


def function():
    """No command of click's."""
