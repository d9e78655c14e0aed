from textforge import hookimpl


def decaying(params, /, *, lr: float = 0.01, decay: float = 0.001):
    """Stochastic gradient descent with momentum 0.9 and decay of the weights.

    Options:
        lr: learning rate.
        decay: weight decay; lr times this share of each weight is subtracted per step.
    """
    import torch

    return torch.optim.SGD(params, lr=lr, momentum=0.9, weight_decay=decay)


@hookimpl
def textforge_optimizers():
    return {"decaying": decaying}
