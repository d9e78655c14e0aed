"""Format names for messages: suggest the nearest one, list several, truncate long ones."""

from __future__ import annotations

from collections.abc import Iterable

from textforge.errors.escapes import shown_line

LONGEST_NAME = 60
"""Limit on the characters of a name or value in a message; a longer one is cut in the middle."""

LONGEST_SOUGHT = 100
"""Limit on the characters of names to compare: the time of a comparison grows with the square of the length."""

COMPARED = 50
"""Limit on the candidates that are compared in full; a cheaper score selects them."""


def cut(text: str, limit: int = LONGEST_NAME) -> str:
    """Truncate text to `limit` characters: keep its start and its end, with `…` between them."""
    if len(text) <= limit:
        return text
    tail = limit // 3
    return f"{text[: limit - 1 - tail]}…{text[-tail:]}"


def nearest(name: str, candidates: Iterable[str]) -> str | None:
    """The candidate that the author of `name` most likely meant, or None.

    Recognizes typing errors (difflib), abbreviations (`learning_rate` for `lr`), and extra or missing
    words (`max_epochs` for `epochs`). Names of more than 100 characters match no candidate. If there are more than
    50 candidates, only those that share the most characters with the name are compared in full.
    """
    import difflib
    import heapq

    candidates = [candidate for candidate in candidates if len(candidate) <= LONGEST_SOUGHT]
    if not (wanted := name.lower().replace("-", "_")) or len(wanted) > LONGEST_SOUGHT:
        return None
    by_form = {candidate.lower().replace("-", "_"): candidate for candidate in candidates}
    forms = list(by_form)
    if len(forms) > COMPARED:
        matcher = difflib.SequenceMatcher(b=wanted)

        def shared(form: str) -> float:
            matcher.set_seq1(form)
            return matcher.quick_ratio()

        forms = heapq.nlargest(COMPARED, forms, key=shared)
    if close := difflib.get_close_matches(wanted, forms, n=1, cutoff=0.6):
        return by_form[close[0]]
    for form, candidate in by_form.items():
        if form in (_initials(wanted), wanted) or wanted == _initials(form):
            return candidate
    words = set(wanted.split("_"))
    for form, candidate in by_form.items():
        parts = set(form.split("_"))
        if len(form) > 2 and (parts <= words or words <= parts):
            return candidate
    return None


def _initials(name: str) -> str:
    return "".join(word[:1] for word in name.split("_")) if "_" in name else ""


def did_you_mean(name: str, candidates: Iterable[str]) -> str:
    """`" Did you mean 'x'?"`, or an empty string if no candidate is similar."""
    found = nearest(name, candidates)
    return f" Did you mean '{shown_line(cut(found))}'?" if found else ""


def listed(names: Iterable[str], *, limit: int = 20) -> str:
    """Join names for a sentence: `a, b, c`, or `none`; shows at most `limit` names and truncates long ones."""
    names = list(names)
    more = f" and {len(names) - limit:,} more" if len(names) > limit else ""
    return ", ".join(shown_line(cut(name, 2 * LONGEST_NAME)) for name in names[:limit]) + more if names else "none"


def alternatives(names: Iterable[str], conjunction: str = "or") -> str:
    """Join quoted names for a sentence: `'a', 'b' or 'c'`."""
    quoted = [f"'{shown_line(name)}'" for name in names]
    if len(quoted) < 2:
        return "".join(quoted)
    return f"{', '.join(quoted[:-1])} {conjunction} {quoted[-1]}"
