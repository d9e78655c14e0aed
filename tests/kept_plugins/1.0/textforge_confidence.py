from textforge import hookimpl


def confidence():
    """Mean probability of the predicted class."""
    import numpy as np

    return lambda gold, probabilities, weights=None: float(np.average(probabilities.max(axis=1), weights=weights))


@hookimpl
def textforge_metrics():
    return {"confidence": confidence}
