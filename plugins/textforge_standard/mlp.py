"""Model `mlp`."""

from itertools import pairwise
from typing import Annotated, Literal

from annotated_types import Ge, Lt


def mlp(
    n_features: int,
    n_classes: int,
    /,
    *,
    hidden: list[Annotated[int, Ge(1)]] = [100, 100],  # noqa: B006  (copied for each use)
    activation: Literal["relu", "tanh", "gelu"] = "relu",
    dropout: Annotated[float, Ge(0), Lt(1)] = 0.0,
):
    """Multi-layer perceptron (Rumelhart, Hinton & Williams 1986) over a bag of words or a vector.

    Options:
        hidden: widths of the hidden layers, first to last.
        activation: what follows each hidden layer.
        dropout: probability of zeroing a hidden unit while training (Srivastava et al. 2014).
    """
    from torch import nn

    from textforge import FeatureLinear

    activations = {"relu": nn.ReLU, "tanh": nn.Tanh, "gelu": nn.GELU}
    layers: list[nn.Module] = []
    widths = [n_features, *hidden, n_classes]
    for number, (width_in, width_out) in enumerate(pairwise(widths)):
        if number:
            layers.append(activations[activation]())
            if dropout:
                layers.append(nn.Dropout(dropout))
        layers.append((FeatureLinear if number == 0 else nn.Linear)(width_in, width_out))
    return nn.Sequential(*layers)
