"""Model `linear-svc`."""

from typing import Annotated, Literal

from annotated_types import Ge, Gt


def linear_svc(
    n_features: int,
    n_classes: int,
    seed: int,
    multi_label: bool = False,
    /,
    *,
    C: Annotated[float, Gt(0)] = 1.0,  # noqa: N803  (the field's name)
    loss: Literal["squared_hinge", "hinge"] = "squared_hinge",
    penalty: Literal["l2", "l1"] = "l2",
    dual: Literal["auto"] | bool = "auto",
    class_weight: Literal["balanced"] | None = None,
    fit_intercept: bool = True,
    intercept_scaling: Annotated[float, Gt(0)] = 1.0,
    tol: Annotated[float, Gt(0)] = 0.0001,
    max_iter: Annotated[int, Ge(1)] = 1000,
):
    """Linear support vector machine, one class against the rest, by LIBLINEAR (Fan et al. 2008). Fits itself.

    Its probabilities are a softmax of margins (several labels: a sigmoid), right in order and not in size; where
    the size matters use 'calibrated'. Several labels: a machine for each.

    Options:
        C: weight of the errors against small weights; smaller values regularise more.
        loss: of a text inside the margin: its depth, squared or not.
        penalty: l2 keeps weights small, l1 makes most of them zero.
        dual: solve the dual problem, the quicker one on bags of words; auto takes it for fewer texts than features.
        class_weight: 'balanced' weighs each class with n / (n_classes * count) of it.
        fit_intercept: whether to learn a bias; it is regularised as the weights are.
        intercept_scaling: size of the constant feature behind the bias; larger values regularise it less.
        tol: how exact the optimum is to be.
        max_iter: most passes over the texts.
    """
    from textforge_standard.models.linear_scores import LinearScores, decision, seeded

    def make():
        from sklearn.svm import LinearSVC

        return LinearSVC(
            C=C,
            loss=loss,
            penalty=penalty,
            dual=dual,
            class_weight=class_weight,
            fit_intercept=fit_intercept,
            intercept_scaling=intercept_scaling,
            tol=tol,
            max_iter=max_iter,
            random_state=seeded(seed),
        )

    return LinearScores("linear-svc", make, decision, n_features, n_classes, multi_label)


def _fit(*, loss, penalty, dual, **_):
    if penalty == "l1" and loss == "hinge":
        return "penalty l1 needs loss squared_hinge."
    if penalty == "l1" and dual is True:
        return "penalty l1 needs dual false or auto."
    return "loss hinge needs dual true or auto." if loss == "hinge" and dual is False else None


linear_svc.fits_itself = True
linear_svc.check_options = _fit
