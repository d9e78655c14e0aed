"""What a trainer shows while it trains: what is trained, how far it is, what to warn about."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray
from torch import nn
from torch.optim import Optimizer

from textforge.classifiers.metrics import ExtraMetrics
from textforge.classifiers.random_state import RandomState
from textforge.components.part import Part, why_unsavable
from textforge.data.dataset import Dataset
from textforge.data.streams import Stream
from textforge.errors import RecipeError, listed
from textforge.training.batch_sources import require_in_memory
from textforge.training.epochs import Epochs
from textforge.training.gradient_mode import recording_gradients
from textforge.training.optimization import Optimization
from textforge.training.preparation import Prepared, Setup, prepare
from textforge.training.start import Matched
from textforge.training.steering import OnStep, Steering
from textforge.training.validation import EpochResult


class Progressing:
    """A training that is prepared when something of it is first asked for; the base of `Trainer`."""

    dataset: Dataset
    parts: dict[str, Part]
    vectorizer: Any
    """The trainer's own vectorizer, fitted by `prepare`."""
    fits_itself: bool
    _setup: Setup
    _steering: Steering
    _random: RandomState
    _on_step: OnStep | None
    _prepared: Prepared | None
    _epochs: Epochs | None
    _repeatable: bool
    _doubts: list[str]

    def __repr__(self) -> str:
        """What is trained and how far it is; nothing is prepared for it."""
        done = 0 if self._epochs is None else len(self._epochs.history)
        best = None if self._epochs is None else self._epochs.best
        found = [f"{done} of {self._steering.epochs} epochs"]
        if best is not None and best.valid is not None:
            monitor = self._setup.validation.monitor
            found.append(f"best {best.number} with {monitor.replace('_', ' ')} {best.valid[monitor]:.4g}")
        model = self.parts["model"].label if "model" in self.parts else "a model"
        vectorizer = self.parts["vectorizer"].label if "vectorizer" in self.parts else type(self.vectorizer).__name__
        train = self.dataset.train
        texts = repr(train) if isinstance(train, Stream) else f"{len(train[0]):,} texts"  # a stream is not read for it
        return f"<Trainer of {model} on {vectorizer}, {texts}: {', '.join(found)}>"

    def _started(self) -> Epochs:
        """Prepare if that is not done, and go back from an epoch that was interrupted within a step."""
        if self._epochs is None:
            with recording_gradients():
                self._prepared = prepare(self._setup, self.vectorizer)
                self.vectorizer = self._prepared.vectorizer
                self._epochs = Epochs(self._setup, self._prepared, self._random, self._steering, self._on_step)
                self._epochs.repeatable = self._repeatable
        with recording_gradients():
            self._epochs.settle()
        return self._epochs

    def _data(self) -> Prepared:
        self._started()
        assert self._prepared is not None
        return self._prepared

    # -- what is trained -------------------------------------------------------------------------

    @property
    def module(self) -> nn.Module:
        """The module in training, with the weights of the last step."""
        return self._started().module

    @property
    def optimizer(self) -> Optimizer | None:
        """The optimizer; None for a model that fits itself."""
        optimization = self._started().optimization
        return optimization.optimizer if optimization else None

    @property
    def scheduler(self) -> Any:
        """The learning-rate scheduler; None without one."""
        optimization = self._started().optimization
        return optimization.scheduler if optimization else None

    @property
    def learning_rate(self) -> float:
        """The learning rate of the first group of parameters.

        Setting it scales the rates of all groups in proportion, from the next step on.

        Raises:
            RecipeError: the model fits itself; or, when it is set, a scheduler would replace it, or it is no number of
                at least 0.
        """
        return self._optimization().learning_rate

    @learning_rate.setter
    def learning_rate(self, rate: float) -> None:
        self._optimization().learning_rate = rate

    def _optimization(self) -> Optimization:
        optimization = self._started().optimization
        if optimization is None:
            raise RecipeError("learning_rate: a model that fits itself has none.")
        return optimization

    @property
    def facts(self) -> dict[str, Any]:
        """The facts that the model is built from."""
        return dict(self._data().facts)

    @property
    def metrics(self) -> ExtraMetrics:
        """The metrics in addition to the standard ones."""
        return self._setup.validation.metrics

    @property
    def train_labels(self) -> NDArray[Any]:
        """Encoded labels of the training texts, without those held out for validation.

        Class indices, int64 (n,), or 0 and 1 per class, float32 (n, n_classes).

        Raises:
            RecipeError: the training split is a stream, whose labels are not kept.
        """
        return require_in_memory(self._data().source, "to tell every label").y.copy()

    @property
    def n_train(self) -> int:
        """The number of training texts, without those held out for validation."""
        return self._data().source.n_texts

    @property
    def n_parameters(self) -> int:
        """The number of the module's weights that are parameters."""
        module = self.module
        with self._setup.factories.calling("model", "giving its parameters"):
            return sum(parameter.numel() for parameter in module.parameters())

    @property
    def n_bytes(self) -> int:
        """The size of the module's weights, in bytes."""
        module = self.module
        with self._setup.factories.calling("model", "giving its weights"):
            return sum(int(getattr(value, "nbytes", 0)) for value in module.state_dict().values())

    @property
    def matched(self) -> Matched | None:
        """What was taken over from the classifier that the training continues; None without one."""
        return self._started().matched

    @property
    def unsavable(self) -> str | None:
        """Why the classifier will not be savable as a bundle, known before training; None if it will be."""
        return why_unsavable(self.parts)

    @property
    def no_state(self) -> str | None:
        """Why `state_dict` cannot give a state to continue from, known before training; None if it can."""
        optimization = self._started().optimization
        return None if optimization is None else optimization.no_state

    # -- how far it is ---------------------------------------------------------------------------

    @property
    def history(self) -> list[EpochResult]:
        """The results of all epochs so far."""
        return [] if self._epochs is None else [result.copy() for result in self._epochs.history]

    @property
    def best(self) -> EpochResult | None:
        """The best epoch by the monitored metric; None without a validation split."""
        best = None if self._epochs is None else self._epochs.best
        return None if best is None else best.copy()

    @property
    def epochs(self) -> int:
        """The maximum number of epochs."""
        return self._steering.epochs

    @property
    def steps(self) -> int:
        """The number of batches per epoch."""
        return 1 if self.fits_itself else self._data().budget.steps

    @property
    def finished(self) -> bool:
        """Whether all planned epochs are done, `patience` has run out, or a stop was asked for."""
        return self._steering.finished(*self._done_and_best())

    @property
    def stop_reason(self) -> str | None:
        """Why training ends before all planned epochs are done; None if nothing ends it early."""
        return self._steering.reason(*self._done_and_best())

    def _done_and_best(self) -> tuple[int, int | None]:
        epochs = self._epochs
        return (0, None) if epochs is None else (len(epochs.history), epochs.best.number if epochs.best else None)

    @property
    def repeatable(self) -> bool:
        """Whether training can go on after an exception within a step, such as an interrupt; by default True.

        Each epoch then begins with a copy of the weights and of the optimizer's state. To save that memory, set it to
        False before an epoch.
        """
        return self._repeatable

    @repeatable.setter
    def repeatable(self, on: bool) -> None:
        self._repeatable = bool(on)
        if self._epochs is not None:
            self._epochs.repeatable = self._repeatable

    # -- warnings --------------------------------------------------------------------------------

    @property
    def warnings(self) -> list[str]:
        """All warnings: `Dataset.remarks`, held-out data, `setting_warnings` and `part_warnings`."""
        if self._prepared is None:
            return []
        return [
            *self.dataset.remarks(), *self._prepared.held_out, *self.setting_warnings, *self.part_warnings,
        ]  # fmt: skip

    @property
    def setting_warnings(self) -> list[str]:
        """Warnings, once prepared, about settings that harm training on these texts."""
        return [*self.feature_warnings, *self._prepared.warnings] if self._prepared else []

    @property
    def feature_warnings(self) -> list[str]:
        """Those of the `setting_warnings`, once prepared, that are about training texts without a feature."""
        return [*self._prepared.feature_warnings] if self._prepared else []

    @property
    def part_warnings(self) -> list[str]:
        """Warnings of vectorizer, model, weights drawn anew, unknown labels, undefined metrics, last decision."""
        sentences = [*self._setup.validation.warnings, *self._doubts]
        if self._prepared is None or self._epochs is None:
            return sentences
        own = []
        for kind, one in (("vectorizer", self.vectorizer), ("model", self._epochs.module)):
            with self._setup.factories.calling(kind, "giving its warnings"):
                own += [str(sentence) for sentence in getattr(one, "warnings", ())]
        unknown = self._prepared.valid_gold.warnings if self._prepared.valid_gold else ()
        matched = self._epochs.matched
        if matched is not None and matched.initialized:
            own.append(
                "the classifier to continue lacks these weights, or has them in another shape, so they are drawn anew: "
                f"{listed(matched.initialized)}."
            )
        return [*own, *unknown, *sentences]
