"""Header lines that give the label away, and authors or threads that stand on both sides of a split."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np

from textforge.components.manager import PluginManager
from textforge.insight.doctor.duplicate_groups import SERIOUS
from textforge.insight.doctor.examined import EXAMPLES, Examined
from textforge.insight.doctor.finding import Finding, does, number
from textforge.insight.doctor.header_lines import header_lines, header_names, header_value
from textforge.insight.doctor.out_of_fold import out_of_fold
from textforge.runs.baseline import load_baseline

SHARE = 0.05
"""Share of the texts that begin with header lines, from which on they are looked at."""
MOST = 4_000
"""Number of headers to train on."""
FEWEST = 10
"""Number of headers of a class below which it is left out."""


def leaking_headers(data: Examined, plugins: PluginManager) -> Iterator[Finding]:
    """Yield a finding if texts begin with header lines; say how well these lines alone predict the label."""
    headers = [header_lines(text) for text in data.texts]
    having = np.flatnonzero([bool(one) for one in headers])
    if len(having) < max(FEWEST, SHARE * len(data)):
        return
    names = Counter(name for n in having for name in {*header_names(headers[n])})
    shown = ", ".join(name for name, _ in names.most_common(6))
    what = (
        f"{number(len(having), 'text')} ({len(having) / len(data):.0%}) {does(len(having), 'begin')} with header "
        f"lines: {shown}."
    )
    accuracy, majority = _accuracy(data, [headers[n] for n in having], having, plugins)
    leaking = accuracy > majority + 0.1
    if leaking:
        what += (
            f" These lines alone predict the label: accuracy {accuracy:.2f}, against {majority:.2f} by the majority."
        )
    yield Finding(
        "leaking-headers" if leaking else "headers", "high" if leaking else "low", len(having), what,
        "Remove the header lines, unless the texts to come have such headers from the same authors and threads.",
        data.at(having), tuple(headers[n].strip() for n in having[:EXAMPLES]),
    )  # fmt: skip


def _accuracy(data: Examined, headers: list[str], having: np.ndarray, plugins: PluginManager) -> tuple[float, float]:
    """The accuracy of a classifier that sees headers only, and that of the most frequent label; zeros if too few."""
    chosen = np.arange(len(having))
    if len(chosen) > MOST:
        chosen = np.sort(np.random.default_rng(0).choice(chosen, MOST, replace=False))
    classes = data.classes[having[chosen]]
    chosen = chosen[np.bincount(classes)[classes] >= FEWEST]
    if len(chosen) == 0:
        return 0.0, 0.0
    own, classes = np.unique(data.classes[having[chosen]], return_inverse=True)
    if len(own) < 2:
        return 0.0, 0.0
    found = out_of_fold([headers[n] for n in chosen], classes, load_baseline(plugins))
    return float((found.argmax(axis=1) == classes).mean()), float(np.bincount(classes).max() / len(classes))


def groups_across_splits(data: Examined, plugins: PluginManager) -> Iterator[Finding]:
    """Yield a finding for authors, and one for threads, of train that another split has too, by the header lines."""
    for header, what in (("from", "author"), ("subject", "thread")):
        values = [header_value(text, header) for text in data.texts]
        train = {value for value, place in zip(values, data.places, strict=True) if value and place.split == "train"}
        for split in data.splits[1:]:
            rows = [n for n in data.rows_of(split) if values[n] in train]
            if not rows:
                continue
            share = len(rows) / data.sizes[split]
            most = Counter(values[n] for n in rows).most_common(EXAMPLES)
            yield Finding(
                f"{what}s-across-splits", "high" if share >= 10 * SERIOUS else "medium", len(rows),
                f"{number(len(rows), 'text')} of {split} ({share:.0%}) {'is' if len(rows) == 1 else 'are'} of "
                f"{what}s that train has too. A model can know them by name, style or quoted text.",
                f"Split the data by {what}, so that figures show what a model makes of new {what}s.",
                data.at(rows), tuple(f"{value} ({n:,} texts)" for value, n in most),
            )  # fmt: skip
