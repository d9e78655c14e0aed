"""A model with a name that another plugin and textforge have, too."""

TEXTFORGE_API = "1.1"


def twin(n_features: int, n_classes: int, /, *, right: int = 4):
    """Two linear layers of the right twin.

    Options:
        right: width between them.
    """
    from textforge import FeatureLinear
    from torch import nn

    return nn.Sequential(FeatureLinear(n_features, right), nn.Linear(right, n_classes))
