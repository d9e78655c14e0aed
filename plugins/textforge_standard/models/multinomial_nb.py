"""Model `multinomial-nb`."""

from typing import Annotated

from annotated_types import Gt


def multinomial_nb(
    n_features: int,
    n_classes: int,
    multi_label: bool = False,
    /,
    *,
    alpha: Annotated[float, Gt(0)] = 1.0,
    fit_prior: bool = True,
):
    """Multinomial naive Bayes (McCallum & Nigam 1998) over counts or tf-idf. Fits itself.

    Several labels: one against the rest.

    Options:
        alpha: added to every count (Lidstone smoothing; 1 is Laplace's).
        fit_prior: learn how frequent each class is; else all are equally so.
    """
    from textforge_standard.models.linear_scores import LinearScores

    def read(estimator):
        return estimator.feature_log_prob_, estimator.class_log_prior_

    def make():
        from sklearn.naive_bayes import MultinomialNB

        return MultinomialNB(alpha=alpha, fit_prior=fit_prior)

    return LinearScores("multinomial-nb", make, read, n_features, n_classes, multi_label, counts=True)


multinomial_nb.fits_itself = True
