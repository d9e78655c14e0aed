"""The recipe's `trainer:` and `decision:` sections: how to train, and how probabilities become answers.

Standard library, annotated-types and `errors` only, so that `textforge check` reads it without torch.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Lt

from textforge.errors import cut, did_you_mean, listed

MAX_SEED = 2**63 - 1
"""The largest seed that torch's generator takes as it is."""


FIGURES = ("loss", "accuracy", "macro_f1", "micro_f1", "weighted_f1")
"""What every validation measures; `trainer.monitor` may also name one of the recipe's metrics."""

TAKEN = (*FIGURES, "n", "per_class", "confusion_matrix", "answered", "split", "warnings")
"""What results hold already: a metric cannot be called so."""

FITTING = ("validation", "monitor", "device")
"""The settings that also count for a model that fits itself."""


@dataclass(frozen=True, kw_only=True)
class TrainerSettings:
    """How a model is trained.

    Options:
        epochs: passes over the training texts.
        batch_size: texts in one batch.
        accumulate: batches whose gradients are averaged, by texts, into one optimizer step.
        shuffle: draw a new order of the training texts, from the seed, for every epoch.
        bucket_by_length: with shuffle, put texts of like length into a batch, so that sequences are padded less.
        drop_last: leave out the last batch of an epoch where it is smaller than batch_size.
        validation: fraction of the training texts held out, stratified by label; 0 holds out none.
        monitor: the validation figure that picks the best epoch and stops early; loss, accuracy, macro_f1,
            micro_f1, weighted_f1, or one of the recipe's metrics.
        patience: stop after this many epochs without a better validation figure; null never stops.
        restore_best: where there is a validation split, end with the best epoch's weights.
        clip_norm: scale gradients down to this total L2 norm; null leaves them.
        ema: decay of an exponential moving average of the weights, which validation and the classifier then use
            (Polyak & Juditsky 1992); null keeps none.
        precision: number format of the forward pass in training; 'bfloat16' by torch's autocast.
        device: where to train; 'auto' takes the first CUDA device where there is one.
    """

    epochs: Annotated[int, Ge(1)] = 10
    batch_size: Annotated[int, Ge(1)] = 64
    accumulate: Annotated[int, Ge(1)] = 1
    shuffle: bool = True
    bucket_by_length: bool = False
    drop_last: bool = False
    validation: Annotated[float, Ge(0), Lt(1)] = 0.0
    monitor: str = "loss"
    patience: Annotated[int, Ge(1)] | None = None
    restore_best: bool = True
    clip_norm: Annotated[float, Gt(0)] | None = None
    ema: Annotated[float, Gt(0), Lt(1)] | None = None
    precision: Literal["float32", "bfloat16"] = "float32"
    device: Literal["auto", "cpu", "cuda"] = "auto"


def _fit(*, bucket_by_length: bool, shuffle: bool, **_: Any) -> str | None:
    return "bucket_by_length needs shuffle: true." if bucket_by_length and not shuffle else None


TrainerSettings.check_options = _fit  # type: ignore[attr-defined]


@dataclass(frozen=True, kw_only=True)
class DecisionSettings:
    """How probabilities become answers. What is fitted is fitted on the validation split.

    Options:
        calibrate: 'temperature' divides the model's outputs by one number, fitted to the log loss (Guo et al. 2017).
        threshold: probability from which a label is given, where a text may have several labels, or from which
            the second of two classes is; 'f1' fits one for each label to the best F1 (Lewis et al. 2004); null is 0.5.
        abstain: give no answer where the most probable class is less probable than this; null always answers.
    """

    calibrate: Literal["temperature"] | None = None
    threshold: Annotated[float, Gt(0), Lt(1)] | Literal["f1"] | None = None
    abstain: Annotated[float, Gt(0), Lt(1)] | None = None


def result_key(name: str) -> str:
    """How results name a metric or callback: `roc-auc` is roc_auc, beside macro_f1."""
    return name.replace("-", "_")


def unknown_monitor(monitor: str, metrics: Iterable[str]) -> str | None:
    """What is wrong with `trainer.monitor`, given the keys of the recipe's metrics."""
    known = (*FIGURES, *metrics)
    if result_key(monitor) in known:
        return None
    return (
        f"trainer: monitor: '{cut(monitor)}' is not measured. Known: {listed(known)}.{did_you_mean(monitor, known)} "
        "Others are measured where the recipe's metrics list them."
    )
