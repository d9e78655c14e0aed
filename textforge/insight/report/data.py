"""The section of the data: sizes, classes and lengths of each split, warnings, and faults that are cheap to find."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from textforge.data.dataset import Dataset
from textforge.data.labels import label_names
from textforge.errors import TextforgeError
from textforge.insight.doctor.examination import cheap_findings
from textforge.insight.report.sources import Sources
from textforge.runs import folder as run_folder

SAMPLE = 20_000
"""Number of texts of a split whose words are counted; of more, a sample is taken."""
BARS = 24
"""Number of bars in the distribution of lengths."""


def data_section(sources: Sources) -> tuple[dict[str, Any], list[str]]:
    """Return sizes, lengths, classes and faults of the splits as they are now, and a warning if they cannot be read.

    `findings` are those of the doctor's cheap detectors, without the rows; None if there are too many texts for them,
    or if train is a stream. `doctor` is the command that looks for everything.
    """
    recorded = sources.environment().get("data") or {}
    found: dict[str, Any] = {"sha256": recorded.get("sha256"), "warnings": sources.warnings(), "splits": [],
                             "classes": [], "lengths": None, "findings": None, "doctor": _doctor(sources)}  # fmt: skip
    try:
        dataset = sources.dataset()
    except TextforgeError as error:
        return found, [f"the data cannot be read, so their sizes and lengths are not shown: {error}"]
    words = {name: _words(texts) for name, (texts, _) in dataset.splits().items()}
    splits = dataset.splits()
    found["splits"] = [_split(name, splits[name][0], words[name]) for name in splits]
    if "train" not in splits:  # a stream
        found["splits"].insert(0, {"name": "train", "texts": dataset.n_train, "stream": True})
    found["classes"] = _classes(dataset)
    found["lengths"] = _lengths(words)
    findings = cheap_findings(dataset, sources.plugins)
    if findings is not None:
        found["findings"] = [{key: value for key, value in one.as_json().items() if key != "rows"} for one in findings]
    return found, []


def _doctor(sources: Sources) -> str:
    """The command that examines the data of the first folder."""
    return shlex.join(["textforge", "doctor", str(sources.folders[0] / run_folder.RESOLVED)])


def _words(texts: Sequence[str]) -> NDArray[np.int64]:
    """The numbers of words between white space of some texts, shape (min(n, SAMPLE),)."""
    rows: Any = range(len(texts))
    if len(texts) > SAMPLE:
        rows = np.random.default_rng(0).choice(len(texts), SAMPLE, replace=False).tolist()
    return np.array([len(texts[row].split()) for row in rows], dtype=np.int64)


def _split(name: str, texts: Sequence[str], words: NDArray[np.int64]) -> dict[str, Any]:
    characters = np.fromiter(map(len, texts), np.int64, len(texts))
    return {
        "name": name,
        "texts": len(texts),
        "empty": sum(not text or text.isspace() for text in texts),
        "sampled": len(texts) > SAMPLE,
        "words": _quantiles(words),
        "characters": _quantiles(characters),
    }


def _quantiles(values: NDArray[np.int64]) -> dict[str, int]:
    if not len(values):
        return {"shortest": 0, "median": 0, "p95": 0, "longest": 0}
    low, median, high, longest = np.quantile(values, [0, 0.5, 0.95, 1])
    return {"shortest": int(low), "median": round(median), "p95": round(high), "longest": int(longest)}


def _classes(dataset: Dataset) -> list[dict[str, Any]]:
    """The number of texts of each class in each split, the largest in train first."""
    counts: dict[str, Mapping[Any, int]] = {"train": dataset.label_counts()}
    for name, (_, labels) in dataset.splits().items():
        if name != "train":
            counts[name] = Counter(chain.from_iterable(labels) if dataset.multi_label else labels)
    every = dict.fromkeys(chain.from_iterable(counts.values()))
    ordered = sorted(every, key=lambda label: -counts["train"].get(label, 0))
    return [{"label": name, **{split: int(of.get(label, 0)) for split, of in counts.items()}}
            for label, name in zip(ordered, label_names(ordered), strict=True)]  # fmt: skip


def _lengths(words: Mapping[str, NDArray[np.int64]]) -> dict[str, Any] | None:
    """The distribution of words per text in each split, as shares of its texts, in bins of equal logarithmic width.

    Empty texts count as texts of one word.
    """
    most = max((int(counts.max()) for counts in words.values() if len(counts)), default=0)
    if most < 2:
        return None
    edges = np.unique(np.geomspace(1, most + 1, BARS + 1).round().astype(np.int64))
    shares = {}
    for name, counts in words.items():
        shares[name] = (np.histogram(np.maximum(counts, 1), edges)[0] / max(1, len(counts))).tolist()
    return {"edges": edges.tolist(), "shares": shares}
