"""`textforge report`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from textforge.cli import options

CLASSES, PAIRS = 10, 5
"""Numbers of classes, those with the lowest F1, and of confused pairs that the short form shows."""


@click.command("report")
@options.run
@options.page
@options.force
@click.option(
    "--words/--no-words", default=True, help="Mark the words behind mistakes and classes, which loads the model."
)
@options.as_json
@options.debug
def command(run: Path, output: Path | None, force: bool, words: bool, as_json: bool) -> None:
    """Report on RUN: figures, classes, confusion, calibration, mistakes, data, as one HTML file.

    RUN is a run folder, a folder of run --seeds, a cross-validation, or a folder of tune. Without -o, print the short
    form.
    """
    from textforge.cli.messages import write_warnings
    from textforge.cli.output import results, write_json
    from textforge.cli.output_file import refuse_overwriting
    from textforge.errors import shown_line
    from textforge.insight.reporting import report

    with results() as stdout:
        if output is not None:
            refuse_overwriting(output, force=force)
        found = report(run, output, reasons=words and (output is not None or as_json))
        write_warnings(found["warnings"])
        if as_json:
            write_json(stdout, {"report": None if output is None else str(output), **found})
        elif output is not None:
            stdout.write(f"report: {shown_line(str(output))}\n")
        elif found["kind"] == "tuning":
            from textforge.cli.tune import tuned_text

            stdout.write(tuned_text(run, found, None))
        else:
            stdout.write(report_text(found))


def report_text(found: dict[str, Any]) -> str:
    """Format the most important values of a report for reading."""
    return "\n\n".join(_parts(found)) + "\n"


def _parts(found: dict[str, Any]) -> Iterator[str]:
    from textforge.cli.output import table
    from textforge.errors import shown_line

    yield _head(found)
    if figures := found["figures"]:
        rows = [(_title(one["name"]), *_metric(one, several=found["kind"] != "run")) for one in figures["metrics"]]
        rows += [(f"accuracy of {one['name']}", f"{one['accuracy']:.4f}", "") for one in figures["baselines"]]
        size = f"{figures['split']}, {figures['n']:,} text{'s' * (figures['n'] != 1)}"
        yield table((size, "value", "95 % interval"), rows)
    if found["classes"]:
        yield _classes(found["classes"])
    if found["confusion"] and found["confusion"]["pairs"]:
        pairs = [(one["gold"], one["predicted"], f"{one['texts']:g}") for one in found["confusion"]["pairs"][:PAIRS]]
        yield table(("most confused: gold", "predicted", "texts"), pairs, left=2)
    if lines := [*_sentences(found)]:
        yield "\n".join(lines)
    serious = [one["what"] for one in found["data"]["findings"] or () if one["severity"] == "high"]
    if serious:
        yield "\n".join([*(f"data: {shown_line(what)}" for what in serious), f"{found['data']['doctor']} shows more"])
    if warnings := found["data"]["warnings"]:
        yield "\n".join(f"warning: {shown_line(warning)}" for warning in warnings)


def _head(found: dict[str, Any]) -> str:
    from textforge.errors import shown, shown_line

    what = {"run": "", "seeds": f", {found['n_runs']} seeds", "cross-validation": ", cross-validation"}[found["kind"]]
    without = "" if found["figures"] else ": no test split, so there are no test figures"
    return f"{shown(str(found['recipe_name']))}{what} ({shown_line(found['run'])}){without}"


def _title(name: str) -> str:
    return name.replace("_f1", " F1").replace("_", " ")


def _metric(one: dict[str, Any], *, several: bool) -> tuple[str, str]:
    """The value of a metric with its standard deviation over runs, and its interval."""
    value = "undefined" if one["value"] is None else f"{one['value']:.4f}"
    spread = f" ± {one['std']:.4f}" if several and one.get("std") is not None else ""
    return value + spread, "[{:.4f}, {:.4f}]".format(*one["interval"]) if one["interval"] else ""


def _classes(classes: list[dict[str, Any]]) -> str:
    """A table of all classes, or of those with the lowest F1."""
    from textforge.cli.output import table

    shown = classes
    if len(classes) > 2 * CLASSES:
        shown = sorted(classes, key=lambda one: (one["f1"], -one["support"]))[:CLASSES]
    rows = [(one["label"], *(f"{one[key]:.3f}" for key in ("precision", "recall", "f1")), f"{one['support']:g}")
            for one in shown]  # fmt: skip
    title = "class" if shown is classes else f"lowest F1 of {len(classes):,} classes"
    return table((title, "precision", "recall", "f1", "texts"), rows)


def _sentences(found: dict[str, Any]) -> Iterator[str]:
    """Calibration, abstention, the best epoch and the number of mistakes, a line each."""
    if calibration := found["calibration"]:
        yield (
            f"calibration error {calibration['ece']:.4f}: mean confidence {calibration['mean_confidence']:.3f}, "
            f"{'share of true labels' if calibration['pairs'] else 'accuracy'} {calibration['accuracy']:.3f}"
        )
    if coverage := found["coverage"]:
        phrases = [f"{one['accuracy']:.4f} on {one['share']:.0%}" for one in coverage["table"][1:5]]
        if phrases:
            yield f"accuracy on the most confident texts: {', '.join(phrases)}"
    best = [str(run["best_epoch"]) for run in found["curves"] if run["best_epoch"] is not None]
    if best:
        yield f"best epoch{'s' * (len(best) > 1)}: {', '.join(best)}"
    if found["mistakes"]:
        yield f"{found['mistakes']['wrong']:,} wrong answers, which textforge mistakes shows; -o FILE writes all of it"
