"""Generate reference documentation from the code: run `make docs` after a change.

docs/commands.md comes from the --help texts, docs/hooks.md from the hooks, and docs/parts.md from the standard
components, like recipes/recipe.schema.json, with which editors complete and check the recipes beside it. Tests check
that all files are up to date.
"""

from __future__ import annotations

import inspect
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from click.testing import CliRunner

from textforge.cli import COMMANDS, cli
from textforge.cli.plugins import describe
from textforge.components import hookspecs
from textforge.components.component import Origin
from textforge.components.hookspecs import PLUGIN_API
from textforge.components.kinds import FACTS, KINDS
from textforge.components.manager import HOOKED, PluginManager
from textforge.components.options import Options, jsonable
from textforge.components.settings import DecisionSettings, TrainerSettings
from textforge.recipes.schema import recipe_schema

os.environ["TEXTFORGE_PLUGINS"] = "none"  # the help is that of the standard commands, whatever else is installed
DOCS = Path(__file__).parent
GIVEN = ("n_features", "vocab_size", "vectors")
"""Facts that vectorizers provide to models."""
EXIT_CODES = """\
| exit code | meaning |
| --- | --- |
| 0 | done |
| 1 | the loss became NaN, disk or memory is full, a plugin failed; `replay` or `plugin check` found a fault |
| 2 | the recipe, the arguments, the data or the bundle are wrong |
| 3 | the data are unavailable: not in the cache, and no source answers |
| 130, 143, 129 | ended by SIGINT (Ctrl-C), SIGTERM, SIGHUP; an unfinished run can be [continued](resume.md) |

Results go to stdout, progress and messages to stderr. `--json` prints exactly one JSON object on stdout; a command that
fails prints nothing there. Output to pipes and files is UTF-8. Only `--debug` shows a traceback. Put `--` before texts
that begin with a dash, as in `textforge predict RUN -- "-1 star"`.

Output for people escapes control characters, invisible characters and characters that change the direction of text:
`\\x1b`, `\\u202e`. In tables and in tab-separated predictions, a line break in a label is written `\\n` and a backslash
`\\\\`, so that different labels always look different. If several labels are joined by `|`, a `|` in a label is written
`\\x7c`. JSON and the files of a run contain exact values. If stderr is closed or full, messages are lost and the
command continues.

`predict` writes one line for each line that it reads, except that it skips blank lines in JSON Lines. An invalid line
(not UTF-8, or not the expected JSON) ends the command with exit code 2. With `--on-error mark` the command continues
and ends with 0. It then writes `{"error": "…"}` for that line, or, in tab-separated output, an empty label, an empty
probability and the reason in a third column. At the end it reports the number of such lines. For a table, it writes the
rows back with columns added: see [Predictions for a table](predictions.md).
"""


def commands() -> str:
    """Return the content of docs/commands.md."""
    text = f"# Commands\n\nGenerated from `--help` by `make docs`; do not edit.\n\n{EXIT_CODES}"
    for arguments in ([], *every_command()):
        shown = " ".join(["textforge", *arguments])
        help_text = CliRunner().invoke(cli, [*arguments, "--help"], prog_name="textforge", terminal_width=100).output
        text += f"\n## {shown}\n\n```text\n{help_text.strip()}\n```\n"
    return text


def every_command() -> list[list[str]]:
    """The words of every standard command; a group comes before its own commands."""
    names = [*(component.name for component in shipped().components("command")), *COMMANDS]
    found = [([name], cli.get_command(click.Context(cli), name)) for name in names]
    return [words for one in found for words in within(*one)]


def within(words: list[str], command: click.Command) -> list[list[str]]:
    """The words of a command and, if it is a group, of each command in it."""
    if not isinstance(command, click.Group):
        return [words]
    context = click.Context(command)
    inner = [([*words, name], command.get_command(context, name)) for name in command.list_commands(context)]
    return [words, *(one for pair in inner for one in within(*pair))]


