"""Metric `brier`."""


def brier():
    """Mean squared distance of the probabilities from the truth (Brier 1950); smaller is better.

    The sum over the classes, which goes from 0 to 2; of two classes half of it, as is usual for yes and no. Several
    labels a text: the mean over texts and labels.
    """
    from textforge_standard.metrics.measuring import sets

    def measure(gold, probabilities):
        truth, _ = sets(gold, probabilities)
        squares = (probabilities.astype(float) - truth) ** 2
        if not len(gold):
            return None
        return float(squares.mean() if gold.ndim == 2 or squares.shape[1] == 2 else squares.sum(axis=1).mean())

    return measure


brier.greater_is_better = False
