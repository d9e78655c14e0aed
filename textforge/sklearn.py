"""A scikit-learn estimator for raw texts, with the keys of a recipe as its parameters.

Import it by `from textforge.sklearn import TextClassifier`. `textforge` itself does not export it, because it needs
scikit-learn.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted, column_or_1d

from textforge.components.manager import PluginManager
from textforge.errors import DataError, RecipeError, TextforgeError, listed
from textforge.recipes.parameters import changed, parameters, recipe_of
from textforge.recipes.recipe import Recipe
from textforge.runs.failures import located
from textforge.runs.plan import trainer_for

if TYPE_CHECKING:
    from typing import Self

    from textforge.classifiers.classifier import Classifier
    from textforge.data.dataset import Dataset
    from textforge.training.validation import EpochResult

    class _Estimator:
        """What `TextClassifier` has from scikit-learn's base classes, which have no types."""

        @classmethod
        def _get_param_names(cls) -> list[str]: ...
        def get_params(self, deep: bool = True) -> dict[str, Any]: ...
        def score(self, X: Any, y: Any, sample_weight: Any = None) -> float: ...  # noqa: N803
        def __sklearn_tags__(self) -> Any: ...

else:
    from sklearn.base import BaseEstimator, ClassifierMixin

    class _Estimator(ClassifierMixin, BaseEstimator):
        pass


Texts = Iterable[str] | Sequence[Sequence[str]] | NDArray[Any]
"""Texts as scikit-learn passes them: a sequence, or a table of one column."""


class TextforgeWarning(UserWarning):
    """A warning about the recipe, the data or the training, as a run reports it."""