def shipped() -> PluginManager:
    """The standard parts, whatever else is installed."""
    import textforge_standard

    plugins = PluginManager(entry_points=False)
    plugins.register(textforge_standard, origin=Origin("textforge", ""))
    return plugins


def schema() -> str:
    """Return the content of recipes/recipe.schema.json."""
    return json.dumps(recipe_schema(shipped()), indent=1, ensure_ascii=False) + "\n"


def parts() -> str:
    """Return the content of docs/parts.md: a table of options for each standard component and for the settings."""
    plugins = shipped()
    sections = ["# Parts and their options\n\nGenerated from the code by `make docs`; do not edit.\n"]
    for name, settings in (("trainer", TrainerSettings), ("decision", DecisionSettings)):
        sections.append(_section(f"## {name}", (settings.__doc__ or "").splitlines()[0], _rows(settings, name)))
    for kind in KINDS.values():
        components = plugins.components(kind.name)
        if components:
            sections.append(f"## {kind.many.capitalize()}\n")
        for component in components:
            described = describe(component)
            rows = [
                (o["name"], o["type"], "required" if o["required"] else _code(json.dumps(o["default"])), o["doc"])
                for o in described["options"]
            ]
            sections.append(_section(f"### {kind.name}: {component.name}", described["doc"], rows))
    return "\n".join(sections)


def hooks() -> str:
    """Return the content of docs/hooks.md: every hook, and the facts that its factories may ask for."""
    text = (
        "# Hooks\n\nGenerated from the code by `make docs`; do not edit. What factories return, with an example of "
        f"each, is in [plugins.md](plugins.md).\n\nPlugin API {PLUGIN_API}. A plugin implements the hooks that it "
        "needs, each marked with `textforge.hookimpl`.\n"
    )
    for kind in HOOKED:
        hook = getattr(hookspecs, kind.hook)
        returns = "dict[str, Callable | str]" if kind in KINDS.values() else "dict[str, click.Command | str]"
        text += f"\n## {kind.hook}{_arguments(hook)} -> {returns}\n\n{inspect.getdoc(hook)}\n"
        facts = [*kind.facts, *(GIVEN if kind.name == "model" else ())]
        if facts:
            text += "\n| fact | type | meaning |\n| --- | --- | --- |\n"
            text += "".join(f"| `{fact}` | {_code(FACTS[fact][0])} | {FACTS[fact][1]} |\n" for fact in facts)
    return text


def _arguments(hook: Callable[..., Any]) -> str:
    return str(inspect.signature(hook).replace(return_annotation=inspect.Signature.empty))


def _rows(settings: type, name: str) -> list[tuple[str, ...]]:
    options = Options(settings, name).fields.values()
    return [(o.name, o.type_text, _code(json.dumps(jsonable({"it": o.default})["it"])), o.doc) for o in options]


def _section(title: str, doc: str, rows: list[tuple[str, ...]]) -> str:
    text = f"{title}\n\n" + (f"{doc}\n\n" if doc else "")
    if not rows:
        return text + "No options.\n"
    text += "| option | type | default | meaning |\n| --- | --- | --- | --- |\n"
    for name, kind, default, what in rows:
        text += f"| `{name}` | {_code(kind)} | {default} | {_cell(what)} |\n"
    return text


def _code(text: str) -> str:
    return f"`{_cell(text)}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def main() -> None:
    made = {
        DOCS / "commands.md": commands, DOCS / "parts.md": parts, DOCS / "hooks.md": hooks,
        DOCS.parent / "recipes/recipe.schema.json": schema,
    }  # fmt: skip
    if "--check" in sys.argv:
        if old := [path.name for path, make in made.items() if path.read_text() != make()]:
            sys.exit(f"out of date: {', '.join(old)}. Run: make docs")
        return
    for path, make in made.items():
        path.write_text(make())
    print(f"wrote {', '.join(path.name for path in made)}")


if __name__ == "__main__":
    main()
