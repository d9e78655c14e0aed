"""Model `calibrated`."""

from typing import Annotated, Literal

from annotated_types import Ge, Gt, Le


def calibrated(
    n_features: int,
    n_classes: int,
    seed: int,
    multi_label: bool = False,
    /,
    *,
    C: Annotated[float, Gt(0)] = 1.0,  # noqa: N803  (the field's name)
    dual: Literal["auto"] | bool = "auto",
    class_weight: Literal["balanced"] | None = None,
    cv: Annotated[int, Ge(2), Le(1000)] = 5,
    ensemble: bool = False,
    tol: Annotated[float, Gt(0)] = 0.0001,
    max_iter: Annotated[int, Ge(1)] = 1000,
):
    """A linear SVM whose margins are made probabilities by sigmoids (Platt 1999). Fits itself.

    scikit-learn's CalibratedClassifierCV over LinearSVC. (Isotonic calibration is not offered: how much it learns is
    not known before it has learnt.) Several labels: each by itself.

    Options:
        C: weight of the errors against small weights; smaller values regularise more.
        dual: solve the dual problem, the quicker one on bags of words; auto takes it for fewer texts than features.
        class_weight: 'balanced' weighs each class with n / (n_classes * count) of it.
        cv: folds; a sigmoid is fitted to the margins of the texts that a machine has not seen.
        ensemble: keep the machine of each fold and average their probabilities; else one is fitted on all texts.
        tol: how exact the SVM's optimum is to be.
        max_iter: most passes over the texts.
    """
    from textforge_standard.models.calibrated_scores import CalibratedScores
    from textforge_standard.models.linear_scores import seeded

    def make():
        from sklearn.calibration import CalibratedClassifierCV
        from sklearn.svm import LinearSVC

        machine = LinearSVC(
            C=C, dual=dual, class_weight=class_weight, tol=tol, max_iter=max_iter, random_state=seeded(seed)
        )
        return CalibratedClassifierCV(machine, method="sigmoid", cv=cv, ensemble=ensemble)

    return CalibratedScores(make, cv, cv if ensemble else 1, n_features, n_classes, multi_label)


calibrated.fits_itself = True
