from textforge import hookimpl


def bottleneck(n_features: int, n_classes: int, /, *, dim: int = 4):
    """Two linear layers (a low-rank softmax regression).

    Options:
        dim: width between them.
    """
    from textforge import FeatureLinear
    from torch import nn

    return nn.Sequential(FeatureLinear(n_features, dim), nn.Linear(dim, n_classes))


@hookimpl
def textforge_models():
    return {"bottleneck": bottleneck}
