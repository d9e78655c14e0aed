"""The dataset of a fold: some of the training rows to train on, others to test on."""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from numpy.typing import NDArray

if TYPE_CHECKING:
    import numpy as np

    from textforge.data.dataset import Dataset, Split
    from textforge.data.weights import Weights


class Rows(NamedTuple):
    """Numbers of training rows, each int64 and ascending."""

    kept: NDArray[np.int64] | None
    """Rows to train on; None for all that are not held out."""
    held_out: NDArray[np.int64]


def fold_dataset(dataset: Dataset, rows: Rows, labels: Sequence[Any], *, whole_valid: bool) -> Dataset:
    """Return a dataset whose test split is held out of train, and whose labels are those of the rows that are kept.

    Args:
        dataset: its training split is in memory.
        rows: the rows to train on and to test on.
        labels: the labels of all training rows, in their order.
        whole_valid: keep validation texts whose labels are not among those of the kept rows.
    """
    from textforge.data.dataset import Dataset
    from textforge.data.streams import Stream

    assert not isinstance(dataset.train, Stream)
    texts, gold = dataset.train
    out = rows.held_out
    held = set(out.tolist())
    kept = [row for row in range(len(texts)) if row not in held] if rows.kept is None else rows.kept.tolist()
    train = ([texts[row] for row in kept], [gold[row] for row in kept])
    known = Dataset(train).label_counts()
    valid, of_valid = dataset.valid, dataset.weights_of("valid")
    if not whole_valid:
        valid, of_valid = _with_known_labels(valid, of_valid, known)
    weights = dataset.weights_of("train")
    of_train, of_test = (None, None) if weights is None else (weights[kept], weights[out])
    given = {"train": of_train, "test": of_test, "valid": of_valid}
    return Dataset(
        train=train,
        test=([texts[row] for row in out], [gold[row] for row in out]),
        valid=valid,
        label_names=[name for name in labels if name in known],
        groups=None if dataset.groups is None else [dataset.groups[row] for row in kept],
        weights={name: one.tolist() for name, one in given.items() if one is not None} or None,
    )


def _with_known_labels(
    split: Split | None, weights: Weights | None, known: Container[str]
) -> tuple[Split | None, Weights | None]:
    """Remove the labels that a fold cannot learn from a validation split; for single labels, their texts."""
    if split is None or isinstance(split[1][0], tuple):
        return split and (split[0], [[name for name in row if name in known] for row in split[1]]), weights
    rows = [row for row, label in enumerate(split[1]) if label in known]
    if not rows:
        return None, None
    kept = [split[0][row] for row in rows], [split[1][row] for row in rows]
    return kept, None if weights is None else weights[rows]
