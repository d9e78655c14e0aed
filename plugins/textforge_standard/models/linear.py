"""Model `linear`."""

from typing import Any

from textforge_standard.declare import declare


def linear(n_features: int, n_classes: int, /) -> Any:
    """Softmax regression: one linear layer from features to classes."""
    from textforge import FeatureLinear

    return FeatureLinear(n_features, n_classes)


declare(linear, in_numpy="textforge_standard.models.linear_in_numpy:linear")
