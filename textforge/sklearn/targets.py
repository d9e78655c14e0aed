"""Texts and targets as scikit-learn passes them, converted to those of textforge."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import column_or_1d

from textforge.errors import DataError, listed

if TYPE_CHECKING:
    from textforge.data.dataset import Dataset

Texts = Iterable[str] | Sequence[Sequence[str]] | NDArray[Any]
"""Texts as scikit-learn passes them: a sequence, or a table of one column."""


def as_list(texts: Any) -> list[str]:
    """The texts of X.

    Raises:
        DataError: X is neither a sequence of str nor a table of one column of them.
    """
    from textforge.data.dataset import as_texts

    shape: tuple[int, ...] = getattr(texts, "shape", (0,))
    if len(shape) == 2 and shape[1] == 1 and not hasattr(texts, "toarray"):
        texts = np.asarray(texts)[:, 0]  # iterating over a pandas DataFrame yields its column names
    elif len(shape) > 1:
        raise DataError(
            f"X: expected a sequence of texts or a table of one column, not a table of shape {tuple(shape)}. Give one "
            "column of it."
        )
    elif isinstance(texts, (list, tuple)) and texts and all(map(_one_cell, texts)):
        texts = [row[0] for row in texts]
    return [str(text) for text in as_texts(texts, "X")]  # convert numpy.str_ to str


def _one_cell(row: Any) -> bool:
    return isinstance(row, (list, tuple)) and len(row) == 1


@dataclass(frozen=True)
class Targets:
    """y converted to textforge's labels, with what `predict` needs to convert them back."""

    classes: NDArray[Any]
    names: list[Any]
    """The classes as labels. If y is a matrix, the names of those columns with at least one 1."""
    labels: list[Any]
    columns: NDArray[np.int64] | None
    """The columns of y that belong to `names`; None if y is not a matrix."""
    dtype: Any

    @classmethod
    def of(cls, y: Any) -> Targets:
        """Convert y.

        Raises:
            DataError: y is neither one label per text nor a 0/1 matrix.
        """
        if y is None:
            raise DataError("y is None: a classifier learns from labelled texts.")
        y = y.toarray() if hasattr(y, "toarray") else y
        try:
            found = np.asarray(y)
        except ValueError:  # lists of unequal length
            found = np.empty((0, 0, 0))
        if found.ndim == 1 or (found.ndim == 2 and found.shape[1] == 1):
            return cls._single(y, column_or_1d(found, warn=True))
        numbers = found.dtype.kind in "biufO"
        if found.ndim != 2 or not numbers or not all(np.isin(column, (0, 1)).all() for column in found.T):
            raise DataError(
                "y: give one label per text, or a matrix of 0 and 1 with a column for each label. "
                "scikit-learn's MultiLabelBinarizer makes such a matrix from lists of labels."
            )
        return cls._matrix(y, found.astype(bool), found.dtype)

    @classmethod
    def _single(cls, y: Any, found: NDArray[Any]) -> Targets:
        given = np.asarray(y, dtype=object).ravel().tolist()
        if any(isinstance(label, Enum) for label in given):
            return cls._members(given)
        text = bool(given) and isinstance(given[0], str)
        for index, label in enumerate(given):  # numpy would silently convert None and mixed numbers to text
            if not isinstance(label, str if text else (Real, np.bool_)) or label != label:
                raise DataError(f"y: the label at index {index} is {label!r}. Labels must be all text or all numbers.")
            if not text and label % 1 != 0:
                raise DataError(f"y: the label at index {index} is {label!r}, a measure rather than a class.")
        if found.dtype == object and not text:  # scikit-learn's metrics reject numbers of dtype object
            found = np.asarray(given)
        classes, numbers = np.unique(found, return_inverse=True)
        names = classes.tolist()
        if classes.dtype.kind == "f":  # whole numbers, which are no labels
            names = [str(name) for name in names]
        return cls(classes, names, [names[number] for number in numbers], None, classes.dtype)

    @classmethod
    def _members(cls, given: list[Any]) -> Targets:
        from textforge.data import as_labels, sorted_labels

        labels = as_labels(given, "y")
        names = sorted_labels({*labels})
        classes = np.empty(len(names), dtype=object)
        classes[:] = names
        return cls(classes, names, labels, None, classes.dtype)

    @classmethod
    def _matrix(cls, y: Any, marked: NDArray[np.bool_], dtype: Any) -> Targets:
        given = [str(name) for name in getattr(y, "columns", ())]  # column names of a DataFrame
        every = given if len(set(given)) == marked.shape[1] else [str(n) for n in range(marked.shape[1])]
        columns = np.flatnonzero(marked.any(axis=0))
        names = [every[n] for n in columns]
        labels = [[every[n] for n in np.flatnonzero(row)] for row in marked]
        return cls(np.arange(marked.shape[1]), names, labels, columns, dtype)

    @classmethod
    def declared(cls, classes: Any, y: Any) -> Targets:
        """All classes, as the first call of `partial_fit` names them.

        Args:
            classes: distinct labels; the numbers of the columns, if y is a matrix.
            y: the labels of the first texts.

        Raises:
            DataError: `classes` is None, names fewer than two labels, or does not number the columns of y.
        """
        if classes is None:
            raise DataError(
                "classes: name all labels in the first call of partial_fit, as in "
                "partial_fit(X, y, classes=['ball', 'space']); later texts may not bring others."
            )
        given = cls.of(y)
        if given.columns is None:
            found = cls.of(classes)
            if found.columns is not None or len(found.names) < 2:
                raise DataError(f"classes: expected at least two labels, not {len(found.names)}.")
            return replace(found, labels=[])
        if np.shape(classes) != given.classes.shape or not np.isin(given.classes, classes).all():
            n = len(given.classes)
            raise DataError(f"classes: y is a matrix, so give the numbers of its {n} columns: classes=range({n}).")
        return cls._matrix(y, np.ones((1, len(given.classes)), dtype=bool), given.dtype)

    def within(self, known: Targets) -> Targets:
        """These labels as some of the classes of `known`.

        Raises:
            DataError: there is a label that `known` lacks; or only one of the two has several labels per text.
        """
        if (self.columns is None) != (known.columns is None):
            raise DataError("y: give one label per text in each call, or a matrix in each call.")
        if len(self.classes) != len(known.classes) and known.columns is not None:
            raise DataError(f"y has {len(self.classes)} columns; in the first call it had {len(known.classes)}.")
        names, own = known._by_value(), {name: value for value, name in self._by_value().items()}
        if unknown := [value for value in own.values() if value not in names]:
            raise DataError(
                f"y has labels that classes lacks: {listed(map(repr, unknown))}. "
                "Name all labels in the first call: partial_fit(X, y, classes=…)."
            )
        several = self.columns is not None
        labels = [[names[own[one]] for one in label] if several else names[own[label]] for label in self.labels]
        return replace(known, labels=labels, dtype=self.dtype)

    def _by_value(self) -> dict[Any, Any]:
        """The names by their classes: values of y, or numbers of columns."""
        values = self.classes if self.columns is None else self.columns
        return dict(zip(values.tolist(), self.names, strict=True))

    def same_classes(self, classes: Any) -> bool:
        """Whether `classes` names these classes, in any order."""
        return {*np.asarray(classes, dtype=object).ravel().tolist()} == {*self.classes.tolist()}

    def dataset(self, texts: list[str], weights: Any, *, complete: bool = True) -> Dataset:
        """The texts with these labels and weights; `complete` if each class has a text.

        Raises:
            DataError: the numbers of texts and labels differ, or weights are no weights.
        """
        from textforge.data.dataset import Dataset

        if len(texts) != len(self.labels):
            raise DataError(f"X has {len(texts)} texts, y has {len(self.labels)} labels.")
        if isinstance(weights, Real):
            weights = [weights] * len(texts)
        names = (self.names or None) if complete else None
        return Dataset(train=(texts, self.labels), label_names=names, weights=weights)

    @property
    def warnings(self) -> list[str]:
        """One warning that lists the columns of y without a 1."""
        empty = [] if self.columns is None else np.setdiff1d(self.classes, self.columns).tolist()
        return [f"these columns of y have no 1 and are never predicted: {listed(map(str, empty))}."] if empty else []
