"""`textforge plugins`."""

from __future__ import annotations

import json
import shutil
import sys
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TextIO

import click

from textforge.cli import options

SLOW = 0.25
"""Seconds above which an import is called slow; numpy takes 0.1, torch 1 or more."""

if TYPE_CHECKING:
    from textforge.components.component import Component
    from textforge.components.manager import PluginManager


@click.command("plugins")
@click.argument("kind", required=False)
@click.argument("name", required=False)
@click.option("--schema", is_flag=True, help="Print the JSON Schema of a recipe, for editors.")
@options.as_json
@options.debug
def command(kind: str | None, name: str | None, schema: bool, as_json: bool) -> None:
    """List the installed components, or describe one of them.

    With KIND, list the components of that kind. With KIND and NAME, show the options of that component. NAME may be
    qualified by a distribution, as in textforge-twin/mlp. The variable TEXTFORGE_PLUGINS=NAME,… looks at these
    distributions or plugins only, besides the standard parts; TEXTFORGE_PLUGINS=none at no others.
    """
    from textforge.cli.output import results, write_json
    from textforge.components.kinds import COMMAND
    from textforge.components.manager import PluginManager

    with results() as stdout:
        plugins = PluginManager()
        if schema:
            from textforge.errors.escapes import shown_json
            from textforge.recipes.schema import recipe_schema

            stdout.write(shown_json(json.dumps(recipe_schema(plugins), indent=2, ensure_ascii=False)) + "\n")
        elif kind and name:
            component = plugins.component(kind, name)
            if kind == COMMAND.name:
                raise click.UsageError(f"to see the options of a command, run 'textforge {name} --help'.")
            described = describe(component)
            write_json(stdout, described) if as_json else _write_component(stdout, component, described)
        else:
            plugins.examine_again()
            listing = catalogue(plugins, kind)
            write_json(stdout, listing) if as_json else _write_listing(stdout, listing)


def catalogue(plugins: PluginManager, kind: str | None) -> dict[str, Any]:
    """The components of each kind with their distributions, the imported plugins, and the broken ones with reasons."""
    from textforge.cli import COMMANDS
    from textforge.components.kinds import COMMAND, KINDS, OUTSIDE_RECIPES

    kinds = {}
    for one in [kind] if kind else [*KINDS, *(one.name for one in OUTSIDE_RECIPES)]:
        kinds[one] = [
            {
                "name": c.qualified_name if one == COMMAND.name and name in COMMANDS else name,
                "distribution": c.origin.distribution,
                "version": c.origin.version,
            }
            for name, c in plugins.named(one).items()
        ]
    broken = [
        {"plugin": b.plugin, "distribution": b.origin.distribution, "version": b.origin.version, "reason": b.reason}
        for b in plugins.broken
    ]
    return {"kinds": kinds, "imports": _imports(plugins), "broken": broken}


def _imports(plugins: PluginManager) -> list[dict[str, Any]]:
    """The plugins of other distributions whose modules had to be imported to list them, the slowest first."""
    from textforge.components.names import STANDARD, normalized

    found = [one for one in plugins.installed
             if one.seconds is not None and normalized(one.origin.distribution) != STANDARD]  # fmt: skip
    return [
        {
            "plugin": one.name,
            "distribution": one.origin.distribution,
            "version": one.origin.version,
            "seconds": round(one.seconds or 0.0, 3),
            "slow": (one.seconds or 0.0) > SLOW,
            "changed": one.changed,
        }
        for one in sorted(found, key=lambda one: -(one.seconds or 0.0))
    ]


def describe(component: Component) -> dict[str, Any]:
    """Describe a component: its facts, and its options with type, default and documentation."""
    from textforge.components.options import jsonable

    own = component.options
    defaults = jsonable(own.defaults())
    return {
        "kind": component.kind.name,
        "name": component.name,
        "qualified_name": component.qualified_name,
        "distribution": component.origin.distribution,
        "version": component.origin.version,
        "doc": component.doc,
        "facts": list(own.facts),
        "options": [
            {
                "name": option.name,
                "type": option.type_text,
                **({} if option.required else {"default": defaults.get(option.name)}),
                "required": option.required,
                "doc": option.doc,
            }
            for option in own.fields.values()
        ],
    }


def _write_listing(stdout: TextIO, listing: dict[str, Any]) -> None:
    from textforge.cli.output import table
    from textforge.errors import shown_line

    rows = [
        (kind, one["name"], f"{one['distribution']} {one['version']}".strip())
        for kind, components in listing["kinds"].items()
        for one in components
    ]
    stdout.write(table(("kind", "name", "from"), rows, left=3) + "\n")
    if listing["imports"]:
        times = [
            (one["plugin"], f"{one['distribution']} {one['version']}", f"{one['seconds']:.2f} s", _remarks(one))
            for one in listing["imports"]
        ]
        stdout.write(f"\n{table(('plugin', 'from', 'import', ''), times, left=2, show=shown_line)}\n")
    if listing["broken"]:
        stdout.write("\nbroken:\n")
        for one in listing["broken"]:
            text = f"{one['plugin']} ({one['distribution']} {one['version']}): {one['reason']}"
            stdout.write(f"  {shown_line(text)}\n")


def _remarks(imported: dict[str, Any]) -> str:
    """What an author should mend in an import."""
    from textforge.errors import listed

    slow = ["slow; import heavy packages inside the factories, or state the components as entry points"]
    changed = [f"changes {listed(imported['changed'], limit=20)}"] if imported["changed"] else []
    return ". ".join([*(slow if imported["slow"] else []), *changed])


def _write_component(stdout: TextIO, component: Component, described: dict[str, Any]) -> None:
    from textforge.cli.output import table
    from textforge.errors import shown_line, shown_lines

    stdout.write(shown_lines(f"{component.label} from {component.origin}\n{described['doc']}\n"))
    if described["facts"]:
        stdout.write(f"\nfacts: {shown_line(', '.join(described['facts']))}\n")
    if not described["options"]:
        stdout.write("\nno options\n")
        return
    rows = [
        (o["name"], o["type"], "(required)" if o["required"] else json.dumps(o["default"]), o["doc"])
        for o in described["options"]
    ]
    shown = table(("option", "type", "default", "what it does"), rows, left=4, show=shown_line)
    columns = shutil.get_terminal_size().columns if stdout.isatty() else sys.maxsize
    if max(map(len, shown.splitlines())) > columns:
        shown = "\n".join(_option_text([shown_line(cell) for cell in row], columns) for row in rows)
    stdout.write(f"\n{shown}\n")


def _option_text(row: Sequence[str], columns: int) -> str:
    """Format an option as a paragraph, for terminals too narrow for the table."""
    name, kind, default, doc = row
    lines = textwrap.wrap(f"{kind}  (default: {default})" if default != "(required)" else f"{kind}  (required)",
                          columns - 4)  # fmt: skip
    lines += textwrap.wrap(doc, columns - 4)
    return "\n".join([name, *(f"    {line}" for line in lines)])
