"""Model `mlp`, computed in numpy."""

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

import numpy as np

from textforge_standard.models.arrays import Weights, require_shapes

EPS = 1e-5
"""Added to variances, as by torch."""


def _leaky(x: Any) -> Any:
    return np.where(x > 0, x, np.float32(0.01) * x)


def _sigmoid(x: Any) -> Any:
    return np.exp(-np.logaddexp(0, -x))


ACTIVATIONS: dict[str, Callable[[Any], Any]] = {
    "relu": lambda x: np.maximum(x, 0),
    "leaky_relu": _leaky,
    "elu": lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))),
    "silu": lambda x: x * _sigmoid(x),
    "tanh": np.tanh,
    "sigmoid": _sigmoid,
}


def mlp(options: Mapping[str, Any], facts: Mapping[str, Any], weights: Weights) -> Any:
    """The layers of the module in their order, named as `nn.Sequential` names them: by their number."""
    activation, norm = ACTIVATIONS[options["activation"]], options["norm"]
    widths = [facts["n_features"], *options["hidden"], facts["n_classes"]]
    layers: list[Callable[[Any], Any]] = []
    shapes: dict[str, tuple[int, ...]] = {}
    at = 1 if options["input_dropout"] else 0
    for number, (width_in, width_out) in enumerate(pairwise(widths)):
        if number:
            if norm is not None:
                names = ("weight", "bias", *(("running_mean", "running_var") if norm == "batch" else ()))
                shapes |= {f"{at}.{name}": (width_in,) for name in names}
                shapes |= {f"{at}.num_batches_tracked": ()} if norm == "batch" else {}
                layers.append((_batch_norm if norm == "batch" else _layer_norm)(weights, at))
                at += 1
            layers.append(activation)
            at += 2 if options["dropout"] else 1
        shapes |= {f"{at}.weight": (width_out, width_in) if number else (width_in, width_out)}
        shapes |= {f"{at}.bias": (width_out,)}
        layers.append(_linear(weights, at, transposed=number > 0))
        at += 1
    require_shapes(weights, shapes)

    def scores(features: Any) -> Any:
        for layer in layers:
            features = layer(features)
        return features

    return scores


def _linear(weights: Weights, at: int, *, transposed: bool) -> Callable[[Any], Any]:
    return lambda x: x @ (weights[f"{at}.weight"].T if transposed else weights[f"{at}.weight"]) + weights[f"{at}.bias"]


def _batch_norm(weights: Weights, at: int) -> Callable[[Any], Any]:
    def normalize(x: Any) -> Any:
        scaled = (x - weights[f"{at}.running_mean"]) / np.sqrt(weights[f"{at}.running_var"] + np.float32(EPS))
        return scaled * weights[f"{at}.weight"] + weights[f"{at}.bias"]

    return normalize


def _layer_norm(weights: Weights, at: int) -> Callable[[Any], Any]:
    def normalize(x: Any) -> Any:
        scaled = (x - x.mean(axis=1, keepdims=True)) / np.sqrt(x.var(axis=1, keepdims=True) + np.float32(EPS))
        return scaled * weights[f"{at}.weight"] + weights[f"{at}.bias"]

    return normalize
