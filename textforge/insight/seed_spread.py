"""The part of a metric's uncertainty that comes from the seed of the training, not from the choice of test texts.

A mean over a few seeds is resampled in two levels: texts are drawn with replacement, and the mean effect of the seeds
is drawn from Student's t distribution with the measured spread. Seeds drawn with replacement would give too narrow an
interval: with three or five seeds it never leaves their range. Between two recipes this is the Behrens-Fisher problem,
with its fiducial interval (Fisher 1935).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def mean_over_seeds(
    observed: NDArray[np.float64], samples: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return resamples, over texts and seeds, of the mean of a metric over the seeds of one recipe.

    The spread between seeds on one set of texts is partly due to these texts, which resampling the texts already
    covers; only the rest is drawn again.

    Args:
        observed: the metric of each seed on the test texts, shape (seeds,).
        samples: the metric of each seed on each resample of the texts, shape (resamples, seeds).
        rng: draws the effects of the seeds.

    Returns:
        Shape (resamples,). With one seed, the spread between seeds is unknown and left out.
    """
    mean: NDArray[np.float64] = samples.mean(axis=1)
    n = len(observed)
    if n < 2:
        return mean
    of_texts = float((samples - mean[:, None]).var(axis=0).mean()) * n / (n - 1)
    spread = max(0.0, float(observed.var(ddof=1)) - of_texts)
    effects = rng.standard_t(n - 1, size=len(mean))
    drawn: NDArray[np.float64] = mean + np.sqrt(spread / n) * effects
    return drawn


def seed_variance(observed: NDArray[np.float64]) -> float | None:
    """Return the variance of the mean of a metric over seeds, shape (seeds,); None for a single seed."""
    return float(observed.var(ddof=1)) / len(observed) if len(observed) > 1 else None
