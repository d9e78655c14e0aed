"""Model `logistic-regression`."""

from typing import Annotated, Literal

from annotated_types import Ge, Gt, Le


def logistic_regression(
    n_features: int,
    n_classes: int,
    seed: int,
    multi_label: bool = False,
    /,
    *,
    C: Annotated[float, Gt(0)] = 1.0,  # noqa: N803  (the field's name)
    l1_ratio: Annotated[float, Ge(0), Le(1)] = 0.0,
    class_weight: Literal["balanced"] | None = None,
    fit_intercept: bool = True,
    solver: Literal["lbfgs", "newton-cg", "sag", "saga"] = "lbfgs",
    tol: Annotated[float, Gt(0)] = 0.0001,
    max_iter: Annotated[int, Ge(1)] = 1000,
):
    """Logistic regression (Cox 1958), regularised and solved to the optimum by scikit-learn. Fits itself.

    Several classes: one softmax over all. Several labels: a regression for each.

    Options:
        C: weight of the errors against small weights; smaller values regularise more.
        l1_ratio: share of the l1 penalty, which makes weights zero, beside l2; needs solver saga.
        class_weight: 'balanced' weighs each class with n / (n_classes * count) of it.
        fit_intercept: whether to learn a bias.
        solver: how the optimum is found; sag and saga are quick on many texts with scaled features.
        tol: how exact the optimum is to be.
        max_iter: most iterations of the solver.
    """
    from textforge_standard.models.linear_scores import LinearScores, decision, seeded

    def make():
        import inspect

        from sklearn.linear_model import LogisticRegression

        penalty = {}
        if l1_ratio:
            penalty["l1_ratio"] = l1_ratio
            named = inspect.signature(LogisticRegression).parameters.get("penalty")
            if named is not None and named.default == "l2":  # scikit-learn before 1.8 needs it said
                penalty["penalty"] = "elasticnet"
        return LogisticRegression(
            C=C,
            class_weight=class_weight,
            fit_intercept=fit_intercept,
            solver=solver,
            tol=tol,
            max_iter=max_iter,
            random_state=seeded(seed),
            **penalty,
        )

    return LinearScores("logistic-regression", make, decision, n_features, n_classes, multi_label)


def _fit(*, l1_ratio, solver, **_):
    return "l1_ratio needs solver: saga, the only one for an l1 penalty." if l1_ratio and solver != "saga" else None


logistic_regression.fits_itself = True
logistic_regression.check_options = _fit
