"""Model `calibrated`."""

from functools import partial
from typing import Annotated, Any, Literal

from annotated_types import Ge, Le

from textforge import Model, Optimizer
from textforge_standard.declare import declare
from textforge_standard.ranges import Count, Positive

SVM = {"C": 1.0, "dual": "auto", "class_weight": None, "ensemble": False, "tol": 0.0001, "max_iter": 1000}
"""Options of the linear SVM and their defaults."""
FOLDS = {"enough": None, "scale": "auto"}
"""Options for any model but the default linear SVM, and their defaults."""
TRAINING = {"optimizer": None, "epochs": 10, "batch_size": 64}
"""Options for a model that an optimizer trains, and their defaults."""


def calibrated(
    facts: dict[str, Any],
    /,
    *,
    of: Model | None = None,
    cv: Annotated[int, Ge(2), Le(1000)] = 5,
    enough: Count | None = None,
    scale: Literal["per_class", "shared", "auto"] = "auto",
    optimizer: Optimizer | None = None,
    epochs: Count = 10,
    batch_size: Count = 64,
    C: Positive = 1.0,  # noqa: N803  (the field's name)
    dual: Literal["auto"] | bool = "auto",
    class_weight: Literal["balanced"] | None = None,
    ensemble: bool = False,
    tol: Positive = 0.0001,
    max_iter: Count = 1000,
) -> Any:
    """Any model, with scores calibrated to probabilities by cross-validation (Platt 1999). Fits itself.

    Without `of` it is a linear SVM, equal to scikit-learn's CalibratedClassifierCV over LinearSVC with sigmoids.
    Several labels are calibrated one by one. Isotonic calibration is not offered, because the number of its parameters
    is known only after fitting.

    Options:
        of: the model to calibrate; null is a linear SVM with the options C, dual, class_weight, ensemble, tol and
            max_iter.
        cv: number of folds; each is scored by a model trained on the others.
        enough: with 'of', train no further fold once this many texts are scored; null scores all of them.
        scale: with 'of', fit a slope and a shift per class, or one slope for all classes ('shared', temperature scaling
            of Guo et al. 2017), which never changes the predicted label; 'auto' takes what suits the scores better.
        optimizer: optimizer of the model; required unless the model fits itself.
        epochs: passes of the optimizer over the texts.
        batch_size: texts per step of the optimizer.
        C: inverse of the regularisation strength; smaller values regularise more.
        dual: solve the dual problem, which is quicker on bags of words; auto does so if there are fewer texts than
            features.
        class_weight: 'balanced' weighs each class by n / (n_classes * count); null weighs all classes equally.
        ensemble: keep the SVM of each fold and average their probabilities; otherwise fit one SVM on all texts.
        tol: tolerance at which the SVM's solver stops.
        max_iter: largest number of passes over the texts.
    """
    from textforge_standard.models.calibrated_scores import CalibratedScores, Calibration
    from textforge_standard.models.linear_scores import seeded

    seed = facts["seed"]
    if of is not None:
        from textforge_standard.models.calibrated_any import CalibratedModel, HeldOut, by_itself, by_optimizer

        n_classes = facts["n_classes"]
        train = by_optimizer(optimizer, n_classes, epochs, batch_size, seed) if optimizer else by_itself
        held_out = HeldOut(cv, enough, seed)
        return CalibratedModel(partial(of.build, facts), train, held_out, n_classes, scale)

    def make() -> Any:
        from sklearn.calibration import CalibratedClassifierCV
        from sklearn.svm import LinearSVC

        machine = LinearSVC(
            C=C, dual=dual, class_weight=class_weight, tol=tol, max_iter=max_iter, random_state=seeded(seed)
        )
        return CalibratedClassifierCV(machine, method="sigmoid", cv=cv, ensemble=ensemble)

    known = (facts[name] for name in ("n_features", "n_classes", "multi_label"))
    return CalibratedScores(Calibration(make, cv, ensemble), *known)


def _contradiction(*, of: Any, optimizer: Any, **others: Any) -> str | None:
    """A sentence about options that contradict each other, or None."""
    svm = [name for name, default in SVM.items() if others[name] != default]
    around = [name for name, default in FOLDS.items() if others[name] != default]
    training = [name for name, default in TRAINING.items() if {**others, "optimizer": optimizer}[name] != default]
    if of is not None and svm:
        return f"{svm[0]} is for the linear SVM; set it in 'of', or leave 'of' out."
    if of is None and around:
        return f"{around[0]} is for a model named with 'of'; name one, or leave {around[0]} out."
    if of is None and training:
        return f"{training[0]} is for a model that an optimizer trains; name one with 'of'."
    if of is not None and of.fits_itself and training:
        return f"{of.label} fits itself: {training[0]} has no use. Leave it out."
    if of is not None and not of.fits_itself and optimizer is None:
        return f"{of.label} is trained by an optimizer: add 'optimizer', as in optimizer: {{use: adam, lr: 0.01}}."
    return None


def _needs(*, of: Any, **_: Any) -> tuple[str, ...]:
    """Facts needed by the default linear SVM; any other inner model states its own."""
    return ("n_features",) if of is None else ()


def _in_numpy(*, of: Any, **_: Any) -> str | None:
    """What computes it without torch; None if the inner model needs torch."""
    home = "textforge_standard.models.calibrated_in_numpy"
    if of is None:
        return f"{home}:machine"
    return f"{home}:scaled" if of.in_numpy else None


declare(calibrated, fits_itself=True, check_options=_contradiction, needs=_needs, in_numpy=_in_numpy)
