"""Every exception that textforge raises for a user, each with the exit code that the command line ends with."""

from __future__ import annotations

from collections.abc import Sequence

from textforge.errors.mistakes import Mistake

SHOWN = 10
"""Mistakes that a message spells out; it counts the others."""


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
