"""Every error that textforge raises for a user, the place of a mistake, and the nearest right name.

Floor 0: standard library only. Each error class carries the exit code that the command line ends with. `shown` and
its like make a value fit to be shown to people.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from textforge.shown import (
    shown as shown,
    shown_json as shown_json,
    shown_line as shown_line,
    shown_lines as shown_lines,
)

SHOWN = 10
"""Mistakes that a message spells out; it counts the others."""

LONGEST_NAME = 60
"""Characters of a name or value that a message quotes; of a longer one it quotes both ends."""

LONGEST_SOUGHT = 100
"""Characters of a name for which a similar one is sought: the time of a comparison grows with their square."""

COMPARED = 50
"""Candidates that are compared character by character, where there are more."""

LONGEST_MESSAGE = 2000
"""Characters of one mistake's message, without the line that it points at."""


class TextforgeError(Exception):
    """Something failed while running (exit code 1), or one of the kinds below."""

    exit_code = 1
    place = ""
    """Where the recipe names the part that raised this (`recipe.yaml:3:1`); leads the message."""

    def __str__(self) -> str:
        return f"{self.place}: {super().__str__()}" if self.place else super().__str__()


class RecipeError(TextforgeError):
    """The recipe, an option or an argument is wrong (exit code 2).

    `mistakes` holds every mistake found; the message spells out the first ten and counts the others.
    """

    exit_code = 2

    def __init__(self, mistakes: str | Mistake | Sequence[Mistake]) -> None:
        if isinstance(mistakes, str):
            mistakes = Mistake(mistakes)
        self.mistakes: tuple[Mistake, ...] = (mistakes,) if isinstance(mistakes, Mistake) else tuple(mistakes)
        told = [str(mistake) for mistake in self.mistakes[:SHOWN]]
        if (more := len(self.mistakes) - SHOWN) > 0:
            told.append(f"and {more:,} more mistake{'s' if more > 1 else ''}.")
        super().__init__("\n".join(told))


class PluginError(TextforgeError):
    """A plugin is broken, missing, or two give the same name (exit code 2)."""

    exit_code = 2


class ComponentError(TextforgeError):
    """A component's own code raised, or returned what its contract forbids (exit code 1)."""


class DataError(TextforgeError):
    """The data are wrong: unreadable, one class only, an unknown label … (exit code 2)."""

    exit_code = 2


class DataUnavailable(TextforgeError):  # noqa: N818  (names a state, not an error)
    """The data cannot be had: not in the cache and no source answers (exit code 3)."""

    exit_code = 3


class TrainingError(TextforgeError):
    """Training cannot go on, for one because the loss is no longer a number (exit code 1)."""


class BundleError(TextforgeError):
    """A bundle or a run folder is unfinished, damaged, or needs what is not installed (exit code 2)."""

    exit_code = 2


class StorageError(TextforgeError):
    """A file cannot be written: disk full, quota, file-size limit (exit code 1)."""


@dataclass(frozen=True)
class Place:
    """Where a value was written: a file with line and column (from 1), or an override."""

    source: str
    line: int | None = None
    column: int | None = None
    excerpt: str | None = None
    width: int = 1
    folder: Path | None = None
    """What relative paths written here are relative to; None: the working directory."""

    def __str__(self) -> str:
        return ":".join(str(part) for part in (self.source, self.line, self.column) if part is not None)

    def pointer(self) -> str:
        """The written line with carets under the value, or nothing where there is no line."""
        if self.excerpt is None or self.column is None:
            return ""
        line = self.excerpt.rstrip()
        width = max(1, min(self.width, len(line) - self.column + 1))
        start = max(0, self.column - 61) if len(line) > 120 else 0
        line = "".join(c if c.isprintable() else " " for c in line[start : start + 120])
        return (
            f"\n    {line}\n    {' ' * (self.column - 1 - start)}{'^' * max(1, min(width, 121 - self.column + start))}"
        )


@dataclass(frozen=True)
class Mistake:
    """One thing that is wrong, where it stands, and what to do about it."""

    message: str
    place: Place | None = None

    def __str__(self) -> str:
        message = cut(self.message, LONGEST_MESSAGE)
        return message if self.place is None else f"{self.place}: {message}{self.place.pointer()}"


def cut(text: str, limit: int = LONGEST_NAME) -> str:
    """Text of at most `limit` characters: of a longer one the beginning and the end, with `…` between them."""
    if len(text) <= limit:
        return text
    tail = limit // 3
    return f"{text[: limit - 1 - tail]}…{text[-tail:]}"


def nearest(name: str, candidates: Iterable[str]) -> str | None:
    """The candidate that a person who wrote `name` most likely meant, or None.

    Knows typing slips (difflib), abbreviations (`learning_rate` for `lr`) and added or left-out
    words (`max_epochs` for `epochs`). Names of more than 100 characters are near to none. Of thousands of
    candidates, those that share most characters with the name are compared in full.
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
    """`" Did you mean 'x'?"`, or an empty string where nothing is near."""
    found = nearest(name, candidates)
    return f" Did you mean '{shown_line(cut(found))}'?" if found else ""


def listed(names: Iterable[str], *, limit: int = 20) -> str:
    """Names in a sentence: `a, b, c`, `none` where there are none; at most `limit`, and long ones are cut."""
    names = list(names)
    more = f" and {len(names) - limit:,} more" if len(names) > limit else ""
    return ", ".join(shown_line(cut(name, 2 * LONGEST_NAME)) for name in names[:limit]) + more if names else "none"


def alternatives(names: Iterable[str], conjunction: str = "or") -> str:
    """`'a', 'b' or 'c'`."""
    quoted = [f"'{shown_line(name)}'" for name in names]
    if len(quoted) < 2:
        return "".join(quoted)
    return f"{', '.join(quoted[:-1])} {conjunction} {quoted[-1]}"
