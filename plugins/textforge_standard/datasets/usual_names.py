"""Find the text column of a table by its name alone."""

import re
from collections.abc import Sequence

from textforge_standard.datasets.guess import TEXT_NAMES, Column

ORDER = [re.compile(pattern) for pattern in TEXT_NAMES.pattern.split("|")]
"""Usual words for texts, most certain first."""


def usual_text_column(columns: Sequence[str]) -> str | None:
    """The column that is named as texts usually are, or the only column; None if no name, or several, fit best.

    A whole name counts more than the last word of one: `text` precedes `review_text`, and `text_id` does not fit.
    """
    if len(columns) == 1:
        return columns[0]
    ranks = {name: rank for name in columns if (rank := _rank(name)) is not None}
    best = [name for name, rank in ranks.items() if rank == min(ranks.values())]
    return best[0] if len(best) == 1 else None


def _rank(name: str) -> int | None:
    words = ["", *filter(None, Column(name, []).name_words)]
    for more, whole in ((0, name.strip().lower()), (len(ORDER), words[-1])):
        for rank, pattern in enumerate(ORDER):
            if pattern.fullmatch(whole):
                return rank + more
    return None
