"""`textforge mistakes`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from textforge.cli import options

PER_GROUP, GROUPS = 3, 10
"""Numbers of texts in each group and of groups that a person sees by default."""


@click.command("mistakes")
@options.run
@click.option("--gold", metavar="LABEL", help="Show mistakes with this gold label.")
@click.option("--predicted", metavar="LABEL", help="Show mistakes with this predicted label.")
@click.option("--class", "label", metavar="LABEL", help="Show mistakes with this label as gold or predicted.")
@click.option(
    "-n", "limit", metavar="N", type=click.IntRange(min=1),
    help=f"Show N texts of each group. Default: {PER_GROUP} of the {GROUPS} largest groups; all with --json.",
)  # fmt: skip
@click.option("--full", is_flag=True, help="Show whole texts instead of one line each.")
@options.as_json
@options.debug
def command(
    run: Path,
    gold: str | None,
    predicted: str | None,
    label: str | None,
    limit: int | None,
    full: bool,
    as_json: bool,
) -> None:
    """Show the test texts that RUN got wrong, the most confident errors first.

    Texts are grouped by gold and predicted label, the largest group first.
    """
    from textforge.cli.messages import write_warnings
    from textforge.cli.output import results, write_json
    from textforge.insight.wrong_texts import mistakes

    with results() as stdout:
        shown = limit if as_json else limit or PER_GROUP
        found = mistakes(run, gold=gold, predicted=predicted, label=label, limit=shown)
        write_warnings(found["warnings"])
        if as_json:
            write_json(stdout, found)
        else:
            everything = limit is not None or any(one is not None for one in (gold, predicted, label))
            stdout.write(mistakes_text(found, None if everything else GROUPS, full=full))


def mistakes_text(found: dict[str, Any], most: int | None, *, full: bool) -> str:
    """Format mistakes for reading, with at most `most` groups."""
    wrong, n = found["wrong"], found["n"]
    head = f"{wrong:,} of {n:,} {found['split']} texts wrong"
    if found["abstained"]:
        head += f", {found['abstained']:,} not answered"
    groups = found["groups"]
    parts = [head, *(_group_text(group, full=full) for group in groups[:most])]
    if rest := groups[most:] if most is not None else []:
        texts = sum(group["texts"] for group in rest)
        sizes = f"{len(rest):,} more group{'s' * (len(rest) != 1)} with {texts:,} text{'s' * (texts != 1)}"
        parts.append(f"{sizes}: choose with --gold, --predicted or --class, or see --json")
    return "\n\n".join(parts) + "\n"


def _group_text(group: dict[str, Any], *, full: bool) -> str:
    """A line about the group, then its texts."""
    from textforge.cli.windows import one_line, whole_text, window_width

    lines = [f"{_between(group)}: {group['texts']:,} text{'s' * (group['texts'] != 1)}"]
    for row in group["rows"]:
        sure = "    " if row["confidence"] is None else f"{row['confidence']:.2f}"
        place = f"  {sure}  row {row['row']:<5}  "
        withheld = f"[{_labels(row['withheld'])}] " if "withheld" in row else ""
        if row["text"] is None:
            lines.append(place.rstrip())
        elif full:
            lines += [f"{place}{withheld}".rstrip(), whole_text(row["text"], "    "), ""]
        else:
            lines.append(place + one_line(withheld + row["text"], window_width() - len(place)))
    if (more := group["texts"] - len(group["rows"])) > 0:
        lines.append(f"  and {more:,} more")
    return "\n".join(lines).rstrip()


def _between(group: dict[str, Any]) -> str:
    """The labels between which a group lies: `gold a, predicted b`."""
    if isinstance(group["gold"], list):
        errors = {"missing": group["gold"], "too many": group["predicted"]}
        return "; ".join(f"{what} {_labels(labels)}" for what, labels in errors.items() if labels)
    answer = "no answer" if group["predicted"] is None else f"predicted {_labels(group['predicted'])}"
    return f"gold {_labels(group['gold'])}, {answer}"


def _labels(labels: Any) -> str:
    from textforge.data.labels import label_name
    from textforge.errors import shown

    several: Sequence[Any] = labels if isinstance(labels, list) else [labels]
    return ", ".join(shown(label_name(label)) for label in several)
