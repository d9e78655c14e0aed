"""Optimizer `adadelta`."""

from textforge_standard.optimizers.of_torch import Decay, NotNegative, Positive, of_torch


@of_torch("Adadelta")
def adadelta(params, /, *, lr: Positive = 1.0, rho: Decay = 0.9, eps: Positive = 1e-6, weight_decay: NotNegative = 0.0):
    """Adadelta (Zeiler 2012): each step in the units of the steps before it; the paper needs no learning rate.

    Options:
        lr: what each step is multiplied by; 1 is the paper's rule.
        rho: decay of the running means of squared gradients and squared steps.
        eps: added under both roots; it sets the size of the first steps.
        weight_decay: L2 penalty, added to the gradient.
    """