class TextClassifier(_Estimator):
    """Text classifier that trains the model of a recipe on raw texts.

    Every key of the recipe is a parameter: `set_params(model="mlp", model__hidden=[200], optimizer__lr=0.1,
    trainer__epochs=3, seed=1)`. They are stored in `overrides`. `set_params` validates names, `fit` validates values.
    Setting a part resets its options, as in a recipe; new options may be set in the same call.

    X is a sequence of str: a list, tuple, array or column, or a table of one column, shape (n, 1).
    y has one label per text (str, int, bool or a member of an
    Enum), or is a 0/1 matrix with one column per label.

    Args:
        recipe: path of a YAML file, the recipe as a dict, or a validated `Recipe`. Its dataset is not used and may
            be omitted. A relative path is made absolute, so that the estimator and its clones still find the file
            after a change of the working directory.
        overrides: maps dotted keys to values that override the recipe, as in `{"optimizer.lr": 0.1}`.
        plugins: the plugin manager that looks up components. Defaults to everything installed.

    Attributes:
        classes_: the sorted distinct labels (`numpy.unique`); column indices if y is a matrix.
        classifier_: the trained `textforge.Classifier`, whose labels are the classes: text, int, bool or Enum.
        history_: a list with one `EpochResult` per epoch.
    """

    def __init__(
        self,
        recipe: str | Path | Mapping[str, Any] | Recipe,
        *,
        overrides: Mapping[str, Any] | None = None,
        plugins: PluginManager | None = None,
    ) -> None:
        self.recipe: str | Path | Mapping[str, Any] | Recipe = _absolute(recipe)
        self.overrides = overrides
        self.plugins = plugins

    # -- parameters ----------------------------------------------------------------------------

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The constructor's parameters and, if `deep`, the value of every key of the recipe, defaults included.

        The keys are omitted if the recipe cannot be read or is invalid; `fit` then raises the error.
        """
        params = super().get_params(deep=False)
        if deep:
            with suppress(TextforgeError):
                params |= parameters(recipe_of(self.recipe, self.overrides, self.plugins))
        return params

    def set_params(self, **params: Any) -> Self:
        """Set parameters. The order does not matter: parts are set before their options.

        Raises:
            RecipeError: a key, part or option does not exist; then no parameter is changed.
        """
        own = {name: params.pop(name) for name in self._get_param_names() if name in params}
        given = {**self.get_params(deep=False), **own}
        if params:
            changes = {name.replace("__", "."): value for name, value in params.items()}
            given["overrides"] = changed(given["recipe"], given["overrides"], given["plugins"], changes)
        for name, value in given.items():
            setattr(self, name, _absolute(value) if name == "recipe" else value)
        return self

    # -- training and prediction ---------------------------------------------------------------

    def fit(self, X: Texts, y: Any, sample_weight: Any = None) -> Self:  # noqa: N803  (scikit-learn's name)
        """Train on texts and their labels.

        Args:
            X: the texts.
            y: their labels.
            sample_weight: how much each text counts, a number from 0 for each text, or one number for all; None counts
                all equally. Only the ratios matter.

        Raises:
            RecipeError: the recipe is invalid, or sets `decision.abstain`, which an array of classes cannot express; or
                the model or loss cannot weigh texts.
            DataError: X contains values other than texts, y does not have one label per text, or sample_weight not one
                finite number from 0, or all are 0.
            TextforgeError: training failed.
        """
        texts, targets = _texts(X), _Targets.of(y)
        if len(texts) != len(targets.labels):
            raise DataError(f"X has {len(texts)} texts, y has {len(targets.labels)} labels.")
        recipe = recipe_of(self.recipe, self.overrides, self.plugins)
        with located(recipe):
            if recipe.decision.abstain is not None:
                raise RecipeError("decision.abstain: predict returns a class for every text. Set it to null (None).")
            trainer = trainer_for(recipe, targets.dataset(texts, sample_weight))
            classifier = trainer.fit()
        self.classes_: NDArray[Any] = targets.classes
        self.classifier_: Classifier = classifier
        self.history_: list[EpochResult] = trainer.history
        self._columns, self._dtype = targets.columns, targets.dtype
        called = [part.component.name for part in recipe.callbacks]
        unused = [f"callbacks follow runs; fit calls none of them: {listed(called)}."] if called else []
        for sentence in dict.fromkeys([*recipe.warnings, *unused, *targets.warnings, *trainer.warnings]):
            warnings.warn(sentence, TextforgeWarning, stacklevel=2)
        return self

    def predict(self, X: Texts) -> NDArray[Any]:  # noqa: N803
        """The class of each text, shape (n,). If y was a matrix: 0 or 1 per label, shape (n, n_labels)."""
        probabilities = self._probabilities(X)
        chosen = self.classifier_.decision.chosen(probabilities)
        if self._columns is None:
            found: NDArray[Any] = self.classes_[chosen]
            return found
        return self._all_columns(chosen, self._dtype)

    def predict_proba(self, X: Texts) -> NDArray[np.float32]:  # noqa: N803
        """The probability of each class, float32 (n, n_classes), columns in the order of `classes_`."""
        probabilities = self._probabilities(X)
        return probabilities if self._columns is None else self._all_columns(probabilities, probabilities.dtype)

    def predict_log_proba(self, X: Texts) -> NDArray[np.float32]:  # noqa: N803
        """The natural logarithm of each class's probability, float32 (n, n_classes)."""
        found = self.classifier_.decision.log_probabilities(self._logits(X))
        return found if self._columns is None else self._all_columns(found, found.dtype, missing=-np.inf)

    def decision_function(self, X: Texts) -> NDArray[np.float32]:  # noqa: N803
        """How strongly the model prefers each class; `predict` takes the largest.

        With two classes, shape (n,): above 0 for the second class. With more, float32 (n, n_classes). If y was a
        matrix, (n, n_labels): 0 or more where the label is predicted.
        """
        decision, logits = self.classifier_.decision, self._logits(X)
        scaled = logits.astype(np.float64) / decision.temperature
        if self._columns is not None:
            found = scaled - _log_odds(np.asarray(decision.thresholds or 0.5))
            return self._all_columns(found.astype(np.float32), np.float32, missing=float(np.finfo(np.float32).min))
        if scaled.shape[1] == 2:
            threshold = 0.5 if decision.thresholds is None else decision.thresholds[1]
            scaled = scaled[:, 1] - scaled[:, 0] - _log_odds(np.asarray(threshold))
        return scaled.astype(np.float32)

    def score(self, X: Texts, y: Any, sample_weight: Any = None) -> float:  # noqa: N803
        """Accuracy, as `sklearn.metrics.accuracy_score`, which takes no members of an Enum."""
        check_is_fitted(self)
        if not isinstance(self.classes_[0], Enum):
            return float(super().score(X, y, sample_weight))
        right = [found == label for found, label in zip(self.predict(X), y, strict=True)]
        return float(np.average(right, weights=sample_weight))

    def save(self, path: str | Path) -> Path:
        """Save the classifier as a bundle, for `textforge.load` and `textforge predict`."""
        from textforge.classifiers.bundles.bundle import save

        check_is_fitted(self)
        return save(self.classifier_, path)

    def _probabilities(self, texts: Texts) -> NDArray[np.float32]:
        check_is_fitted(self)
        return self.classifier_.predict_proba(_texts(texts))

    def _logits(self, texts: Texts) -> NDArray[np.float32]:
        check_is_fitted(self)
        return self.classifier_.logits(_texts(texts))

    def _all_columns(self, found: NDArray[Any], dtype: Any, *, missing: float = 0) -> NDArray[Any]:
        """Insert columns of `missing` for the labels of y that have no training text."""
        filled = np.full((len(found), len(self.classes_)), missing, dtype)
        filled[:, self._columns] = found
        return filled

    # -- scikit-learn's protocol ---------------------------------------------------------------

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "classifier_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = tags.input_tags.one_d_array = tags.input_tags.two_d_array = True
        tags.classifier_tags.multi_label = True
        return tags


