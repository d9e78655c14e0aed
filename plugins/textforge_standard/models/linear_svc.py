"""Model `linear-svc`."""

from typing import Any, Literal

from textforge_standard.declare import declare
from textforge_standard.models.of_scikit_learn import of_scikit_learn
from textforge_standard.ranges import ClassWeight, Count, Positive, Strength


@of_scikit_learn("svm:LinearSVC")
def linear_svc(
    n_features: int,
    n_classes: int,
    seed: int,
    multi_label: bool = False,
    /,
    *,
    C: Strength = 1.0,  # noqa: N803  (the field's name)
    loss: Literal["squared_hinge", "hinge"] = "squared_hinge",
    penalty: Literal["l2", "l1"] = "l2",
    dual: Literal["auto"] | bool = "auto",
    class_weight: ClassWeight = None,
    fit_intercept: bool = True,
    intercept_scaling: Positive = 1.0,
    tol: Positive = 0.0001,
    max_iter: Count = 1000,
) -> Any:
    """Linear support vector machine, one class against the rest, by LIBLINEAR (Fan et al. 2008). Fits itself.

    Its probabilities are a softmax of margins (several labels: a sigmoid), which rank well but are not calibrated; use
    'calibrated' if their values matter. With several labels it fits one machine per label.

    Options:
        loss: loss of a text inside the margin: its depth, squared or not.
        penalty: l2 keeps weights small, l1 makes most of them zero.
        dual: solve the dual problem, which is quicker on bags of words; auto does so if there are fewer texts than
            features.
        fit_intercept: learn a bias; it is regularised like the weights.
        intercept_scaling: value of the constant feature behind the bias; larger values regularise the bias less.
    """


def _contradiction(*, loss: str, penalty: str, dual: str | bool, **_: Any) -> str | None:
    if penalty == "l1" and loss == "hinge":
        return "penalty l1 needs loss squared_hinge."
    if penalty == "l1" and dual is True:
        return "penalty l1 needs dual false or auto."
    return "loss hinge needs dual true or auto." if loss == "hinge" and dual is False else None


declare(linear_svc, check_options=_contradiction)
