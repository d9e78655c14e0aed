"""Model `complement-nb`."""

from typing import Annotated

from annotated_types import Gt


def complement_nb(
    n_features: int,
    n_classes: int,
    multi_label: bool = False,
    /,
    *,
    alpha: Annotated[float, Gt(0)] = 1.0,
    norm: bool = False,
):
    """Complement naive Bayes (Rennie et al. 2003): a class judged by the words of all others. Fits itself.

    Takes counts or tf-idf; sturdier than 'multinomial-nb' where classes differ in size. Several labels: one against
    the rest.

    Options:
        alpha: added to every count (Lidstone smoothing).
        norm: divide the weights of each class by their sum, as the paper's weight-normalised form does.
    """
    import numpy as np

    from textforge_standard.models.linear_scores import LinearScores

    def read(estimator):
        return estimator.feature_log_prob_, np.zeros(len(estimator.classes_))  # it has no prior

    def make():
        from sklearn.naive_bayes import ComplementNB

        return ComplementNB(alpha=alpha, norm=norm)

    return LinearScores("complement-nb", make, read, n_features, n_classes, multi_label, counts=True)


complement_nb.fits_itself = True
