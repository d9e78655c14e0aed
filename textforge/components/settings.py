"""The recipe's `trainer:` and `decision:` sections: how to train, and how to turn probabilities into labels.

Imports only the standard library, annotated-types, `errors` and a neighbour, so that `textforge check` runs without
torch.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, TypedDict

from annotated_types import Ge, Gt, Lt

from textforge.components.checkpointing import CheckpointSettings, wrong_checkpoint
from textforge.components.tune import Tune
from textforge.errors import cut, did_you_mean, listed

MAX_SEED = 2**63 - 1
"""Largest seed that torch's generator accepts unchanged."""


FIGURES = ("loss", "accuracy", "macro_f1", "micro_f1", "weighted_f1")
"""Metrics of every validation. `trainer.monitor` may also name a metric of the recipe."""

TAKEN = (
    *FIGURES, "n", "total_weight", "per_class", "confusion_matrix", "answered", "unknown_labels", "unweighted", "split",
    "warnings", "left_out",
)  # fmt: skip
"""Keys that every result already holds; a metric cannot use these names."""

FITTING = ("validation", "unknown_labels", "monitor", "device")
"""Trainer settings that also apply to a model that fits itself."""


OF_RUNS = ("checkpoint",)
"""Trainer settings that only a run uses, because it has a folder: neither `Trainer` nor the estimator accepts them."""

UnknownLabels = Literal["error", "wrong", "drop"]
"""Treatment of evaluation labels that the training data lack."""


@dataclass(frozen=True, kw_only=True)
class TrainerSettings:
    """How a model is trained.

    Options:
        epochs: passes over the training texts.
        batch_size: texts per batch.
        accumulate: batches per optimizer step; their gradients are averaged, weighted by number of texts.
        shuffle: reorder the training texts at random, from the seed, in every epoch.
        bucket_by_length: with shuffle, put texts of similar length into the same batch to reduce padding.
        drop_last: skip the last batch of an epoch if it is smaller than batch_size.
        validation: fraction of the training texts to hold out, stratified by label; 0 holds out none.
        unknown_labels: treatment of validation and test labels that the training texts lack; error stops the run,
            wrong counts their texts as errors, as scikit-learn does, drop leaves these texts out.
        monitor: the validation metric that selects the best epoch and triggers early stopping; loss, accuracy,
            macro_f1, micro_f1, weighted_f1, or one of the recipe's metrics.
        patience: stop after this many epochs without improvement of the monitored metric; null never stops early.
        restore_best: after training, restore the weights of the best epoch, if there is a validation split.
        clip_norm: scale gradients down to at most this total L2 norm; null disables clipping.
        ema: decay of an exponential moving average of the weights, used by validation and by the classifier
            (Polyak & Juditsky 1992); null disables it.
        precision: number format of the forward pass in training; 'bfloat16' uses torch's autocast.
        compile: compile the model by torch.compile, which takes half a minute or more at the start and needs a C++
            compiler; never faster on a CPU in our measurements, not measured on a GPU.
        device: where to train; 'auto' uses the first CUDA device if there is one, otherwise the CPU.
        checkpoint: how often a run saves its state (every) and how many of these checkpoints it keeps (keep), to
            continue a run that was stopped.
    """

    epochs: Annotated[int, Ge(1), Tune(low=3, high=30, log=True)] = 10
    batch_size: Annotated[int, Ge(1), Tune(low=16, high=256, log=True)] = 64
    accumulate: Annotated[int, Ge(1)] = 1
    shuffle: bool = True
    bucket_by_length: bool = False
    drop_last: bool = False
    validation: Annotated[float, Ge(0), Lt(1)] = 0.0
    unknown_labels: UnknownLabels = "error"
    monitor: str = "loss"
    patience: Annotated[int, Ge(1)] | None = None
    restore_best: bool = True
    clip_norm: Annotated[float, Gt(0)] | None = None
    ema: Annotated[float, Gt(0), Lt(1)] | None = None
    precision: Literal["float32", "bfloat16"] = "float32"
    compile: bool = False
    device: Literal["auto", "cpu", "cuda"] = "auto"
    checkpoint: CheckpointSettings = field(default_factory=CheckpointSettings)


class TrainerOptions(TypedDict, total=False):
    """`TrainerSettings` as keyword arguments, without those of runs, so that type checkers know those of `Trainer`."""

    epochs: int
    batch_size: int
    accumulate: int
    shuffle: bool
    bucket_by_length: bool
    drop_last: bool
    validation: float
    unknown_labels: UnknownLabels
    monitor: str
    patience: int | None
    restore_best: bool
    clip_norm: float | None
    ema: float | None
    precision: Literal["float32", "bfloat16"]
    compile: bool
    device: Literal["auto", "cpu", "cuda"]


def _check_options(*, bucket_by_length: bool, shuffle: bool, checkpoint: CheckpointSettings, **_: Any) -> str | None:
    if bucket_by_length and not shuffle:
        return "bucket_by_length needs shuffle: true."
    return wrong_checkpoint(checkpoint)


TrainerSettings.check_options = _check_options  # type: ignore[attr-defined]


@dataclass(frozen=True, kw_only=True)
class DecisionSettings:
    """How probabilities become labels. Temperature and thresholds are fitted on the validation split.

    Options:
        calibrate: 'temperature' divides the logits by one number that minimizes the log loss (Guo et al. 2017).
        threshold: lowest probability at which a label is assigned, if texts may have several labels, or at which
            the second of two classes is; 'f1' fits one per label that maximizes F1 (Lewis et al. 2004); null is 0.5.
        abstain: return no label if the highest class probability is below this; null always returns one.
    """

    calibrate: Literal["temperature"] | None = None
    threshold: Annotated[float, Gt(0), Lt(1)] | Literal["f1"] | None = None
    abstain: Annotated[float, Gt(0), Lt(1)] | None = None


def result_key(name: str) -> str:
    """The key of a metric or callback in results: `roc-auc` becomes `roc_auc`."""
    return name.replace("-", "_")


def unknown_monitor(monitor: str, metrics: Iterable[str]) -> str | None:
    """An error message if `trainer.monitor` names neither a standard metric nor one of `metrics`; None otherwise."""
    known = (*FIGURES, *metrics)
    if result_key(monitor) in known:
        return None
    return (
        f"trainer: monitor: '{cut(monitor)}' is not measured. Known: {listed(known)}.{did_you_mean(monitor, known)} "
        "To measure another metric, list it in the recipe's metrics."
    )
