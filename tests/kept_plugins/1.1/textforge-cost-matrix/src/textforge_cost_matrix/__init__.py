"""What wrong answers cost, by the names of classes."""

TEXTFORGE_API = "1.1"


def cost_matrix(labels: tuple[str, ...], multi_label: bool, /, *, costs: dict[str, dict[str, float]], other: float = 1.0):
    """Mean cost of the answers.

    Options:
        costs: maps a gold label to the cost of each wrong answer to it.
        other: cost of a wrong answer that costs does not have.
    """
    import numpy as np
    from textforge import RecipeError
    from textforge.errors import did_you_mean, listed

    if multi_label:
        raise RecipeError("cost-matrix takes one label per text; use 'hamming-loss' for several.")
    table = other * (1 - np.eye(len(labels)))
    for gold, answers in costs.items():
        for answer, cost in answers.items():
            for name in (gold, answer):
                if name not in labels:
                    raise RecipeError(f"cost-matrix: no label '{name}'.{did_you_mean(name, labels)} Labels: {listed(labels)}.")
            table[labels.index(gold), labels.index(answer)] = cost

    def measure(gold, probabilities, answers, weights=None):
        return float(np.average(table[gold, answers], weights=weights))

    return measure


cost_matrix.greater_is_better = False
