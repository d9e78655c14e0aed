"""Metrics that break what metrics are held to."""


def accuracy_of(gold, probabilities):
    if gold.ndim == 2:
        return float(((probabilities >= 0.5) == (gold > 0)).mean())
    return float((probabilities.argmax(axis=1) == gold).mean())


def good():
    """Share of right answers."""
    return accuracy_of


def error():
    """Share of wrong answers."""
    return lambda gold, probabilities: 1 - accuracy_of(gold, probabilities)


error.greater_is_better = False


def several(multi_label: bool, /):
    """Share of right answers, for several labels a text."""
    from textforge import RecipeError

    if not multi_label:
        raise RecipeError("metric 'several' is for several labels a text. Use 'good'.")
    return accuracy_of


def by_class():
    """It gives a figure for each class."""
    return lambda gold, probabilities: probabilities.mean(axis=0)


def infinite():
    """It divides by zero."""
    return lambda gold, probabilities: float("inf")


def undivided():
    """It needs a class without texts, and one with."""
    return lambda gold, probabilities: accuracy_of(gold, probabilities) / (len({*gold.ravel().tolist()}) - 1)


def of_the_first():
    """It looks at the first text."""
    return lambda gold, probabilities: float(probabilities[0].max())


def rounding():
    """It changes the probabilities."""

    def metric(gold, probabilities):
        found = accuracy_of(gold, probabilities)
        probabilities.round(out=probabilities)
        return found

    return metric


def deaf():
    """It takes weights, and does not heed them."""
    return lambda gold, probabilities, weights=None: accuracy_of(gold, probabilities)


def weighing():
    """It counts each text as often as its weight says."""
    import numpy as np

    def metric(gold, probabilities, weights=None):
        right = [accuracy_of(gold[n : n + 1], probabilities[n : n + 1]) for n in range(len(gold))]
        return float(np.average(right, weights=weights))

    return metric


def wrong_way():
    """It says that the greater is the better of its errors."""
    return lambda gold, probabilities: 1 - accuracy_of(gold, probabilities)


def of_three(n_classes, /):
    """It knows three classes."""

    def metric(gold, probabilities):
        assert probabilities.shape[1] == 3
        return accuracy_of(gold, probabilities)

    return metric


def unaware():
    """It knows nothing of several labels."""
    return lambda gold, probabilities: float(probabilities[range(len(gold)), gold.reshape(len(gold))].mean())


def refusing(multi_label: bool, /):
    """It refuses several labels without a word of what measures them."""
    from textforge import RecipeError

    if multi_label:
        raise RecipeError("one label a text only")
    return accuracy_of


def answered(labels, /):
    """Share of right answers of the decision."""
    return lambda gold, probabilities, answers: float((answers == gold).mean())


def answering():
    """It changes the answers."""

    def metric(gold, probabilities, answers):
        found = float((answers == gold).mean())
        answers[:] = 0
        return found

    return metric
