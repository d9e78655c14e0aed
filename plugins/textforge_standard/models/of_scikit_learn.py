"""scikit-learn's linear classifiers as models: a decorator that turns a signature into a model."""

import functools
import inspect
from collections.abc import Callable
from importlib import import_module
from typing import Any

from textforge_standard.common_options import completed_doc
from textforge_standard.declare import declare

COMMON_OPTIONS = {
    "C": "inverse of the regularisation strength; smaller values regularise more.",
    "class_weight": "'balanced' weighs each class by n / (n_classes * count); null weighs all classes equally.",
    "alpha": "added to every count (Lidstone smoothing; 1 is Laplace's).",
    "tol": "tolerance at which the solver stops.",
    "max_iter": "largest number of passes over the texts.",
}
"""Documentation of options that mean the same in several models; a factory's own docstring comes first."""


def of_scikit_learn(
    estimator: str | Callable[..., Any],
    *,
    weights: str = "coef_",
    bias: str | None = "intercept_",
    counts: bool = False,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Make a function's signature and docstring the factory of a model that scikit-learn fits; its body stays empty.

    Options have scikit-learn's names and are passed on unchanged; the fact `seed` is passed as `random_state`. The
    docstring need not describe options that `COMMON_OPTIONS` describes.

    Args:
        estimator: 'module:class' below `sklearn`, or a function that makes the estimator of these arguments. It is
            called when the model is fitted, so that prediction does not import scikit-learn.
        weights: attribute of the fitted estimator, shape (rows, n_features); see `linear_scores.Rows`.
        bias: attribute of the fitted estimator, shape (rows,); None for a bias of 0.
        counts: whether the estimator rejects negative features.
    """

    def make(described: Callable[..., Any]) -> Callable[..., Any]:
        signature = inspect.signature(described)
        name = described.__name__.replace("_", "-")

        @functools.wraps(described)
        def factory(*facts: Any, **options: Any) -> Any:
            from textforge_standard.models.linear_scores import Estimator, LinearScores, seeded

            bound = signature.bind(*facts, **options)
            bound.apply_defaults()
            arguments = dict(bound.arguments)
            n_features, n_classes, multi_label = map(arguments.pop, ("n_features", "n_classes", "multi_label"))
            if "seed" in arguments:
                arguments["random_state"] = seeded(arguments.pop("seed"))

            def unfitted() -> Any:
                return (_imported(estimator) if isinstance(estimator, str) else estimator)(**arguments)

            def rows(fitted: Any) -> tuple[Any, Any]:
                return getattr(fitted, weights), getattr(fitted, bias) if bias else 0.0

            return LinearScores(Estimator(name, unfitted, rows, counts), n_features, n_classes, multi_label)

        factory.__doc__ = completed_doc(described, COMMON_OPTIONS)
        declare(factory, fits_itself=True, in_numpy="textforge_standard.models.linear_in_numpy:fitted")
        return factory

    return make


def _imported(name: str) -> Any:
    module, _, attribute = name.partition(":")
    return getattr(import_module(f"sklearn.{module}"), attribute)
