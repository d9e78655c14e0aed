"""A plugin that other processes import by name, without the imports of a test module."""

from textforge import hookimpl


class Halved:
    """A plugin: an optimizer."""

    @hookimpl
    def textforge_optimizers(self):
        return {"halved": halved}


def halved(params, /, *, lr: float = 0.1):
    """Adam at half the learning rate.

    Options:
        lr: learning rate.
    """
    from textforge_standard.optimizers.adam import adam  # unlike torch's, it does not import torch's compiler

    return adam(params, lr=lr / 2)
