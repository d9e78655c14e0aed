"""Two linear layers, of which the first is narrow."""

TEXTFORGE_API = "1.1"


def narrow(n_features: int, n_classes: int, /, *, dim: int = 8):
    """Two linear layers.

    Options:
        dim: width between them.
    """
    from textforge import FeatureLinear
    from torch import nn

    return nn.Sequential(FeatureLinear(n_features, dim), nn.Linear(dim, n_classes))


def upgrade_options(options, version):
    """Translate the options of 1.0."""
    if "width" in options:
        options["dim"] = options.pop("width")
    return options


narrow.upgrade_options = upgrade_options