def _absolute(recipe: Any) -> Any:
    """A relative path as an absolute one of the same type; anything else unchanged."""
    if isinstance(recipe, (str, Path)) and not Path(recipe).is_absolute():
        return type(recipe)(Path(recipe).absolute())
    return recipe


def _log_odds(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.log(probabilities) - np.log1p(-probabilities)


# -- texts and labels ------------------------------------------------------------------------------


def _texts(texts: Any) -> list[str]:
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
class _Targets:
    """y converted to textforge's labels, with what `predict` needs to convert them back."""

    classes: NDArray[Any]
    names: list[Any]
    """The classes as labels. If y is a matrix, the names of those columns with at least one 1."""
    labels: list[Any]
    columns: NDArray[np.int64] | None
    """The columns of y that belong to `names`; None if y is not a matrix."""
    dtype: Any

    @classmethod
    def of(cls, y: Any) -> _Targets:
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
    def _single(cls, y: Any, found: NDArray[Any]) -> _Targets:
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
    def _members(cls, given: list[Any]) -> _Targets:
        from textforge.data import as_labels, sorted_labels

        labels = as_labels(given, "y")
        names = sorted_labels({*labels})
        classes = np.empty(len(names), dtype=object)
        classes[:] = names
        return cls(classes, names, labels, None, classes.dtype)

    @classmethod
    def _matrix(cls, y: Any, marked: NDArray[np.bool_], dtype: Any) -> _Targets:
        given = [str(name) for name in getattr(y, "columns", ())]  # column names of a DataFrame
        every = given if len(set(given)) == marked.shape[1] else [str(n) for n in range(marked.shape[1])]
        columns = np.flatnonzero(marked.any(axis=0))
        names = [every[n] for n in columns]
        labels = [[every[n] for n in np.flatnonzero(row)] for row in marked]
        return cls(np.arange(marked.shape[1]), names, labels, columns, dtype)

    def dataset(self, texts: list[str], weights: Any) -> Dataset:
        from textforge.data.dataset import Dataset

        if isinstance(weights, Real):
            weights = [weights] * len(texts)
        return Dataset(train=(texts, self.labels), label_names=self.names or None, weights=weights)

    @property
    def warnings(self) -> list[str]:
        """One warning that lists the columns of y without a 1."""
        empty = [] if self.columns is None else np.setdiff1d(self.classes, self.columns).tolist()
        return [f"these columns of y have no 1 and are never predicted: {listed(map(str, empty))}."] if empty else []
