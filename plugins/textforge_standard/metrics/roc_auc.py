"""Metric `roc-auc`."""


def roc_auc():
    """Chance that a text with a class has a higher probability of it than one without (Hanley & McNeil 1982).

    The mean over classes, each against the rest, every class counting alike; likewise over labels where a text may
    have several. Undefined where a class is on none of the gold texts or on all of them.
    """
    from sklearn.metrics import roc_auc_score

    from textforge_standard.metrics.measuring import by_class

    def area(truth, probability):
        return None if truth.all() or not truth.any() else float(roc_auc_score(truth, probability))

    return lambda gold, probabilities: by_class(gold, probabilities, area)
