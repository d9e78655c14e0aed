"""Labelled texts for the attacks: all texts are distinct, so that lost and invented rows are detected."""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Iterable
from pathlib import Path
from typing import Any

TOPICS = {
    "space": ["orbit", "launch", "shuttle", "moon", "rocket", "nasa", "satellite", "lunar"],
    "ball": ["pitcher", "inning", "bat", "team", "league", "homer", "catcher", "glove"],
    "paint": ["pixel", "polygon", "render", "image", "color", "shader", "texture", "vertex"],
}


def labelled(n: int) -> list[tuple[str, str]]:
    """Texts and their labels, the same at every call."""
    rng = random.Random(0)
    rows = []
    for number in range(n):
        label = (*TOPICS,)[number % len(TOPICS)]
        rows.append((f"row{number} the {' and '.join(rng.sample(TOPICS[label], 3))}", label))
    return rows


def write_csv(path: Path, rows: Iterable[tuple[str, str]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("text", "label"), *rows])
    return path


def write_jsonl(path: Path, rows: Iterable[tuple[str, Any]]) -> Path:
    lines = [json.dumps({"text": text, "label": label}, ensure_ascii=False) for text, label in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path
