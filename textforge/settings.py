"""The recipe's `trainer:` section: what the training loop can be told.

Standard library and annotated-types only, so that `textforge check` reads it without torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Lt

MAX_SEED = 2**63 - 1
"""The largest seed that torch's generator takes as it is."""


@dataclass(frozen=True, kw_only=True)
class TrainerSettings:
    """How a model is trained.

    Options:
        epochs: passes over the training texts.
        batch_size: texts in one step.
        shuffle: draw a new order of the training texts, from the seed, for every epoch.
        drop_last: leave out the last batch of an epoch where it is smaller than batch_size.
        validation: fraction of the training texts held out, stratified by label; 0 holds out none.
        monitor: the validation metric that picks the best epoch and stops early.
        patience: stop after this many epochs without a better validation metric; null never stops.
        restore_best: where there is a validation split, end with the best epoch's weights.
        clip_norm: scale gradients down to this total L2 norm; null leaves them.
        label_smoothing: probability mass spread evenly over all classes (Szegedy et al. 2016).
        class_weights: weight of each class in the loss; 'balanced' is n / (n_classes * count).
        device: where to train; 'auto' takes the first CUDA device where there is one.
    """

    epochs: Annotated[int, Ge(1)] = 10
    batch_size: Annotated[int, Ge(1)] = 64
    shuffle: bool = True
    drop_last: bool = False
    validation: Annotated[float, Ge(0), Lt(1)] = 0.0
    monitor: Literal["loss", "accuracy", "macro_f1"] = "loss"
    patience: Annotated[int, Ge(1)] | None = None
    restore_best: bool = True
    clip_norm: Annotated[float, Gt(0)] | None = None
    label_smoothing: Annotated[float, Ge(0), Lt(1)] = 0.0
    class_weights: Literal["balanced"] | dict[str, Annotated[float, Gt(0)]] | None = None
    device: Literal["auto", "cpu", "cuda"] = "auto"
