"""Metric `hamming-loss`."""


def hamming_loss():
    """Share of the pairs of a text and a label that are wrong (Schapire & Singer 1999); smaller is better.

    A label is given from a probability of 0.5. One label a text: the share of wrong answers.
    """
    from textforge_standard.metrics.measuring import answers, sets

    def measure(gold, probabilities):
        if not len(gold):
            return None
        if gold.ndim == 1:
            return float((gold != answers(probabilities)).mean())
        truth, given = sets(gold, probabilities)
        return float((truth != given).mean())

    return measure


hamming_loss.greater_is_better = False
