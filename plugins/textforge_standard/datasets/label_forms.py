"""The option `similar_labels` of datasets with text labels."""

from functools import cache, partial
from typing import Any, Literal

SimilarLabels = Literal["keep", "join", "ignore_case"]


def in_common_form(labels: list[Any], similar: SimilarLabels) -> list[Any]:
    """Normalize labels, or lists of labels, that look alike (`textforge.data.normal_label`).

    The result depends on the label alone, so it is the same in every split and in later evaluations.

    Args:
        labels: str, list of str, or None for each text.
        similar: 'keep' changes nothing, 'join' merges labels that look alike, 'ignore_case' also ignores case.
    """
    if similar == "keep":
        return labels
    from textforge.data import normal_label

    form = cache(partial(normal_label, ignore_case=similar == "ignore_case"))
    return [
        label if label is None
        else form(label) if isinstance(label, str)
        else list(dict.fromkeys(filter(None, map(form, label))))
        for label in labels
    ]  # fmt: skip
