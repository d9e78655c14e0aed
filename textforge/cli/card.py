"""`textforge card`."""

from __future__ import annotations

from pathlib import Path

import click

from textforge.cli import options


@click.command("card")
@options.run_or_bundle
@click.option(
    "-o", "--output", metavar="FILE", type=click.Path(path_type=Path, allow_dash=True),
    help="Write to this file; '-' is stdout. Default: README.md in the folder of the run.",
)  # fmt: skip
@click.option("--force", is_flag=True, help="Overwrite a FILE that would lose what somebody wrote.")
@options.as_json
@options.debug
def command(run_or_bundle: Path, output: Path | None, force: bool, as_json: bool) -> None:
    """Write the model card of RUN_OR_BUNDLE: data, figures, limits, recipe, and gaps for its author to fill in.

    RUN_OR_BUNDLE is a run folder, a folder of run --seeds, a cross-validation, or a bundle. What the author has filled
    in stays when the card is written again.
    """
    from textforge.cli.output import results, write_json
    from textforge.errors import shown_line
    from textforge.insight.handover.card import card, card_file
    from textforge.insight.handover.kept_sections import gaps

    with results() as stdout:
        file = card_file(run_or_bundle) if output is None else output
        text = card(run_or_bundle, None if str(file) == "-" else file, force=force)
        open_gaps = gaps(text)
        if as_json:
            write_json(stdout, {"card": None if str(file) == "-" else str(file), "gaps": open_gaps, "text": text})
        elif str(file) == "-":
            stdout.write(text)
        else:
            to_do = f"yours to fill in: {', '.join(open_gaps)}" if open_gaps else "nothing is left to fill in"
            stdout.write(f"card: {shown_line(str(file))}\n{to_do}\n")
