"""Fit a vectorizer in several processes, each of which reads its share of the texts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from textforge.classifiers.vectorizing import Vectorized, given_facts, vectorized
from textforge.components.own_methods import own_method
from textforge.components.part import Part, part_name, plugin_errors
from textforge.data.dataset import Dataset
from textforge.data.offered import called_offering
from textforge.data.streams import Stream
from textforge.data.training_splits import TrainingSplits
from textforge.training.distributed.workers import Workers


class SharedVectorizer:
    """Fits a vectorizer and transforms texts, a share in each process.

    A vectorizer that has `count_chunks` and `merge` is fitted on the counts of all shares. Any other is fitted by the
    first process, and the others restore its state; one without a state is fitted by each of them.

    Args:
        vectorizer: has `fit` and `transform`; and `fit_chunks`, if the training texts are a stream.
        part: the vectorizer's part, if it has one.
        workers: the processes.
    """

    def __init__(self, vectorizer: Any, part: Part | None, workers: Workers) -> None:
        self._vectorizer, self._part, self._workers = vectorizer, part, workers
        self._who = part_name(part, "the vectorizer")
        self.remarks: list[str] = []
        """A sentence about a vectorizer that one process has fitted alone."""

    def vectorize(
        self,
        dataset: Dataset,
        splits: TrainingSplits,
        *,
        on_labels: Callable[[Sequence[Any]], None] | None = None,
        fit: bool = True,
    ) -> Vectorized:
        """Fit on the training texts only, and transform the splits in memory; as `vectorizing.vectorize`.

        Every process gets the features of all training texts, and of its share of the validation texts.

        Raises:
            ComponentError: the vectorizer raised, did not return features, or lacks a fact that its `gives` promises.
        """
        stream = dataset.train if isinstance(dataset.train, Stream) else None
        if fit and stream is not None:
            numbers = self._workers.share(stream.n_chunks)
            self._fit(lambda: dataset.train_chunks(on_labels, numbers), lambda: dataset.train_chunks(on_labels), None)
        train = None
        if splits.train is not None:
            texts, y, _ = splits.train
            own = [texts[row] for row in self._workers.share(len(texts))]
            if fit:
                self._fit(lambda: iter([own]), lambda: iter([texts]), y.copy())
            train = self._workers.gather_features(vectorized(self._vectorizer, own, self._who))
        shown = train if train is not None else vectorized(self._vectorizer, [""], self._who)
        valid = None
        if splits.valid is not None:
            texts = splits.valid.texts
            own = [texts[row] for row in self._workers.share(len(texts))]
            valid = vectorized(self._vectorizer, own, self._who)
        facts = {**given_facts(self._vectorizer, self._part), "n_features": shown.n_features}
        return Vectorized(train, valid, facts, self._vectorizer)

    def _fit(self, own: Callable[[], Iterable[Any]], everything: Callable[[], Iterable[Any]], targets: Any) -> None:
        """Fit on the chunks of all processes: by counts of each one's `own`, or alone on `everything`."""
        count, merge = (own_method(self._vectorizer, name) for name in ("count_chunks", "merge"))
        if count is not None and merge is not None:
            with plugin_errors(self._who, "counting a part of the training texts"):
                counted = dict(count(own()))
            counts = self._workers.gather(counted)
            with plugin_errors(self._who, "merging the counts of all parts"):
                merge(counts)
            return
        methods = [own_method(self._vectorizer, name) for name in ("state", "from_state")]
        if None in methods:
            self._fit_alone(everything, targets)
            return

        def state() -> dict[str, Any]:
            self._fit_alone(everything, targets)
            with plugin_errors(self._who, "giving its state"):
                return dict(self._vectorizer.state())

        found = self._workers.from_first(state)
        if not self._workers.first:
            with plugin_errors(self._who, "restoring its state"):
                self._vectorizer = self._vectorizer.from_state(found)
        self.remarks.append(
            f"{self._who} cannot be fitted in parts (it has no count_chunks and merge), so one process has fitted it "
            "on all texts while the others waited."
        )

    def _fit_alone(self, everything: Callable[[], Iterable[Any]], targets: Any) -> None:
        if targets is None:
            with plugin_errors(self._who, "being fitted chunk by chunk"):
                self._vectorizer.fit_chunks(everything())
            return
        (texts,) = everything()
        with plugin_errors(self._who, "being fitted"):
            called_offering(self._vectorizer.fit, texts, targets=targets)
