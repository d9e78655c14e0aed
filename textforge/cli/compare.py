"""`textforge compare`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from textforge.cli import options


@click.command("compare")
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="RUN RUN…")
@click.option(
    "--metric", "metrics", metavar="NAME", multiple=True, help="Compare this metric, too, such as micro_f1 or roc-auc."
)
@click.option(
    "--texts", metavar="N", type=click.IntRange(min=0), default=5, show_default=True,
    help="Show N texts that only the first run gets right, and N that only the other does.",
)  # fmt: skip
@options.page
@options.force
@options.as_json
@options.debug
def command(
    runs: tuple[Path, ...], metrics: tuple[str, ...], texts: int, output: Path | None, force: bool, as_json: bool
) -> None:
    """Compare each RUN with the first one on the same test texts, and say which is better.

    A RUN is a run folder, or a folder of run --seeds, whose metrics are means over its seeds. Intervals are 95 %
    intervals of a paired bootstrap. With -o, the comparison becomes an HTML page, and stdout has the verdicts.
    """
    from textforge.cli.messages import write_warnings
    from textforge.cli.output import results, write_json
    from textforge.cli.output_file import refuse_overwriting
    from textforge.errors import shown_line
    from textforge.insight.run_comparison import compare

    with results() as stdout:
        if output is not None:
            refuse_overwriting(output, force=force)
        found = compare(*runs, metrics=metrics, texts=texts, out=output)
        write_warnings(found["warnings"])
        if as_json:
            write_json(stdout, found if output is None else {"page": str(output), **found})
        elif output is not None:
            stdout.write(f"{_verdicts(found['comparisons'])}comparison: {shown_line(str(output))}\n")
        else:
            stdout.write(comparison_text(found))


def _verdicts(entries: list[dict[str, Any]]) -> str:
    """A line per comparison, with the two systems if there are several comparisons."""
    pairs = [f"{entry['other']} and {entry['first']}: " if len(entries) > 1 else "" for entry in entries]
    return "".join(f"{pair}{entry['verdict']}\n" for pair, entry in zip(pairs, entries, strict=True))


def comparison_text(found: dict[str, Any]) -> str:
    """Format the result of `textforge.compare` for reading."""
    parts = [_systems(found), *(_one(found, entry) for entry in found["comparisons"])]
    return "\n\n".join(parts) + "\n"


def _systems(found: dict[str, Any]) -> str:
    """A table of the runs and their metrics."""
    from textforge.cli.output import table
    from textforge.errors import shown

    names = [*found["runs"][0]["metrics"]]
    paths = []
    for run in found["runs"]:
        seeds = f" ({len(run['seeds'])} seeds)" if len(run["seeds"]) > 1 else ""
        paths.append(f"{run['letter']}  {shown(run['run'])}{seeds}")
    rows = [(run["letter"], *(_value(run["metrics"][name]) for name in names)) for run in found["runs"]]
    title = f"{found['split']}, {found['n']:,} text{'s' * (found['n'] != 1)}"
    return "\n".join(paths) + "\n\n" + table((title, *map(_title, names)), rows)


def _value(metric: dict[str, Any]) -> str:
    """A metric, its spread over seeds, and its interval."""
    spread = f" ± {metric['std']:.4f}" if "std" in metric else ""
    return f"{metric['value']:.4f}{spread} [{metric['interval'][0]:.4f}, {metric['interval'][1]:.4f}]"


def _title(name: str) -> str:
    return name.replace("_f1", " F1").replace("_", " ")


def _one(found: dict[str, Any], entry: dict[str, Any]) -> str:
    """One comparison: verdict, differences, test, seeds, recipes, flipped texts."""
    from textforge.cli.output import table

    names = (entry["first"], entry["other"])
    rows = [
        (_title(name), f"{one['difference']:+.4f}", f"[{one['interval'][0]:+.4f}, {one['interval'][1]:+.4f}]")
        for name, one in entry["metrics"].items()
    ]
    several = len(found["comparisons"]) > 1
    parts = [
        entry["verdict"],
        table((f"{names[1]} minus {names[0]}", "difference", "95 % interval"), rows),
        "\n".join(_evidence(entry, several=several)),
    ]
    if recipes := [*_recipes(entry)]:
        parts.append("\n".join(["the recipes differ in:", *recipes]))
    for key, (better, worse) in (("gained", names[::-1]), ("lost", names)):
        if entry["flipped"][key]:
            title = f"{better} right, {worse} wrong: {entry[key]:,} text{'s' * (entry[key] != 1)}"
            wrong = "first" if worse == entry["first"] else "other"
            flipped = [_flipped(row, worse, row[wrong]) for row in entry["flipped"][key]]
            parts.append("\n".join([title, *flipped]))
    return "\n\n".join(parts)


def _evidence(entry: dict[str, Any], *, several: bool) -> Iterator[str]:
    """The flips, the p-value, and the share of the seeds."""
    test = entry["test"]
    how = {"mcnemar": "McNemar's exact test", "bootstrap": "bootstrap over texts and seeds"}[test["name"]]
    holm = f", {test['p_holm']:.2g} after Holm's correction" if several else ""
    yield f"{entry['gained']:,} gained, {entry['lost']:,} lost; p = {test['p']:.2g}{holm} ({how})"
    if entry["seeds"] is None:
        yield "one seed each: how much of the difference is luck of the seed is not known; compare --seeds folders"
        return
    share = entry["seeds"]["share_of_variance"]
    yield f"of the variance of this difference, {share:.0%} is luck of the seed, {1 - share:.0%} choice of the texts"
    if unknown := entry["seeds"]["unknown_for"]:
        yield f"{unknown[0]} has one seed, whose luck is not counted"


def _recipes(entry: dict[str, Any]) -> Iterator[str]:
    """A line per differing option."""
    from textforge.cli.windows import one_line, window_width
    from textforge.insight.recipe_differences import shown_differences

    for key, first, other in shown_differences(entry["recipes"]):
        yield "  " + one_line(f"{key}: {first} → {other}", window_width() - 2)


def _flipped(row: dict[str, Any], worse: str, answer: Any) -> str:
    """One flipped text on a line: the gold label, the wrong answer, then as much text as fits."""
    from textforge.cli.windows import one_line, window_width

    place = f"  row {row['row']:<5}  gold {_labels(row['gold'])}, {worse} {_labels(answer)}"
    return place if row["text"] is None else f"{place}: {one_line(row['text'], window_width() - len(place) - 2)}"


def _labels(labels: Any) -> str:
    from textforge.data.labels import label_name
    from textforge.errors import shown

    several = labels if isinstance(labels, list) else [labels]
    return "|".join(shown(label_name(label)) for label in several) or "none"
