"""Two linear layers, of which the first is narrow."""

TEXTFORGE_API = "1.1"


def narrow(n_features: int, n_classes: int, /, *, width: int = 8):
    """Two linear layers.

    Options:
        width: width between them.
    """
    from textforge import FeatureLinear
    from torch import nn

    return nn.Sequential(FeatureLinear(n_features, width), nn.Linear(width, n_classes))
