"""Model `nbsvm`."""

from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Le


def nbsvm(
    n_features: int,
    n_classes: int,
    seed: int,
    multi_label: bool = False,
    /,
    *,
    alpha: Annotated[float, Gt(0)] = 1.0,
    C: Annotated[float, Gt(0)] = 1.0,  # noqa: N803  (the field's name)
    beta: Annotated[float, Ge(0), Le(1)] = 1.0,
    class_weight: Literal["balanced"] | None = None,
    tol: Annotated[float, Gt(0)] = 0.0001,
    max_iter: Annotated[int, Ge(1)] = 1000,
):
    """NB-SVM (Wang & Manning 2012): a linear SVM over features times their naive-Bayes log-count ratios. Fits itself.

    The paper counts each word of a text once (vectorizer option `binary`); tf-idf of such bags does as well or better.
    Several classes or labels: one against the rest. Probabilities are a softmax of margins, right in order and not
    in size.

    Options:
        alpha: added to every count before ratios are taken.
        C: weight of the SVM's errors against small weights; smaller values regularise more.
        beta: 1 takes the SVM's weights as they are, 0 their mean size for all, which is naive Bayes; between two
            classes the paper takes 0.25, over many classes 0.5 to 1 is better.
        class_weight: 'balanced' weighs each class with n / (n_classes * count) of it.
        tol: how exact the SVM's optimum is to be.
        max_iter: most passes over the texts.
    """
    from textforge_standard.models.linear_scores import LinearScores, decision, seeded

    def make():
        from sklearn.svm import LinearSVC

        # dual: several times as quick on bags of words, also where scikit-learn's choice would be the primal
        machine = LinearSVC(
            C=C, class_weight=class_weight, dual=True, tol=tol, max_iter=max_iter, random_state=seeded(seed)
        )
        return _RatioMachine(machine, alpha, beta)

    return LinearScores("nbsvm", make, decision, n_features, n_classes, multi_label, counts=True)


nbsvm.fits_itself = True


class _RatioMachine:
    """One machine a class over features scaled by that class's ratios, as scikit-learn's estimators are used."""

    def __init__(self, machine: Any, alpha: float, beta: float) -> None:
        self.machine, self.alpha, self.beta = machine, alpha, beta
        self.max_iter = machine.max_iter

    def fit(self, matrix: Any, y: Any) -> "_RatioMachine":
        import numpy as np

        classes = np.unique(y)
        classes = classes[1:] if len(classes) == 2 else classes  # the first of two is the second turned round
        self.coef_ = np.empty((len(classes), matrix.shape[1]))
        self.intercept_ = np.empty(len(classes))
        scaled = matrix.copy()  # the one copy, its numbers written anew for each class
        for row, one in enumerate(classes):
            ratios = self._ratios(matrix, y == one)
            np.multiply(matrix.data, ratios[matrix.indices], out=scaled.data)
            fitted = self.machine.fit(scaled, y == one)
            weights = fitted.coef_[0]
            weights = (1 - self.beta) * np.abs(weights).mean() + self.beta * weights
            self.coef_[row], self.intercept_[row] = ratios * weights, fitted.intercept_[0]
        return self

    def _ratios(self, matrix: Any, inside: Any) -> Any:
        """ln((p / |p|) / (q / |q|)) of the smoothed counts inside a class and outside it."""
        import numpy as np

        p, q = (chosen.astype(float) @ matrix + self.alpha for chosen in (inside, ~inside))
        return np.log(p / p.sum()) - np.log(q / q.sum())
