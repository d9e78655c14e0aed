"""Model `multinomial-nb`."""

from typing import Any

from textforge_standard.models.of_scikit_learn import of_scikit_learn
from textforge_standard.ranges import Smoothing


@of_scikit_learn("naive_bayes:MultinomialNB", weights="feature_log_prob_", bias="class_log_prior_", counts=True)
def multinomial_nb(
    n_features: int,
    n_classes: int,
    multi_label: bool = False,
    /,
    *,
    alpha: Smoothing = 1.0,
    fit_prior: bool = True,
) -> Any:
    """Multinomial naive Bayes (McCallum & Nigam 1998) over counts or tf-idf. Fits itself.

    With several labels it fits each label against the rest.

    Options:
        fit_prior: learn the frequencies of the classes; otherwise all classes are equally frequent.
    """
