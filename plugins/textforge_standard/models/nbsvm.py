"""Model `nbsvm`."""

from typing import Annotated, Any

from annotated_types import Ge, Le

from textforge_standard.models.of_scikit_learn import of_scikit_learn
from textforge_standard.ranges import ClassWeight, Count, Positive, Smoothing, Strength


def _estimator(*, alpha: float, beta: float, **options: Any) -> Any:
    from sklearn.svm import LinearSVC

    # The dual is several times as quick on bags of words, even where scikit-learn would choose the primal.
    return _RatioMachine(LinearSVC(**options, dual=True), alpha, beta)


@of_scikit_learn(_estimator, counts=True)
def nbsvm(
    n_features: int,
    n_classes: int,
    seed: int,
    multi_label: bool = False,
    /,
    *,
    alpha: Smoothing = 1.0,
    C: Strength = 1.0,  # noqa: N803  (the field's name)
    beta: Annotated[float, Ge(0), Le(1)] = 1.0,
    class_weight: ClassWeight = None,
    tol: Positive = 0.0001,
    max_iter: Count = 1000,
) -> Any:
    """NB-SVM (Wang & Manning 2012): a linear SVM over features times their naive-Bayes log-count ratios. Fits itself.

    The paper counts each word of a text once (vectorizer option `binary`); tf-idf of such bags does as well or better.
    Several classes or labels are fitted one against the rest. Probabilities are a softmax of margins, which rank well
    but are not calibrated.

    Options:
        alpha: added to every count before the ratios are computed.
        beta: interpolates between the SVM's weights (1) and their mean absolute value (0), which is naive Bayes; the
            paper uses 0.25 for two classes; for many classes 0.5 to 1 is better.
    """


class _RatioMachine:
    """A machine per class over features scaled by the ratios of the class; a classifier in scikit-learn's sense."""

    def __init__(self, machine: Any, alpha: float, beta: float) -> None:
        self.machine, self.alpha, self.beta = machine, alpha, beta
        self.max_iter = machine.max_iter

    def fit(self, matrix: Any, y: Any, sample_weight: Any = None) -> "_RatioMachine":
        import numpy as np

        classes = np.unique(y)
        classes = classes[1:] if len(classes) == 2 else classes  # one machine separates two classes
        self.coef_ = np.empty((len(classes), matrix.shape[1]))
        self.intercept_ = np.empty(len(classes))
        scaled = matrix.copy()  # copied once; each class overwrites its values
        for row, one in enumerate(classes):
            ratios = self._ratios(matrix, y == one, sample_weight)
            np.multiply(matrix.data, ratios[matrix.indices], out=scaled.data)
            fitted = self.machine.fit(scaled, y == one, sample_weight=sample_weight)
            weights = fitted.coef_[0]
            weights = (1 - self.beta) * np.abs(weights).mean() + self.beta * weights
            self.coef_[row], self.intercept_[row] = ratios * weights, fitted.intercept_[0]
        return self

    def _ratios(self, matrix: Any, inside: Any, weights: Any) -> Any:
        """ln((p / |p|) / (q / |q|)), with smoothed counts p inside a class and q outside it, times weights of texts."""
        import numpy as np

        each = 1.0 if weights is None else weights
        p, q = (chosen * each @ matrix + self.alpha for chosen in (inside, ~inside))
        return np.log(p / p.sum()) - np.log(q / q.sum())
