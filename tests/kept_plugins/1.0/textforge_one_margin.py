from typing import Annotated

from annotated_types import Gt
from textforge import RecipeError, hookimpl


def one_margin(multi_label, /, *, margin: Annotated[float, Gt(0)] = 1.0):
    """Multi-class hinge loss (Crammer & Singer 2001).

    Options:
        margin: required lead of the right class over the others.
    """
    from torch.nn.functional import multi_margin_loss

    if multi_label:
        raise RecipeError("one-margin takes one label per text; use 'binary-cross-entropy' for several.")

    def loss(logits, targets, weights=None):
        each = multi_margin_loss(logits, targets, margin=margin, reduction="none")
        return (each if weights is None else each * weights).mean()

    return loss


@hookimpl
def textforge_losses():
    return {"one-margin": one_margin}
