"""Show what is finished: figures and folder of a run, of several seeds or of a cross-validation, or one JSON object."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from textforge.cli.messages import write_message, write_warnings
from textforge.cli.output import baselines_text, figures_text, summary_text, write_json
from textforge.errors import shown_line
from textforge.runs.folder import REPORT, RESULT

if TYPE_CHECKING:
    from textforge.runs.cross_validation import CrossValidation
    from textforge.runs.runner import Run
    from textforge.runs.seeds import Repeats


def write_run(stdout: TextIO, done: Run, *, as_json: bool, with_report: bool) -> None:
    """Write the figures of a finished run and where it is; before that its report, if asked for.

    Raises:
        OSError: the output cannot be written; a note says that the run is done.
    """
    written = write_report(done.path) if with_report else None
    try:
        if as_json:
            write_json(stdout, {"run": str(done.path), **reported(written), **done.result})
        else:
            path, test, figures = shown_line(str(done.path)), done.result["test"], ""
            if test:
                tested = {**test, "baselines": done.result["baselines"]}
                figures = figures_text(tested, everything=f"in {path}/{RESULT}") + "\n\n"
            stdout.write(f"{figures}run folder: {path}\n{report_line(written)}")
        stdout.flush()
    except BrokenPipeError:  # click ends the command silently
        write_message(f"the output was closed before it was written. The run is done, in {done.path}.")
        raise
    except OSError as error:
        error.add_note(f"The run is done, in {done.path}.")
        raise


def write_seeds(stdout: TextIO, runs: Repeats, *, as_json: bool, with_report: bool) -> None:
    """Write the figures of the runs of several seeds and where they are; before that their report, if asked for."""
    written = write_report(runs.path) if with_report else None
    if as_json:
        write_json(stdout, {"runs": str(runs.path), **reported(written), **runs.result})
        return
    found = runs.result["figures"]
    names = [f"seed {seed}" for seed in runs.result["seeds"]]
    figures = summary_text(found, names, runs.result["split"]) if found else "no test split"
    if compared := baselines_text(runs.result["baselines"]):
        figures += f"\n{compared}"
    stdout.write(f"{figures}\n\nrun folders: {shown_line(str(runs.path))}/seed-*\n{report_line(written)}")


def write_folds(stdout: TextIO, done: CrossValidation, *, as_json: bool) -> None:
    """Write the figures of a finished cross-validation and where it is."""
    if as_json:
        write_json(stdout, {"run": str(done.path), **done.result})
        return
    names = [f"fold {number}" for number in range(1, done.result["folds"] + 1)]
    figures = f"{summary_text(done.result['figures'], names)}\n{baselines_text(done.result['baselines'])}"
    stdout.write(f"{figures}\n\nfolder: {shown_line(str(done.path))}\n")


def write_report(path: Path) -> Path | None:
    """Write the report of a finished run; if that fails, warn, because the run is done."""
    from textforge.errors import TextforgeError
    from textforge.insight.reporting import report

    try:
        warnings = report(path, path / REPORT)["warnings"]
    except TextforgeError as error:
        warnings = [f"the run is done, but its report cannot be written: {error}"]
    write_warnings(warnings)
    return path / REPORT if (path / REPORT).is_file() else None


def reported(written: Path | None) -> dict[str, str]:
    """The part of the JSON object that says where a report is."""
    return {} if written is None else {"report": str(written)}


def report_line(written: Path | None) -> str:
    """The line that says where a report is."""
    return "" if written is None else f"report: {shown_line(str(written))}\n"
