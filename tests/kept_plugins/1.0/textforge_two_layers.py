from textforge import hookimpl


def two_layers(n_features: int, n_classes: int, /, *, dim: int = 100):
    """Two linear layers.

    Options:
        dim: width between them.
    """
    from textforge import FeatureLinear
    from torch import nn

    return nn.Sequential(FeatureLinear(n_features, dim), nn.Linear(dim, n_classes))


@hookimpl
def textforge_models():
    return {"two-layers": two_layers}
