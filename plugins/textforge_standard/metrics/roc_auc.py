"""Metric `roc-auc`."""


def roc_auc():
    """Chance that a text with a class has a higher probability of it than one without (Hanley & McNeil 1982).

    The mean over classes, each against the rest, every class counting alike; likewise over labels where a text may
    have several. A class that none of the gold texts has, or all of them, does not count (scikit-learn gives nan for
    it). Undefined where no class counts.
    """
    from sklearn.metrics import roc_auc_score

    from textforge_standard.metrics.measuring import by_class

    def area(truth, probability):
        return None if truth.all() or not truth.any() else float(roc_auc_score(truth, probability))

    return lambda gold, probabilities: by_class(gold, probabilities, area)
