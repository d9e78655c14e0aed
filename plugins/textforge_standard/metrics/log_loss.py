"""Metric `log-loss`."""


def log_loss():
    """Mean of -ln(probability given to the truth) (Good 1952); smaller is better.

    Probabilities below float32's precision (1.2e-7) count as that. Several labels a text: the mean over texts and
    labels of the same for each label's yes or no.
    """
    import numpy as np

    def measure(gold, probabilities):
        if gold.ndim == 2:
            truth = np.where(gold > 0, probabilities, 1 - probabilities.astype(np.float64))
        else:
            truth = probabilities[np.arange(len(gold)), gold]
        least = float(np.finfo(np.float32).eps)
        return float(-np.log(np.clip(truth.astype(np.float64), least, 1)).mean()) if len(gold) else None

    return measure


log_loss.greater_is_better = False
