"""Metric `average-precision`."""


def average_precision():
    """Mean precision along the ranking of texts by the probability of a class, as recall rises.

    The mean over classes, each against the rest, every class counting alike; likewise over labels where a text may
    have several. A class that none of the gold texts has does not count (scikit-learn warns and takes 0 for it).
    Undefined where no class counts.
    """
    from sklearn.metrics import average_precision_score

    from textforge_standard.metrics.measuring import by_class

    def precision(truth, probability):
        return float(average_precision_score(truth, probability)) if truth.any() else None

    return lambda gold, probabilities: by_class(gold, probabilities, precision)
