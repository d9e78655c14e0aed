"""`textforge pull`."""

from __future__ import annotations

from pathlib import Path

import click

from textforge.cli import options


@click.command("pull")
@click.argument("name", metavar="USER/NAME[@REVISION]")
@click.argument("out", metavar="[OUT]", required=False, type=click.Path(path_type=Path))
@options.quiet
@options.as_json
@options.debug
def command(name: str, out: Path | None, quiet: bool, as_json: bool) -> None:
    """Copy a classifier from the Hugging Face hub into the new folder OUT, by default NAME.

    REVISION is a branch, a tag or a commit. Only the files of a bundle are downloaded, and never a pickle. Digests and
    golden predictions are checked first. Needs textforge[hub].
    """
    from textforge.cli.messages import write_message
    from textforge.cli.output import results, write_json
    from textforge.cli.progress import progress_for
    from textforge.errors import listed, shown_line
    from textforge.runs.hub.pull import pull

    with results() as stdout:
        with progress_for(quiet) as progress:
            pulled = pull(name, out, progress=progress)
        if as_json:
            write_json(stdout, pulled.as_json())
            return
        if pulled.left_out:
            write_message(f"left out, because they are no part of a bundle: {listed(pulled.left_out)}.")
        size = sum(pulled.files.values())
        stdout.write(f"bundle: {shown_line(str(pulled.path))} ({len(pulled.files)} files, {size:,} bytes)\n")
        stdout.write(f"commit: {pulled.commit}\n")
