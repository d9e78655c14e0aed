"""LDAM with deferred re-weighting, for classes of different sizes."""

from typing import Annotated

from annotated_types import Gt, Interval

TEXTFORGE_API = "1.1"


def ldam(
    class_counts,
    multi_label: bool,
    epochs: int,
    /,
    *,
    margin: Annotated[float, Gt(0)] = 0.5,
    scale: Annotated[float, Gt(0)] = 30.0,
    defer: Annotated[float, Interval(ge=0, le=1)] = 0.8,
    beta: Annotated[float, Interval(ge=0, lt=1)] = 0.9999,
):
    """Label-distribution-aware margins, with classes weighted in the last epochs (Cao et al. 2019).

    Options:
        margin: margin of the rarest class.
        scale: factor of the logits.
        defer: share of the epochs before classes are weighted.
        beta: effective number of texts of a class (Cui et al. 2019).
    """
    import torch
    from textforge import RecipeError
    from torch.nn.functional import cross_entropy

    if multi_label:
        raise RecipeError("ldam takes one label per text; use 'binary-cross-entropy' for several.")
    counts = torch.as_tensor(class_counts, dtype=torch.float32)
    margins = counts.clamp(min=1) ** -0.25
    margins = margins * (margin / margins.max())
    effective = (1 - beta) / (1 - beta ** counts.clamp(min=1))
    class_weights = effective * len(counts) / effective.sum()

    def loss(logits, targets, weights=None, epoch=1):
        lead = torch.zeros_like(logits).scatter(1, targets[:, None], margins.to(logits.device)[targets][:, None])
        each = cross_entropy(scale * (logits - lead), targets, reduction="none")
        if epoch > defer * epochs:
            each = each * class_weights.to(logits.device)[targets]
        return (each if weights is None else each * weights).mean()

    return loss
