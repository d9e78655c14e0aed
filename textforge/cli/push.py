"""`textforge push`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from textforge.cli import options

if TYPE_CHECKING:
    from textforge.insight.handover.push import Pushed


@click.command("push")
@options.run_or_bundle
@click.argument("name", metavar="USER/NAME")
@click.option("--branch", metavar="BRANCH", help="Commit to this branch, which is created. Default: main.")
@click.option("--private", is_flag=True, help="Create a private repository, and never push to a public one.")
@click.option("-m", "--message", metavar="TEXT", help="Summary of the commit.")
@click.option("--dry-run", is_flag=True, help="Name what would be uploaded, and upload nothing.")
@click.option("--force", is_flag=True, help="Overwrite a card that was edited outside of its author's sections.")
@options.quiet
@options.as_json
@options.debug
def command(
    run_or_bundle: Path,
    name: str,
    branch: str | None,
    private: bool,
    message: str | None,
    dry_run: bool,
    force: bool,
    quiet: bool,
    as_json: bool,
) -> None:
    """Upload the classifier of RUN_OR_BUNDLE to the Hugging Face hub, with its model card, in one commit.

    Uploads the bundle, the card, and recipe and environment of the run; never texts or predictions. Needs
    textforge[hub] and a token (hf auth login).
    """
    from textforge.cli.output import results, write_json
    from textforge.cli.progress import progress_for
    from textforge.errors import shown_line
    from textforge.insight.handover.push import PushOptions, push

    if branch and "@" in name:
        raise click.UsageError("give the branch in USER/NAME@BRANCH or in --branch, not both.")
    with results() as stdout:
        chosen = PushOptions(private=private, message=message, force=force, dry_run=dry_run)

        def announce(planned: Pushed) -> None:
            if not as_json:
                stdout.write(plan_text(planned))
                stdout.flush()

        with progress_for(quiet) as progress:
            done = push(
                run_or_bundle, f"{name}@{branch}" if branch else name, chosen, progress=progress, announce=announce
            )
        if as_json:
            write_json(stdout, done.as_json())
        elif done.commit is None:
            stdout.write("nothing was uploaded (--dry-run)\n")
        else:
            stdout.write(f"pushed: {shown_line(str(done.url))}\n")
            stdout.write(f"get it: textforge pull {done.repository}@{done.commit}\n")


def plan_text(planned: Pushed) -> str:
    """Name the files that a push uploads, and where to."""
    from textforge.cli.output import table

    where = f"{planned.repository}, branch {planned.branch}, {'private' if planned.private else 'public'}"
    rows = [(name, f"{size:,}") for name, size in planned.files.items()]
    return f"to {where}:\n{table(('file', 'size in bytes'), rows)}\n"
