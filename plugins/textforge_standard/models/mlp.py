"""Model `mlp`."""

from itertools import pairwise
from typing import Annotated, Any, Literal

from annotated_types import MaxLen

from textforge import Tune
from textforge_standard.declare import declare
from textforge_standard.models.sizes import Width
from textforge_standard.ranges import Dropout, Fraction


def mlp(
    n_features: int,
    n_classes: int,
    /,
    *,
    hidden: Annotated[list[Width], MaxLen(100), Tune(choices=([100], [300], [100, 100]))] = [100, 100],  # noqa: B006  (copied for each use)
    activation: Literal["relu", "leaky_relu", "elu", "silu", "gelu", "tanh", "sigmoid"] = "relu",
    norm: Literal["batch", "layer"] | None = None,
    dropout: Dropout = 0.0,
    input_dropout: Fraction = 0.0,
) -> Any:
    """Multi-layer perceptron (Rumelhart, Hinton & Williams 1986) over a bag of words or a vector.

    Options:
        hidden: widths of the hidden layers, from first to last.
        activation: activation function of the hidden layers.
        norm: normalise hidden units before their activation, over the batch (Ioffe & Szegedy 2015) or over the layer
            (Ba et al. 2016); null does not.
        dropout: probability of zeroing a hidden unit in training (Srivastava et al. 2014).
        input_dropout: probability of dropping a word of a text, or an element of its vector, in training.
    """
    from torch import nn

    from textforge import FeatureLinear
    from textforge_standard.models.mlp_layers import BatchNorm, InputDropout

    activations: dict[str, type[nn.Module]] = {
        "relu": nn.ReLU,
        "leaky_relu": nn.LeakyReLU,
        "elu": nn.ELU,
        "silu": nn.SiLU,
        "gelu": nn.GELU,
        "tanh": nn.Tanh,
        "sigmoid": nn.Sigmoid,
    }
    norms: dict[str, type[nn.Module]] = {"batch": BatchNorm, "layer": nn.LayerNorm}
    layers: list[nn.Module] = [InputDropout(input_dropout)] if input_dropout else []
    widths = [n_features, *hidden, n_classes]
    for number, (width_in, width_out) in enumerate(pairwise(widths)):
        if number:
            if norm is not None:
                layers.append(norms[norm](width_in))
            layers.append(activations[activation]())
            if dropout:
                layers.append(nn.Dropout(dropout))
        layers.append((FeatureLinear if number == 0 else nn.Linear)(width_in, width_out))
    return nn.Sequential(*layers)


def _contradiction(*, hidden: list[int], norm: str | None, dropout: float, **_: Any) -> str | None:
    if hidden or not (norm or dropout):
        return None
    return f"{'norm' if norm else 'dropout'} has no effect without hidden layers; leave it out, or use input_dropout."


def _in_numpy(*, activation: str, **_: Any) -> str | None:
    return None if activation == "gelu" else "textforge_standard.models.mlp_in_numpy:mlp"  # numpy has no error function


declare(mlp, check_options=_contradiction, in_numpy=_in_numpy)
