"""The output of `textforge init`: sentences that describe the data, and a recipe that suits it."""

import json
import re
import shlex
import textwrap
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any

from textforge.errors import shown_line
from textforge_standard.commands.init_scripts import n_words, script_remarks

HEAD, STRONG, LARGE = (Path(__file__).with_name(f"init_{name}.yaml") for name in ("head", "strong", "large"))
"""Templates: the head of every recipe; the model of recipes/strong.yaml; one for data on which that takes too long."""
MANY = 200_000
"""Number of training texts from which a recipe is made of `LARGE`."""
SAMPLE = 20_000
"""Largest number of texts whose lengths are measured."""
MISSING = re.compile(r"n\.?/?a\.?|nan|null|none|unknown|undefined|missing|unlabell?ed|[?.–-]+|#n/a", re.IGNORECASE)
"""Labels that often stand for a missing one."""


def describe(dataset: Any) -> Iterator[str]:
    """Sentences about the sizes of the splits, the classes and the texts."""
    from textforge.errors import listed

    splits = dataset.splits()
    sizes = ", ".join(f"{len(texts):,} {name}" for name, (texts, _) in splits.items())
    counts = class_counts(dataset)
    shown = [f"{label} {count:,}" for label, count in counts.most_common()]
    several = " (a text may have several)" if dataset.multi_label else ""
    yield f"{sizes} texts; {len(counts)} classes{several}, with their training texts: {listed(shown)}."
    sample = dataset.train[0][:: max(1, len(dataset.train[0]) // SAMPLE)]
    lengths = sorted(n_words(sample))
    at = [lengths[int(share * (len(lengths) - 1))] for share in (0.5, 0.95, 1)]
    yield f"Half of the texts have at most {at[0]:,} words, 95 % at most {at[1]:,}; the longest has {at[2]:,}."
    yield from script_remarks(sample)
    if dataset.multi_label:
        labels = [len(row) for row in dataset.train[1]]
        yield f"A text has {sum(labels) / len(labels):.2g} labels on average; {labels.count(0):,} texts have none."
    if (ratio := imbalance(counts)) >= 3:
        rare = f"'{counts.most_common()[-1][0]}'"
        yield f"The classes are unbalanced: the largest has {ratio:.0f} times as many texts as the smallest, {rare}."
    if missing := [f"'{label}' ({n:,})" for label, n in counts.most_common() if MISSING.fullmatch(str(label))]:
        yield (
            f"These labels may mean that the label is not known (training texts of each): {listed(missing)}. If so, "
            "empty them and set 'missing: drop'; as the data are, each is a class."
        )
    for name, (_, labels) in splits.items():
        every = {one for row in labels for one in row} if dataset.multi_label else set(labels)
        if unknown := sorted(every - set(counts)):
            yield f"{name} has labels that train lacks, so a run would fail: {listed(unknown)}."


def class_counts(dataset: Any) -> Counter[str]:
    """Number of training texts of each class."""
    labels = dataset.train[1]
    return Counter(one for row in labels for one in row) if dataset.multi_label else Counter(labels)


def imbalance(counts: Counter[str]) -> float:
    """Size of the largest class divided by the size of the smallest."""
    return max(counts.values()) / min(counts.values())


@dataclass(frozen=True)
class Seen:
    """What a look at the data has found."""

    dataset: Any
    section: dict[str, Any]
    """The dataset's section of the recipe."""
    why: dict[str, str]
    """The reason for each option."""
    remarks: list[str]
    n_train: float
    """Number of training texts; an estimate if `dataset` is a sample."""


def recipe_text(data: Path, recipe: Path, seen: Seen) -> str:
    """The text of the recipe: the starter template, filled in for the dataset."""
    large = seen.n_train >= MANY
    parts = (HEAD, LARGE if large else STRONG)
    return (
        Template("\n".join(part.read_text(encoding="utf-8") for part in parts))
        .substitute(
            title=f"A recipe for {shown_line(data.name)}, written by `textforge init`. Remarks about the data:",
            seen="\n".join(comment(remark) for remark in seen.remarks),
            recipe=shown_line(shlex.quote(str(recipe))),
            dataset="\n".join(
                ["dataset:", *(option_line(name, value, seen.why.get(name)) for name, value in seen.section.items())]
            ),
            validation="\n".join(_validation(seen.dataset, large)),
        )
        .rstrip()
        + "\n"
    )


def _validation(dataset: Any, large: bool) -> Iterator[str]:
    """Lines that hold out validation texts where they are needed: to stop in time, or to fit the labels' thresholds."""
    has_texts = dataset.valid is not None
    needed = large or dataset.multi_label
    if needed and not has_texts and len(dataset.train[0]) >= 100:
        has_texts = True
        if not large:
            yield from ("", "trainer:")
        yield "  validation: 0.1               # fraction of train held out"
    if large:
        yield "  patience: 2                   # stop after this many epochs without improvement"
        if not dataset.multi_label and imbalance(class_counts(dataset)) >= 3:
            yield "  monitor: macro_f1             # weighs rare classes like frequent ones"
    if dataset.multi_label and has_texts:
        yield from ("", "decision:", "  threshold: f1                 # one per label, fitted on validation")


def option_line(name: str, value: Any, why: str | None) -> str:
    """An indented line of YAML for an option, with the reason as a comment."""
    line = f"  {name}: {yaml_value(value)}"
    return f"{line.ljust(30)}  # {shown_line(why)}" if why else line


def yaml_value(value: Any) -> str:
    """A value as YAML on one line: simple words unquoted, everything else as JSON, which is valid YAML."""
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(yaml_value, value))}]"
    bare = isinstance(value, str) and re.fullmatch(r"(?:\.\./)*[A-Za-z_/][\w./-]*(?: [\w./-]+)*", value, re.ASCII)
    if bare and value.lower() not in ("true", "false", "null", "yes", "no", "on", "off", "y", "n"):
        return str(value)
    return json.dumps(value, ensure_ascii=not (isinstance(value, str) and value.isprintable()))


def comment(remark: str) -> str:
    """A remark as an item of a YAML comment, wrapped at 100 columns."""
    return textwrap.fill(shown_line(remark), 100, initial_indent="# - ", subsequent_indent="#   ")
