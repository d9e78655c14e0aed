"""Model `linear`."""

from typing import Any


def linear(n_features: int, n_classes: int, /) -> Any:
    """Softmax regression: one linear layer from features to classes."""
    from textforge import FeatureLinear

    return FeatureLinear(n_features, n_classes)
