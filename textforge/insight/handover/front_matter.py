"""The YAML in front of a card, by which the Hugging Face hub finds and shows a model."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

GENERATED = ("library_name", "pipeline_tag", "metrics", "model-index")
"""Keys that are written anew with each card. All others are the author's, once they are in the card."""
TASK = "text-classification"
TAGS = ("textforge", TASK)
_OF_THE_HUB = {
    "accuracy": ("accuracy", {}),
    "macro_f1": ("f1", {"average": "macro"}),
    "micro_f1": ("f1", {"average": "micro"}),
    "weighted_f1": ("f1", {"average": "weighted"}),
}
"""The hub's names of metrics, and the arguments with which its library `evaluate` computes them."""


def front_matter(name: str, found: Mapping[str, Any] | None, data: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the front matter of a card, without license, which is the author's to choose.

    Args:
        name: the name of the model.
        found: the values of its report; None for a bundle without a run.
        data: `name`, `type` and `languages` of the data; None if nothing is known.
    """
    front: dict[str, Any] = {"library_name": "textforge", "pipeline_tag": TASK, "tags": [*TAGS]}
    if data and data["languages"]:
        front["language"] = data["languages"]
    if found is None or found["figures"] is None:
        return front
    multi_label = found["figures"]["exact"]
    if multi_label:
        front["tags"].append("multi-label")
    metrics = [one for metric in found["figures"]["metrics"] if (one := _metric(metric, multi_label=multi_label))]
    return {
        **front,
        "metrics": [*dict.fromkeys(str(one["type"]) for one in metrics)],
        "model-index": [{
            "name": name,
            "results": [{
                "task": {"type": TASK, "name": "Text Classification"},
                "dataset": {**_dataset(data), "split": found["figures"]["split"]},
                "metrics": metrics,
            }],
        }],
    }  # fmt: skip


def _dataset(data: Mapping[str, Any] | None) -> dict[str, str]:
    return {"type": str(data["type"]), "name": str(data["name"])} if data else {"type": "unknown", "name": "unknown"}


def _metric(one: Mapping[str, Any], *, multi_label: bool) -> dict[str, Any] | None:
    """A figure in the form of the hub's `model-index`; None if it is undefined."""
    if one["value"] is None or not math.isfinite(one["value"]):
        return None
    kind, arguments = _OF_THE_HUB.get(one["name"], (one["name"], {}))
    title = one["name"].replace("_f1", " F1").replace("_", " ")
    if multi_label and one["name"] == "accuracy":
        title = "accuracy (all labels of a text right)"
    return {
        "type": kind,
        "name": title,
        "value": round(float(one["value"]), 6),
        **({"args": arguments} if arguments else {}),
    }


def merged(generated: Mapping[str, Any], earlier: Mapping[str, Any]) -> dict[str, Any]:
    """Return generated front matter with what the author of the earlier one had written into it."""
    kept = {key: value for key, value in earlier.items() if key not in (*GENERATED, "tags")}
    tags = earlier.get("tags") or []
    more = [tag for tag in (tags if isinstance(tags, list) else [tags]) if tag not in generated["tags"]]
    own = {key: value for key, value in generated.items() if key not in kept}
    first: dict[str, Any] = {key: kept.pop(key) for key in ("license", "language") if key in kept}
    return {**first, **own, "tags": [*generated["tags"], *more], **kept}
