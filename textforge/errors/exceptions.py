"""The exceptions that textforge raises for users, each with the exit code of the command line."""

from __future__ import annotations

from collections.abc import Sequence

from textforge.errors.mistakes import Mistake

SHOWN = 10
"""Number of mistakes that a message shows; it only counts the others."""


class TextforgeError(Exception):
    """Base class of textforge's exceptions; raised itself, it means a failure while running (exit code 1)."""

    exit_code = 1
    place = ""
    """Position in the recipe of the part that raised this (`recipe.yaml:3:1`); prefixed to the message."""

    def __str__(self) -> str:
        return f"{self.place}: {super().__str__()}" if self.place else super().__str__()


class RecipeError(TextforgeError):
    """The recipe, an option or an argument is wrong (exit code 2).

    `mistakes` holds every mistake; the message shows the first ten and counts the others.
    """

    exit_code = 2

    def __init__(self, mistakes: str | Mistake | Sequence[Mistake]) -> None:
        if isinstance(mistakes, str):
            mistakes = Mistake(mistakes)
        self.mistakes: tuple[Mistake, ...] = (mistakes,) if isinstance(mistakes, Mistake) else tuple(mistakes)
        lines = [str(mistake) for mistake in self.mistakes[:SHOWN]]
        if (more := len(self.mistakes) - SHOWN) > 0:
            lines.append(f"and {more:,} more mistake{'s' if more > 1 else ''}.")
        super().__init__("\n".join(lines))


class PluginError(TextforgeError):
    """A plugin is broken or missing, or two plugins give the same name (exit code 2)."""

    exit_code = 2


class ComponentError(TextforgeError):
    """A component's code raised an exception, or returned a value that its contract forbids (exit code 1)."""


class DataError(TextforgeError):
    """The data are invalid: unreadable, only one class, an unknown label … (exit code 2)."""

    exit_code = 2


class DataUnavailable(TextforgeError):  # noqa: N818  (names a state, not an error)
    """The data cannot be obtained: they are not cached, and no source responds (exit code 3)."""

    exit_code = 3


class TrainingError(TextforgeError):
    """Training cannot continue, for example because the loss is NaN (exit code 1)."""


class ProcessError(TextforgeError):
    """Another process of a distributed training has failed, has ended, or does not answer (exit code 1).

    `exit_code` is that of the process that failed, if it is known.
    """

    def __init__(self, message: str, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class BundleError(TextforgeError):
    """A bundle or run folder is unfinished or damaged, or needs a package that is not installed (exit code 2)."""

    exit_code = 2


class StorageError(TextforgeError):
    """A file cannot be written, because of a full disk, a quota or a file-size limit (exit code 1)."""
