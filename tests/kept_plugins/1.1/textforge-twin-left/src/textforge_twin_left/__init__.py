"""A model with a name that another plugin and textforge have, too."""

TEXTFORGE_API = "1.1"


def twin(n_features: int, n_classes: int, /, *, left: int = 4):
    """Two linear layers of the left twin.

    Options:
        left: width between them.
    """
    from textforge import FeatureLinear
    from torch import nn

    return nn.Sequential(FeatureLinear(n_features, left), nn.Linear(left, n_classes))
