"""Model `calibrated`."""

from functools import partial
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Le

from textforge import Model, Optimizer, RecipeError

SVM = {"C": 1.0, "dual": "auto", "class_weight": None, "ensemble": False, "tol": 0.0001, "max_iter": 1000}
"""Options of the linear SVM, with their defaults."""
TRAINING = {"optimizer": None, "epochs": 10, "batch_size": 64}
"""Options of a model that an optimizer trains, with their defaults."""


def calibrated(
    facts: dict[str, Any],
    /,
    *,
    of: Model | None = None,
    cv: Annotated[int, Ge(2), Le(1000)] = 5,
    optimizer: Optimizer | None = None,
    epochs: Annotated[int, Ge(1)] = 10,
    batch_size: Annotated[int, Ge(1)] = 64,
    C: Annotated[float, Gt(0)] = 1.0,  # noqa: N803  (the field's name)
    dual: Literal["auto"] | bool = "auto",
    class_weight: Literal["balanced"] | None = None,
    ensemble: bool = False,
    tol: Annotated[float, Gt(0)] = 0.0001,
    max_iter: Annotated[int, Ge(1)] = 1000,
):
    """Any model, its scores turned into calibrated probabilities by cross-validation (Platt 1999). Fits itself.

    Without `of` a linear SVM, as scikit-learn's CalibratedClassifierCV over LinearSVC with sigmoids. (Isotonic
    calibration is not offered: how much it learns is not known before it has learnt.) Several labels: each by itself.

    Options:
        of: the model to calibrate; null is a linear SVM, which C, dual, class_weight, ensemble, tol and
            max_iter are for.
        cv: folds; each is scored by a model that was trained on the others.
        optimizer: what trains the model, where it does not fit itself.
        epochs: passes of that optimizer over the texts.
        batch_size: texts in one of its steps.
        C: weight of the errors against small weights; smaller values regularise more.
        dual: solve the dual problem, the quicker one on bags of words; auto takes it for fewer texts than features.
        class_weight: 'balanced' weighs each class with n / (n_classes * count) of it.
        ensemble: keep the machine of each fold and average their probabilities; else one is fitted on all texts.
        tol: how exact the SVM's optimum is to be.
        max_iter: most passes over the texts.
    """
    from textforge_standard.models.calibrated_scores import CalibratedScores
    from textforge_standard.models.linear_scores import seeded

    seed = facts["seed"]
    if of is not None:
        from textforge_standard.models.calibrated_any import CalibratedModel, by_itself, by_optimizer

        train = by_optimizer(optimizer, epochs, batch_size, seed) if optimizer else by_itself
        return CalibratedModel(partial(of.build, facts), train, cv, facts)
    if "vocab_size" in facts:
        raise RecipeError(
            "model 'calibrated' is a linear SVM over a bag of words or vectors unless 'of' names another model, and "
            "the vectorizer gives word sequences. Use 'tfidf', or set model.of to a model over sequences."
        )

    def make():
        from sklearn.calibration import CalibratedClassifierCV
        from sklearn.svm import LinearSVC

        machine = LinearSVC(
            C=C, dual=dual, class_weight=class_weight, tol=tol, max_iter=max_iter, random_state=seeded(seed)
        )
        return CalibratedClassifierCV(machine, method="sigmoid", cv=cv, ensemble=ensemble)

    known = (facts[name] for name in ("n_features", "n_classes", "multi_label"))
    return CalibratedScores(make, cv, cv if ensemble else 1, *known)


calibrated.fits_itself = True


def _check(*, of: Any, optimizer: Any, **others: Any) -> str | None:
    """Say which options contradict each other."""
    svm = [name for name, default in SVM.items() if others[name] != default]
    training = [name for name, default in TRAINING.items() if {**others, "optimizer": optimizer}[name] != default]
    if of is not None and svm:
        return f"{svm[0]} is for the linear SVM; set it in 'of', or leave 'of' out."
    if of is None and training:
        return f"{training[0]} is for a model that an optimizer trains; name one with 'of'."
    if of is not None and of.fits_itself and training:
        return f"{of.label} fits itself: {training[0]} has no use. Leave it out."
    if of is not None and not of.fits_itself and optimizer is None:
        return f"{of.label} is trained by an optimizer: add 'optimizer', as in optimizer: {{use: adam, lr: 0.01}}."
    return None


calibrated.check_options = _check
