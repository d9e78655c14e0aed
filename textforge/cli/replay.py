"""`textforge replay`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from textforge.cli import options

if TYPE_CHECKING:
    from textforge.runs.replays.replay import Replay


@click.command("replay")
@options.run
@click.option("--env", is_flag=True, help="Train in a new virtual environment with the run's own versions of packages.")
@click.option("--out", type=click.Path(path_type=Path), help="Keep the new run in this folder. Default: delete it.")
@click.option(
    "--write-requirements", "requirements", metavar="FILE", type=click.Path(path_type=Path, allow_dash=True),
    help="Write the run's packages as requirements for pip, '-' for stdout, and do not train.",
)  # fmt: skip
@options.quiet
@options.as_json
@options.debug
def command(run: Path, env: bool, out: Path | None, requirements: Path | None, quiet: bool, as_json: bool) -> int:
    """Train RUN again in a fresh process, and say whether it gives the same.

    RUN is a run folder, or a folder of run --seeds or of cross-validate. Compares data, features, history, weights,
    predictions and figures. Exit code 0: all the same; 1: something differs, and the likely reason is named.
    """
    from textforge.cli.output import results, write_json
    from textforge.cli.progress import progress_for

    with results() as stdout:
        if requirements is not None:
            stdout.write(_write_requirements(run, requirements))
            return 0
        from textforge.runs.replays.replay import replay

        with progress_for(quiet) as progress:
            found = replay(run, env=env, out=out, progress=progress, show=not quiet)
        if as_json:
            write_json(stdout, found.as_json())
        else:
            stdout.write("\n".join(replay_text(one) for one in found.runs or (found,)))
            stdout.write(_conclusion(found))
    return 0 if found.same else 1


def replay_text(found: Replay) -> str:
    """Format the replay of one run for reading."""
    from textforge.errors import shown_line

    lines = [shown_line(str(found.path)), *(f"  {shown_line(str(one))}" for one in found.compared)]
    if not found.same:
        lines.append(f"  likely reason: {shown_line(str(found.reason))}")
    if changes := [shown_line(str(change)) for change in found.changes]:
        lines += ["  the environment differs:", *(f"    {change}" for change in changes)]
    return "\n".join(lines) + "\n"


def _conclusion(found: Replay) -> str:
    """The verdict over all runs."""
    runs = found.runs or (found,)
    differing = sum(not run.same for run in runs)
    several = f"{differing} of {len(runs)} runs differ" if len(runs) > 1 else "the replay differs"
    return f"\n{several}.\n" if differing else "\nthe same.\n"


def _write_requirements(run: Path, file: Path) -> str:
    """Write the packages of a run to a file; return the text for stdout."""
    from textforge.classifiers.storage import write_text
    from textforge.errors import shown_line
    from textforge.runs.environment_changes import read_environment
    from textforge.runs.replays.replay import folders_of
    from textforge.runs.requirements import requirements_text

    text = requirements_text(read_environment(folders_of(run)[0]), str(run))
    if str(file) == "-":
        return text
    write_text(file, text)
    return f"requirements: {shown_line(str(file))}\n"
