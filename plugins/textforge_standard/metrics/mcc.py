"""Metric `mcc`."""


def mcc():
    """Matthews correlation of gold and predicted classes (Matthews 1975; Gorodkin 2004 for many): 1 perfect, 0 chance.

    It is 0 where all texts are of one class or are given one. Several labels a text: the mean over the labels.
    """
    from sklearn.metrics import matthews_corrcoef

    from textforge_standard.metrics.measuring import by_label

    def correlation(truth, given):
        constant = (truth == truth[0]).all() or (given == given[0]).all()  # of which scikit-learn would warn
        return 0.0 if constant else float(matthews_corrcoef(truth, given))

    return lambda gold, probabilities: by_label(gold, probabilities, correlation)
