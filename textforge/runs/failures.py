"""Handle the failure of a run: add notes to the error, clean up, and save a trained classifier."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textforge.errors import ComponentError, DataError, Mistake, RecipeError, TextforgeError, TrainingError
from textforge.errors.temporaries import sweep_all
from textforge.recipes.recipe import Recipe
from textforge.runs import folder as run_folder

if TYPE_CHECKING:
    from textforge.classifiers.classifier import Classifier


@contextmanager
def noting_unfinished(path: Path, last: str = run_folder.RESULT, *, within: Path | None = None) -> Iterator[None]:
    """Add a note to any error that says which folder stays unfinished.

    Args:
        path: the folder.
        last: the file whose absence marks the folder as unfinished.
        within: the folder to continue, if the run is one of several.
    """
    try:
        yield
    except (Exception, KeyboardInterrupt) as error:
        if any((path / file).exists() for file in (run_folder.RECIPE, run_folder.PLAN)):
            note = f"{path} is unfinished: it has no {last}"
            again = run_folder.can_continue(path) and not isinstance(error, FAILS_AGAIN)
            error.add_note(f"{note}; {run_folder.how_to_continue(within or path)}" if again else f"{note}.")
        raise


FAILS_AGAIN = (RecipeError, DataError, TrainingError, ComponentError)
"""Errors that a run would meet again if it were continued."""


@contextmanager
def cleared_on_error(path: Path, keep_folder: bool) -> Iterator[None]:
    """Clear the folder of a run that fails before it trains. An interrupted run keeps its folder, unfinished."""
    try:
        yield
    except Exception:
        clear_folder(path, keep_folder)
        raise


def clear_folder(path: Path, keep_folder: bool) -> None:
    """Delete the files that are written before training, and the folder unless it existed before the run.

    Temporary files go, too: no other process works in the folder.
    """
    with suppress(OSError):
        for file in run_folder.FIRST:
            (path / file).unlink(missing_ok=True)
        sweep_all(path)
        if not keep_folder:
            path.rmdir()


@contextmanager
def located(recipe: Recipe) -> Iterator[None]:
    """Put the recipe's path before mistakes that only show at run time."""
    try:
        yield
    except RecipeError as error:
        if recipe.path is None or any(mistake.place for mistake in error.mistakes):
            raise
        raise RecipeError([Mistake(f"{recipe.path}: {m.message}") for m in error.mistakes]) from error


@contextmanager
def saved_on_error(classifier: Classifier, path: Path) -> Iterator[None]:
    """Save the trained classifier if the evaluation fails."""
    from textforge.classifiers.bundles.bundle import save

    try:
        yield
    except (Exception, KeyboardInterrupt) as error:
        with suppress(TextforgeError):
            save(classifier, path / run_folder.MODEL)
            error.add_note(f"The trained classifier is in {path / run_folder.MODEL}.")
        raise


@contextmanager
def figures_on_error(test: dict[str, Any] | None) -> Iterator[None]:
    """Report the test figures if the end of the run cannot be written."""
    try:
        yield
    except TextforgeError as error:
        if test is not None:
            error.add_note(
                f"The run itself was done: test accuracy {test['accuracy']:.4f}, macro F1 {test['macro_f1']:.4f}."
            )
        raise
