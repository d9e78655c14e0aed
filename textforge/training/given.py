"""Check the components that a caller gives to a trainer, where they are given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from textforge.classifiers.ownership import copied_vectorizer
from textforge.components.lookup import part_named
from textforge.components.part import Part
from textforge.components.settings import OF_RUNS
from textforge.errors import RecipeError
from textforge.training.start import Start, as_start, with_components

_FUNCTIONS = {
    "model": "lambda n_features, n_classes: textforge.FeatureLinear(n_features, n_classes)",
    "optimizer": "lambda params: torch.optim.Adam(params, lr=0.01)",
    "scheduler": "lambda optimizer: torch.optim.lr_scheduler.StepLR(optimizer, step_size=100)",
    "loss": "lambda: torch.nn.CrossEntropyLoss()",
}
"""A function to give for each kind."""


def given_components(given: Mapping[str, Any], start: Any) -> tuple[dict[str, Any], Start | None]:
    """Return a part, a factory or None for each kind and a vectorizer of the trainer's own; and the `Start`, if any.

    A text is the name of a part. A module given as model or as loss becomes a factory that returns it;
    `Factories` copies what it returns.

    Args:
        given: what the caller has given for each kind.
        start: a classifier to continue from, a `Start`, or None.

    Raises:
        RecipeError: a value is none of these. The message says what to give.
    """
    begun = as_start(start)
    named = {kind: part_named(kind, one) if isinstance(one, str) else one for kind, one in given.items()}
    if begun is not None:
        completed = with_components(begun, named)
        rest = {kind: one for kind, one in completed.items() if kind != "vectorizer"}
        return {**_all_checked(rest), "vectorizer": completed["vectorizer"]}, begun
    for kind in ("vectorizer", "model"):
        if given[kind] is None:
            raise RecipeError(f"{kind}: give a part, the name of a part, or an object; only start= does without it.")
    return _all_checked(named), None


def _all_checked(given: Mapping[str, Any]) -> dict[str, Any]:
    return {kind: one if one is None else _checked(kind, one) for kind, one in given.items()}


def _checked(kind: str, given: Any) -> Any:
    if isinstance(given, Part):
        return given
    if kind == "vectorizer":
        return _checked_vectorizer(given)
    if kind in ("model", "loss") and isinstance(given, nn.Module):
        return _returning(given)
    if isinstance(given, (Optimizer, LRScheduler, ReduceLROnPlateau)):
        raise RecipeError(
            f"{kind}: this {type(given).__name__} was made before training, so it holds the weights of another module "
            f"than the one that is trained. Give a function that makes it, as in {_FUNCTIONS[kind]}."
        )
    if not callable(given):
        raise RecipeError(
            f"{kind}: expected a part, the name of a part, or a function that makes one, as in {_FUNCTIONS[kind]}; "
            f"not a {type(given).__name__}."
        )
    return given


def _checked_vectorizer(given: Any) -> Any:
    if isinstance(given, type):
        raise RecipeError(f"vectorizer: give an object, not a class, as in {given.__name__}().")
    if not callable(getattr(given, "transform", None)):
        raise RecipeError(
            "vectorizer: expected a part, the name of a part, or an object with fit(texts) and transform(texts); "
            f"a {type(given).__name__} has no transform."
        )
    return copied_vectorizer(given)


def _returning(module: nn.Module) -> Callable[[], nn.Module]:
    def factory() -> nn.Module:
        return module

    factory.fits_itself = getattr(module, "fits_itself", False)  # type: ignore[attr-defined]
    return factory


def refuse_settings_of_runs(given: Mapping[str, Any]) -> None:
    """Refuse settings that need the folder of a run.

    Raises:
        RecipeError: one of them is given.
    """
    for name in OF_RUNS:
        if name in given:
            raise RecipeError(
                f"trainer: '{name}' is for runs, which have a folder; a Trainer writes nothing by itself. Leave it "
                "out, and call Trainer.checkpoint(path) when you want one."
            )
