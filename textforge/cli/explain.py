"""`textforge explain`."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from textforge.cli import options

if TYPE_CHECKING:
    from textforge.classifiers.classifier import Classifier
    from textforge.insight.explanations.explanation import Explanation, FeatureContribution, WordContribution

SHOWN = 2
"""Number of classes that a person sees for each text by default."""


@click.command("explain")
@options.run_or_bundle
@click.argument("texts", nargs=-1, metavar="[TEXT]...")
@click.option(
    "--class", "labels", metavar="LABEL", multiple=True,
    help="Explain this class. Without TEXTs, show what was learnt for it from all training texts.",
)  # fmt: skip
@click.option(
    "-n", "limit", metavar="N", type=click.IntRange(min=1),
    help="Show N words for and N words against a class. Default: 8 for a text, 20 for a class.",
)  # fmt: skip
@options.device
@options.as_json
@options.debug
def command(
    run_or_bundle: Path,
    texts: tuple[str, ...],
    labels: tuple[str, ...],
    limit: int | None,
    device: str,
    as_json: bool,
) -> None:
    """Show what each word of a text gave to each class.

    Explains TEXTs, or each line of standard input if there are none. If the classifier reads columns, each text is a
    JSON object of the text and the columns. With --class and without TEXTs, shows the words
    that speak for and against a class in the training texts of the run.
    """
    from textforge.cli.output import results, write_json
    from textforge.runs.folder import bundle_folder

    with results() as stdout:
        bundle_folder(run_or_bundle)  # raises before torch is imported
        if labels and not texts:
            _explain_classes(run_or_bundle, labels, limit or 20, stdout, as_json=as_json)
            return
        from textforge.classifiers.streams.text_lines import rows_of
        from textforge.insight.explanations.texts import explain
        from textforge.runs.loading import load

        classifier = load(run_or_bundle, device=device)
        every: list[dict[str, Any]] = []
        given: Iterator[str] = _texts(texts)
        if classifier.columns:
            given = rows_of(given, classifier.columns)
        for text in given:
            (found,) = explain(classifier, [text], labels=labels or None)
            if as_json:
                every.append(found.as_json())
            else:
                stdout.write(explanation_text(found, _shown(found, classifier, labels), limit or 8, _width(stdout)))
                stdout.flush()
        if as_json:
            write_json(stdout, {"labels": list(classifier.labels), "explanations": every})


def _texts(texts: tuple[str, ...]) -> Iterator[str]:
    """The arguments, or the lines of standard input."""
    if texts:
        yield from texts
        return
    from textforge.classifiers.streams.line_reader import LineReader
    from textforge.cli.messages import write_message

    if sys.stdin.isatty():
        write_message("reading texts from the terminal, one per line; end with Ctrl-D …")
    with closing(LineReader(sys.stdin.buffer, "standard input")) as lines:
        for chunk in lines:
            yield from (line for line in chunk if isinstance(line, str))


def _shown(found: Explanation, classifier: Classifier, labels: Iterable[str]) -> tuple[Any, ...]:
    """The classes that a person sees: those asked for; else the answer and the next one."""
    if labels:
        return found.labels
    if classifier.decision.multi_label:
        return tuple(label for label in found.labels if label in found.predicted) or found.labels[:1]
    first = found.labels[0] if found.predicted is None else found.predicted
    return (first, *(label for label in found.labels if label != first))[:SHOWN]


def _width(stdout: TextIO) -> int | None:
    """Columns of the terminal, if texts are shown in colours there; else None."""
    import os

    from textforge.cli.windows import window_width

    return window_width() if stdout.isatty() and not os.environ.get("NO_COLOR") else None


def explanation_text(found: Explanation, labels: Iterable[Any], most: int, colours: int | None) -> str:
    """Format an explanation for reading.

    Args:
        found: the explanation.
        labels: the classes to show, at least one; the colours are those of the first.
        most: the largest number of words for and against each class.
        colours: columns of a terminal that shows colours; None for plain text.
    """
    from textforge.cli.windows import one_line, window_width
    from textforge.data.labels import label_name
    from textforge.errors import shown

    labels = tuple(labels)
    parts = [one_line(found.text, window_width()) if colours is None else coloured(found.marks(labels[0]), colours)]
    for label in labels:
        column = found.column(label)
        lines = [f"{shown(label_name(label))} {found.probabilities[column]:.3f}"]
        positive, negative = found.top_words(label, most)
        lines += [f"  {side:<8} {_sums(words)}" for side, words in (("for", positive), ("against", negative)) if words]
        if found.columns:
            of_columns = sorted(found.columns, key=lambda one: -abs(one.contributions[column]))[:most]
            lines.append(f"  columns  {_sums([_as_word(one, column) for one in of_columns])}")
        elif not positive and not negative:
            lines.append("  no word says anything about this class")
        parts.append("\n".join(lines))
    parts.append(_method(found))
    return "\n".join(parts) + "\n\n"


def coloured(marks: list[tuple[str, float]], width: int) -> str:
    """Format a text with words for a class on green and words against it on red, the stronger the brighter."""
    import io

    from rich.console import Console
    from rich.text import Text

    from textforge.errors import shown_line

    strongest = max((abs(weight) for _, weight in marks), default=0) or 1
    text = Text()
    for piece, weight in marks:
        shade = round(5 * abs(weight) / strongest)
        style = "" if not shade else f"black on rgb({_rgb(weight, shade)})"
        escaped = shown_line(piece) if piece.strip() else " "
        text.append(escaped, style)
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, color_system="truecolor", width=width, legacy_windows=False)
    console.print(text, soft_wrap=False)
    return stream.getvalue().rstrip("\n")


def _rgb(weight: float, shade: int) -> str:
    """Five shades from pale to full green or red."""
    pale = 225 - 27 * shade
    return f"{pale},{255 - 9 * shade},{pale}" if weight > 0 else f"255,{pale},{pale}"


def _sums(words: list[WordContribution]) -> str:
    """Words with their contributions: `orbit +0.54, the +0.12 (3)`, with the number of occurrences."""
    from textforge.errors import shown

    times = [f" ({one.count})" * (one.count > 1) for one in words]
    return ", ".join(f"{shown(one.word)} {one.contribution:+.2f}{n}" for one, n in zip(words, times, strict=True))


def _as_word(one: FeatureContribution, column: int) -> WordContribution:
    from textforge.insight.explanations.explanation import WordContribution

    return WordContribution(one.text, float(one.contributions[column]), 1)


def _method(found: Explanation) -> str:
    """How the contributions were computed, and how far their sum is from the score."""
    columns = ", the columns" if found.columns else ""
    if found.method == "exact":
        return f"exact: the words{columns} and a constant add up to the score of each class"
    return f"by {found.method}; the words{columns} and a constant add up to the scores but for {found.gap:.2g}"


def _explain_classes(run: Path, labels: Iterable[str], limit: int, stdout: TextIO, *, as_json: bool) -> None:
    from textforge.cli.messages import write_warnings
    from textforge.cli.output import write_json
    from textforge.insight.explanations.classes import explain_class

    found = [explain_class(run, label, limit=limit) for label in labels]
    write_warnings(dict.fromkeys(warning for one in found for warning in one["warnings"]))
    if as_json:
        write_json(stdout, {"run": str(run), "classes": found})
    else:
        stdout.write("\n".join(map(class_text, found)))


def class_text(found: dict[str, Any]) -> str:
    """Format what was learnt for a class for reading."""
    from textforge.cli.output import table
    from textforge.data.labels import label_name
    from textforge.errors import shown

    label = shown(label_name(found["label"]))
    how = "" if found["explained"] == found["n"] else f", by {found['explained']:,} of them"
    counted = "" if found["counted"] == found["n"] else f"; words counted in the first {found['counted']:,}"
    parts = [f"{label}, {found['n']:,} training texts{how} ({found['method']}{counted})"]
    for side in ("for", "against"):
        rows = [
            (one["word"], f"{one['contribution']:+.3f}", f"{one['texts']:,}", f"{one['with_label']:,}")
            for one in found[side]
        ]
        if rows:
            parts.append(table((side, "contribution", "texts", "with the label"), rows))
    return "\n\n".join(parts) + "\n"
