"""`textforge doctor`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from textforge.cli import options

ROWS = 8
"""Number of rows of a finding that a person sees."""


@click.command("doctor")
@click.argument("data", metavar="DATA|RECIPE", type=click.Path(path_type=Path))
@click.option("--test", type=click.Path(path_type=Path), help="Test texts, in the format of the file DATA.")
@click.option(
    "-s", "--set", "overrides", metavar="KEY=VALUE", multiple=True,
    help="Override a key of the recipe, or an option of the dataset that reads DATA.",
)  # fmt: skip
@click.option("--quick", is_flag=True, help="Leave out what trains classifiers.")
@click.option("--fix", metavar="OUT", type=click.Path(path_type=Path), help="Write a cleaned copy to a new folder.")
@options.quiet
@options.as_json
@options.debug
def command(
    data: Path,
    test: Path | None,
    overrides: tuple[str, ...],
    quick: bool,
    fix: Path | None,
    quiet: bool,
    as_json: bool,
) -> None:
    """Find what is wrong with labelled texts, the worst first.

    DATA is a file or folder of labelled texts, as for init. For a recipe, its dataset is examined. The data are never
    changed; --fix writes a cleaned copy and a list of the changes.
    """
    from textforge.cli.messages import write_warnings
    from textforge.cli.output import results, write_json
    from textforge.cli.progress import progress_for
    from textforge.insight.doctor.examination import doctor

    with results() as stdout:
        with progress_for(quiet) as progress:
            found = doctor(data, test=test, overrides=overrides, quick=quick, fix=fix, progress=progress)
        write_warnings(found["warnings"])
        if as_json:
            write_json(stdout, found)
        else:
            stdout.write(doctor_text(found))


def doctor_text(found: dict[str, Any]) -> str:
    """Format the findings for reading."""
    from textforge.cli.windows import window_width
    from textforge.errors import shown_line

    width = window_width()
    sizes = ", ".join(f"{split} {n:,}" for split, n in found["splits"].items())
    counts = [sum(one["severity"] == level for one in found["findings"]) for level in ("high", "medium", "low")]
    head = f"{shown_line(found['data'])}: {sizes} texts, {found['labels']:,} labels"
    tally = ", ".join(f"{n} {level}" for n, level in zip(counts, ("high", "medium", "low"), strict=True) if n)
    parts = [f"{head}\nfindings: {tally or 'none'}", *(_finding_text(one, width) for one in found["findings"])]
    if found["left_out"]:
        lines = [_paragraph(f"{one['what']}: {one['why']}", width, "  ") for one in found["left_out"]]
        parts.append("\n".join(["not looked for:", *lines]))
    if fixed := found["fixed"]:
        changes = [f"  {what}: {n:,} text{'s' * (n != 1)}" for what, n in fixed["changes"].items()]
        changes = changes or ["  nothing had to be changed"]
        files = ", ".join(fixed["files"])
        parts.append("\n".join([f"cleaned copy in {shown_line(fixed['path'])}: {files}", *changes]))
    return "\n\n".join(parts) + "\n"


def _finding_text(one: dict[str, Any], width: int) -> str:
    """A finding: its kind, what it is, what to do, rows and examples."""
    from textforge.cli.windows import one_line

    lines = [
        f"{one['severity'].upper()}  {one['kind']}",
        _paragraph(one["what"][:1].upper() + one["what"][1:], width, "  "),
        _paragraph(one["advice"], width, "  "),
    ]
    if rows := [f"{split} {row}" for split, numbers in one["rows"].items() for row in numbers[:ROWS]]:
        total = sum(map(len, one["rows"].values()))
        more = f" and {total - ROWS:,} more" if total > ROWS else ""
        lines.append(_paragraph(f"rows: {', '.join(rows[:ROWS])}{more}", width, "  "))
    return "\n".join([*lines, *(f"    {one_line(example, width - 4)}" for example in one["examples"])])


def _paragraph(text: str, width: int, indent: str) -> str:
    """A sentence that fits the window."""
    import textwrap

    from textforge.errors import shown_line

    return textwrap.fill(
        shown_line(text), max(40, width), initial_indent=indent, subsequent_indent=indent,
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip
