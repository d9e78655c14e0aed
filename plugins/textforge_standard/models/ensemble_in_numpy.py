"""Model `ensemble`, computed in numpy if all its members are."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from textforge_standard.models.arrays import Weights, log_sigmoid, log_softmax, log_sum_exp, within


def ensemble(options: Mapping[str, Any], facts: Mapping[str, Any], weights: Weights) -> Any:
    """The logarithm of the weighted mean of the members' probabilities."""
    of = options["of"]
    members = [part.scores_in_numpy(facts, within(weights, f"members.{number}")) for number, part in enumerate(of)]
    shares = np.array(options["weights"] or [1.0] * len(of), dtype=np.float32)
    log_shares = np.log(shares / shares.sum())[:, None, None]

    def scores(features: Any) -> Any:
        every = np.stack([member(features).astype(np.float32, copy=False) for member in members])
        if facts["multi_label"]:
            yes = log_sum_exp(log_sigmoid(every) + log_shares, axis=0)
            return yes - log_sum_exp(log_sigmoid(-every) + log_shares, axis=0)
        return log_sum_exp(log_softmax(every, axis=2) + log_shares, axis=0)

    return scores
