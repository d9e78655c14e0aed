"""Every error that textforge raises for a user, the place of a mistake, and the nearest right name.

Floor 0: standard library only. Each error class carries the exit code that the command line ends with.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path


class TextforgeError(Exception):
    """Something failed while running (exit code 1), or one of the kinds below."""

    exit_code = 1
    place = ""
    """Where the recipe names the part that raised this (`recipe.yaml:3:1`); leads the message."""

    def __str__(self) -> str:
        return f"{self.place}: {super().__str__()}" if self.place else super().__str__()


class RecipeError(TextforgeError):
    """The recipe, an option or an argument is wrong (exit code 2). Holds every mistake found."""

    exit_code = 2

    def __init__(self, mistakes: str | Mistake | Sequence[Mistake]) -> None:
        if isinstance(mistakes, str):
            mistakes = Mistake(mistakes)
        self.mistakes: tuple[Mistake, ...] = (mistakes,) if isinstance(mistakes, Mistake) else tuple(mistakes)
        super().__init__("\n".join(str(mistake) for mistake in self.mistakes))


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
        line = "".join(c if c.isprintable() else " " for c in self.excerpt.rstrip())
        width = max(1, min(self.width, len(line) - self.column + 1))
        start = max(0, self.column - 61) if len(line) > 120 else 0
        line = line[start : start + 120]
        return f"\n    {line}\n    {' ' * (self.column - 1 - start)}{'^' * min(width, 120)}"


@dataclass(frozen=True)
class Mistake:
    """One thing that is wrong, where it stands, and what to do about it."""

    message: str
    place: Place | None = None

    def __str__(self) -> str:
        if self.place is None:
            return self.message
        return f"{self.place}: {self.message}{self.place.pointer()}"


def nearest(name: str, candidates: Iterable[str]) -> str | None:
    """The candidate that a person who wrote `name` most likely meant, or None.

    Knows typing slips (difflib), abbreviations (`learning_rate` for `lr`) and added or left-out
    words (`max_epochs` for `epochs`).
    """
    import difflib

    candidates = list(candidates)
    if not (wanted := name.lower().replace("-", "_")):
        return None
    by_form = {candidate.lower().replace("-", "_"): candidate for candidate in candidates}
    if close := difflib.get_close_matches(wanted, by_form, n=1, cutoff=0.6):
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
    return f" Did you mean '{found}'?" if found else ""


def listed(names: Iterable[str], *, limit: int = 20) -> str:
    """Names in a sentence: `a, b, c`, cut after `limit`, `none` where there are none."""
    names = list(names)
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more if names else "none"


def alternatives(names: Iterable[str], conjunction: str = "or") -> str:
    """`'a', 'b' or 'c'`."""
    quoted = [f"'{name}'" for name in names]
    if len(quoted) < 2:
        return "".join(quoted)
    return f"{', '.join(quoted[:-1])} {conjunction} {quoted[-1]}"
