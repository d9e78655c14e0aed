"""`TextClassifier`, an estimator with the keys of a recipe as its parameters."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from enum import Enum
from functools import partial, update_wrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from textforge.components.manager import PluginManager
from textforge.errors import DataError, RecipeError, TextforgeError, listed
from textforge.recipes.parameters import changed, parameters, recipe_of
from textforge.recipes.recipe import Recipe
from textforge.runs.failures import located
from textforge.runs.plan import trainer_for
from textforge.sklearn.batches import (
    Batch,
    OptimizerState,
    batch_trainer,
    batch_warnings,
    keys_without_effect,
    why_not_in_batches,
)
from textforge.sklearn.tables import texts_with_columns
from textforge.sklearn.targets import Targets, Texts, as_list

if TYPE_CHECKING:
    from typing import Self

    from textforge.classifiers.classifier import Classifier
    from textforge.training.validation import EpochResult

    Method = TypeVar("Method", bound=Callable[..., Any])

    def _in_batches(method: Method) -> Method: ...

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


class TextforgeWarning(UserWarning):
    """A warning about the recipe, the data or the training, as a run reports it."""


class _NotInBatchesError(RecipeError, AttributeError):
    """The recipe cannot learn in batches; an AttributeError, so that `hasattr` is False."""


class _InBatches:
    """A method that an estimator has only if its recipe can learn in batches; the error says why it cannot."""

    def __init__(self, method: Callable[..., Any]) -> None:
        self._method = method
        update_wrapper(self, method)  # type: ignore[arg-type]

    def __get__(self, estimator: Any, owner: type | None = None) -> Any:
        if estimator is None:
            return self._method
        why = None
        with suppress(TextforgeError):  # a call reports what is wrong with the recipe
            why = why_not_in_batches(estimator._checked_recipe())
        if why is not None:
            raise _NotInBatchesError(why)
        return partial(self._method, estimator)


if not TYPE_CHECKING:
    _in_batches = _InBatches


class TextClassifier(_Estimator):
    """Text classifier that trains the model of a recipe on raw texts.

    Every key of the recipe is a parameter: `set_params(model="mlp", model__hidden=[200], optimizer__lr=0.1,
    trainer__epochs=3, seed=1)`. They are stored in `overrides`. `set_params` validates names, `fit` validates values.
    Setting a part resets its options, as in a recipe; new options may be set in the same call.

    X is a sequence of str: a list, tuple, array or column, or a table of one column, shape (n, 1). If the recipe's
    vectorizer reads columns, X is a table of pandas, polars or Arrow with the column `text` and these columns.
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
                params |= parameters(self._checked_recipe())
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
        recipe, targets = self._checked_recipe(), Targets.of(y)
        dataset = targets.dataset(texts_with_columns(X, recipe), sample_weight)
        with located(recipe):
            _refuse_abstention(recipe)
            trainer = trainer_for(recipe, dataset)
            classifier = trainer.fit()
        self._take(targets, classifier)
        self.history_: list[EpochResult] = trainer.history
        self._optimizer: OptimizerState | None = None
        called = [part.component.name for part in recipe.callbacks]
        unused = [f"callbacks follow runs; fit calls none of them: {listed(called)}."] if called else []
        _warn([*recipe.warnings, *unused, *targets.warnings, *trainer.warnings])
        return self

    @_in_batches
    def partial_fit(
        self,
        X: Texts,  # noqa: N803
        y: Any,
        classes: Any = None,
        sample_weight: Any = None,
    ) -> Self:
        """Learn from a batch of texts, on top of what earlier calls and `fit` have taught.

        A call is one epoch over the batch, in batches of `trainer.batch_size`. The state of the optimizer is kept
        from call to call; after `fit`, it begins anew. The vocabulary grows by the new words of each batch if the
        vectorizer can grow; any other stays as the first batch made it. The recipe's scheduler, validation split and
        averaged weights plan a whole training, so they are not used.

        There is no such method (`hasattr` is False) if the model fits itself, or if the decision needs validation
        texts. A call that fails changes nothing.

        Args:
            X: the texts.
            y: their labels; a batch need not have all of them.
            classes: all labels, needed in the first call unless `fit` came before; for a matrix y, the numbers of its
                columns.
            sample_weight: as for `fit`.

        Raises:
            RecipeError: as `fit`; or the vectorizer was changed between two calls.
            DataError: as `fit`; or the first call does not name `classes`, y has a label that it lacks, or a later call
                names others.
            TextforgeError: training failed.
        """
        recipe, first = self._checked_recipe(), not self.__sklearn_is_fitted__()
        texts, targets = texts_with_columns(X, recipe), Targets.of(y)
        if first:
            known = Targets.declared(classes, y)
        else:
            known = Targets(self.classes_, [*self.classifier_.labels], [], self._columns, self._dtype)
            if classes is not None and not known.same_classes(classes):
                raise DataError(
                    f"classes: the first call named {listed(map(repr, self.classes_.tolist()))}. Name the same, or "
                    "leave classes out; clone(…) or fit begin anew."
                )
        given = targets.within(known)
        history = [] if first else self.history_
        batch = Batch(given.dataset(texts, sample_weight, complete=False), known.names, len(history))
        with located(recipe):
            _refuse_abstention(recipe)
            before = (None, None) if first else (self.classifier_, self._optimizer)
            trainer = batch_trainer(recipe, batch, *before)
            classifier = trainer.fit()
        self._take(given, classifier)
        self._optimizer = OptimizerState.of(trainer, recipe)
        self.history_ = [*history, replace(trainer.history[0], number=len(history) + 1)]
        _warn([*(keys_without_effect(recipe) if first else []), *batch_warnings(trainer)])
        return self

    def _checked_recipe(self) -> Recipe:
        return recipe_of(self.recipe, self.overrides, self.plugins)

    def _take(self, targets: Targets, classifier: Classifier) -> None:
        self.classes_: NDArray[Any] = targets.classes
        self.classifier_: Classifier = classifier
        self._columns, self._dtype = targets.columns, targets.dtype

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
        return self.classifier_.predict_proba(self._texts(texts))

    def _logits(self, texts: Texts) -> NDArray[np.float32]:
        check_is_fitted(self)
        return self.classifier_.logits(self._texts(texts))

    def _texts(self, texts: Texts) -> list[str]:
        classifier = self.classifier_
        return classifier.rows(texts) if classifier.columns else as_list(texts)

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


def _refuse_abstention(recipe: Recipe) -> None:
    if recipe.decision.abstain is not None:
        raise RecipeError("decision.abstain: predict returns a class for every text. Set it to null (None).")


def _warn(sentences: Iterable[str]) -> None:
    """Issue each warning once, as of the caller of a method that calls this."""
    for sentence in dict.fromkeys(sentences):
        warnings.warn(sentence, TextforgeWarning, stacklevel=3)


def _log_odds(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.log(probabilities) - np.log1p(-probabilities)
