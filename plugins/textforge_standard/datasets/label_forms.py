"""Option `similar_labels` of the datasets whose labels are text."""

from functools import cache, partial
from typing import Any, Literal

SimilarLabels = Literal["keep", "join", "ignore_case"]


def in_common_form(labels: list[Any], similar: SimilarLabels) -> list[Any]:
    """Labels, or lists of labels, with one form for those that look alike (`textforge.data.normal_label`).

    The form depends on the label alone, so that every split, and data that are evaluated later, get the same.

    Args:
        labels: a str, a list of str, or None for each text.
        similar: 'keep' changes nothing, 'join' joins what looks alike, 'ignore_case' folds case, too.
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
