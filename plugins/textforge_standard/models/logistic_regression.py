"""Model `logistic-regression`."""

from typing import Annotated, Any, Literal

from annotated_types import Ge, Le

from textforge_standard.declare import declare
from textforge_standard.models.of_scikit_learn import of_scikit_learn
from textforge_standard.ranges import ClassWeight, Count, Positive, Strength


def _estimator(*, l1_ratio: float, **options: Any) -> Any:
    import inspect

    from sklearn.linear_model import LogisticRegression

    if l1_ratio:
        options["l1_ratio"] = l1_ratio
        penalty = inspect.signature(LogisticRegression).parameters.get("penalty")
        if penalty is not None and penalty.default == "l2":  # scikit-learn before 1.8 does not infer it
            options["penalty"] = "elasticnet"
    return LogisticRegression(**options)


@of_scikit_learn(_estimator)
def logistic_regression(
    n_features: int,
    n_classes: int,
    seed: int,
    multi_label: bool = False,
    /,
    *,
    C: Strength = 1.0,  # noqa: N803  (the field's name)
    l1_ratio: Annotated[float, Ge(0), Le(1)] = 0.0,
    class_weight: ClassWeight = None,
    fit_intercept: bool = True,
    solver: Literal["lbfgs", "newton-cg", "sag", "saga"] = "lbfgs",
    tol: Positive = 0.0001,
    max_iter: Count = 1000,
) -> Any:
    """Logistic regression (Cox 1958), regularised and solved to the optimum by scikit-learn. Fits itself.

    With several classes it is one softmax over all classes, with several labels one regression per label.

    Options:
        l1_ratio: fraction of the l1 penalty, which makes weights zero, in the sum of l1 and l2; needs solver saga.
        fit_intercept: learn a bias.
        solver: optimisation algorithm; sag and saga are quick on many texts with scaled features.
        max_iter: largest number of iterations of the solver.
    """


def _contradiction(*, l1_ratio: float, solver: str, **_: Any) -> str | None:
    return "l1_ratio needs solver: saga, the only one for an l1 penalty." if l1_ratio and solver != "saga" else None


declare(logistic_regression, check_options=_contradiction)
