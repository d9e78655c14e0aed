"""Model `complement-nb`."""

from typing import Any

from textforge_standard.models.of_scikit_learn import of_scikit_learn
from textforge_standard.ranges import Smoothing


@of_scikit_learn("naive_bayes:ComplementNB", weights="feature_log_prob_", bias=None, counts=True)
def complement_nb(
    n_features: int,
    n_classes: int,
    multi_label: bool = False,
    /,
    *,
    alpha: Smoothing = 1.0,
    norm: bool = False,
) -> Any:
    """Complement naive Bayes (Rennie et al. 2003): judges a class by the words of all other classes. Fits itself.

    Takes counts or tf-idf. It is more robust than 'multinomial-nb' if classes differ in size. With several labels it
    fits each label against the rest.

    Options:
        norm: divide the weights of each class by their sum, as in the paper's weight-normalised form.
    """
