"""Run folders as `textforge run` leaves them, written without training: any answers to any texts."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from conftest import write_csv

from textforge import Dataset
from textforge.data.encoding import split_digest

TEXTS = [f"text {n} about things" for n in range(12)]
GOLD = ["a", "a", "a", "a", "b", "b", "b", "b", "c", "c", "c", "c"]


def written_run(
    path: Path,
    predicted: Sequence[Any],
    *,
    gold: Sequence[Any] = GOLD,
    texts: Sequence[str] | None = None,
    probabilities: Sequence[Mapping[str, float]] | None = None,
    old: bool = False,
    **changes: Any,
) -> Path:
    """Write a finished run on a CSV file beside it.

    Args:
        path: the run folder.
        predicted: the answer to each text; None abstains.
        gold: the label of each text, or a list of labels.
        texts: the test texts; by default as many as there are labels.
        probabilities: by default 0.8 for the answer, and the rest for the others.
        old: leave out what earlier versions did not write.
        changes: values of result.json.
    """
    texts = texts or [f"text {n} about things" for n in range(len(gold))]
    several = isinstance(gold[0], list)
    names = sorted({label for labels in gold for label in labels} if several else {*gold})
    path.mkdir(parents=True)
    data = {name: path.parent / f"{path.name}-{name}.csv" for name in ("train", "test")}
    joined = ["|".join(labels) for labels in gold] if several else list(gold)
    for file in data.values():
        write_csv(file, list(texts), joined)
    options = {"label_separator": "|"} if several else {}
    recipe = {
        "seed": 0,
        "dataset": {"use": "csv", **{name: str(file) for name, file in data.items()}, **options},
        "model": {"use": "mlp", "hidden": [8]},
    }
    (path / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    (path / "resolved.yaml").write_text(yaml.safe_dump(recipe))
    split = (list(texts), [tuple(labels) for labels in gold] if several else list(gold))
    described: dict[str, Any] = {"sha256": Dataset(train=split, test=split).fingerprint()}
    if not old:
        described["splits"] = {"test": {"texts": len(texts), "sha256": split_digest(*split)}}
    (path / "environment.json").write_text(json.dumps({"data": described}))
    result = {
        "recipe": path.name,
        "seed": 0,
        "labels": names,
        "test": {"n": len(gold)},
        "decision": {"thresholds": None},
    }
    if old:
        del result["decision"]
    (path / "result.json").write_text(json.dumps({**result, **changes}))
    lines = []
    for row, (asked, answer) in enumerate(zip(gold, predicted, strict=True)):
        given = answer if several else [answer]
        scores = {name: 0.8 if name in given else 0.2 / max(1, len(names) - 1) for name in names}
        found = scores if probabilities is None else probabilities[row]
        lines.append({"row": row, "gold": asked, "predicted": answer, "probabilities": found})
    (path / "predictions.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def seeds_folder(path: Path, answers: Sequence[Sequence[Any]], **options: Any) -> Path:
    """Write the folder of `run --seeds`, with a run for each of these answers."""
    names = [f"seed-{seed}" for seed in range(len(answers))]
    for seed, (name, predicted) in enumerate(zip(names, answers, strict=True)):
        written_run(path / name, predicted, **{"seed": seed, **options})
    (path / "seeds.json").write_text(json.dumps({"runs": names, "seeds": [*range(len(answers))]}))
    return path
