"""Metric `balanced-accuracy`."""


def balanced_accuracy(*, adjusted: bool = False):
    """The mean over classes of the share of each class's texts that are given it (Brodersen et al. 2010).

    A class without gold texts does not count. Several labels a text: for each label the mean of the shares of the
    texts with it and without it, and the mean of that over the labels.

    Options:
        adjusted: move and scale it so that chance is 0 and perfect 1; undefined where there is one class alone, and
            a label that none or all of the texts have does not count.
    """
    import numpy as np

    from textforge_standard.metrics.measuring import by_label

    def recall(truth, given):
        right = [float((given[truth == one] == one).mean()) for one in np.unique(truth)]
        if not adjusted:
            return sum(right) / len(right)
        chance = 1 / len(right)
        return (sum(right) / len(right) - chance) / (1 - chance) if len(right) > 1 else None

    return lambda gold, probabilities: by_label(gold, probabilities, recall)
