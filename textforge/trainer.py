"""The training loop: a generator that yields one result an epoch.

Knows nothing of YAML, entry points, files or the command line: that is what makes it embeddable.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from textforge.classifier import Classifier, as_device, forward, given_facts, logits, vectorized
from textforge.components import Part, blame, part_name
from textforge.data import Dataset, as_dataset, split_for_training
from textforge.errors import ComponentError, DataError, Mistake, RecipeError, TrainingError
from textforge.features import Features, as_features, batches
from textforge.metrics import classification_metrics
from textforge.options import Options, call_with_facts
from textforge.rng import RandomState, checked_seed
from textforge.settings import TrainerSettings

Factory = Callable[..., Any]


@dataclass(frozen=True)
class EpochResult:
    """What one epoch came to: plain data."""

    number: int
    """From 1."""
    train_loss: float
    """Mean loss over the texts of the epoch, as it was while training."""
    valid: dict[str, float] | None
    """loss, accuracy and macro_f1 on the validation split, or None where there is none."""
    best: bool
    """Whether this is the best epoch so far, by the monitored validation metric."""
    steps: int
    seconds: float


class Trainer:
    """Trains one classifier. Iterate over it, or call `fit()`.

    Args:
        dataset: a `Dataset`, or a dataset `Part`.
        vectorizer: an object with `fit(texts)` and `transform(texts)`, or a vectorizer `Part`; it is
            fitted on the training texts only.
        model: a factory that takes facts by name (n_features, n_classes, seed, …) and returns a
            `torch.nn.Module`, or a model `Part`.
        optimizer: a factory that takes the fact params and returns a `torch.optim.Optimizer`, or an
            optimizer `Part`.
        seed: what every random draw follows from; torch's and the caller's random states stay untouched.
        on_step: called after each step with (epoch, step, steps), both from 1.
        settings: the fields of `TrainerSettings`.

    Raises:
        RecipeError: a setting is unknown or out of range.
        DataError: the data cannot be trained on.
        TrainingError: the loss is no longer a finite number.
        ComponentError: a component raised or broke its contract.
    """

    def __init__(
        self,
        dataset: Dataset | Part,
        vectorizer: Any,
        model: Factory | Part,
        optimizer: Factory | Part,
        *,
        seed: int = 0,
        on_step: Callable[[int, int, int], None] | None = None,
        **settings: Any,
    ) -> None:
        checked, mistakes = Options(TrainerSettings, "trainer").check(settings)
        if mistakes:
            raise RecipeError([Mistake(message) for _, message in mistakes])
        self.settings = TrainerSettings(**checked)
        self.seed = checked_seed(seed)
        self.device = as_device(self.settings.device)
        given = {"vectorizer": vectorizer, "model": model, "optimizer": optimizer}
        self.parts = {kind: part for kind, part in given.items() if isinstance(part, Part)}
        self._who = {kind: part_name(self.parts.get(kind), f"the {kind}") for kind in given}
        self.dataset = as_dataset(dataset, self.seed)
        self.labels = self.dataset.labels()
        self.vectorizer = vectorizer.build({"seed": self.seed}) if isinstance(vectorizer, Part) else vectorizer
        self.history: list[EpochResult] = []
        self._factories = (model, optimizer)
        self._on_step = on_step
        self._random = RandomState(self.seed, self.device)
        self._prepared = False
        self._best: EpochResult | None = None
        self._best_weights: dict[str, Any] | None = None

    # -- the way through -----------------------------------------------------------------------

    def prepare(self) -> None:
        """Split, fit the vectorizer on train, make features, build model and optimizer. Once."""
        if not self._prepared:
            with _recording_gradients():
                self._prepare()
            self._prepared = True

    def _prepare(self) -> None:
        splits = split_for_training(self.dataset, self.labels, self.settings, self.seed)
        texts, y = splits["train"]
        self._y_valid = splits["valid"][1] if "valid" in splits else None
        self._y = torch.from_numpy(y).to(self.device)
        self._weights = self._class_weights(y)
        who = self._who["vectorizer"]
        with blame(who, "being fitted"):
            fitted = _fit_transform(self.vectorizer, texts)
            self._features = {"train": as_features(fitted, len(y), who)}
        if "valid" in splits:
            self._features["valid"] = vectorized(self.vectorizer, splits["valid"][0], who)
        if self._steps() == 0:
            raise DataError(
                f"{len(y)} training texts make no full batch of {self.settings.batch_size}, and drop_last "
                "leaves out the rest. Make trainer.batch_size smaller or trainer.drop_last false."
            )
        self._build(self._features["train"])

    def __iter__(self) -> Iterator[EpochResult]:
        """Train epoch by epoch. Iterating again goes on where the last one stopped."""
        self.prepare()
        while not self.finished:
            with _recording_gradients():
                result = self._epoch(len(self.history) + 1)
            yield result

    def fit(self) -> Classifier:
        """Train to the end."""
        for _ in self:
            pass
        return self.classifier()

    def classifier(self) -> Classifier:
        """The classifier as it stands now: a copy, which later epochs do not change.

        Where there is a validation split and `restore_best` is on, it has the best epoch's weights.
        """
        self.prepare()
        with _recording_gradients():
            module = self._copied_module()
            if self._best_weights is not None:
                module.load_state_dict(self._best_weights)
        parts = {kind: part for kind, part in self.parts.items() if kind != "optimizer"}
        return Classifier(self.vectorizer, module, self.labels, facts=self.facts, parts=parts, device=self.device)

    def _copied_module(self) -> nn.Module:
        try:
            return copy.deepcopy(self.module)
        except RuntimeError:  # torch copies no tensor that was computed, such as an activation that a module keeps
            with RandomState(0, self.device).active():  # the weights drawn are replaced
                module: nn.Module = _made(self._factories[0], self.facts, self._who["model"]).to(self.device)
            if module is self.module:
                raise ComponentError(
                    f"{self._who['model']} cannot be copied: it keeps a computed tensor, and its factory returned it a "
                    "second time. Let the factory make a new module at each call."
                ) from None
            module.load_state_dict(self.module.state_dict())
            return module

    @property
    def train_labels(self) -> NDArray[np.int64]:
        """Class numbers of the texts trained on, those held out for validation not among them."""
        self.prepare()
        labels: NDArray[np.int64] = self._y.cpu().numpy()
        return labels

    @property
    def steps(self) -> int:
        """Steps in one epoch."""
        self.prepare()
        return self._steps()

    def _steps(self) -> int:
        rows, size = len(self._features["train"]), self.settings.batch_size
        return rows // size if self.settings.drop_last else -(-rows // size)

    @property
    def best(self) -> EpochResult | None:
        """The best epoch by the monitored metric, or None without a validation split."""
        return self._best

    @property
    def finished(self) -> bool:
        """Whether all epochs are done, or `patience` has run out."""
        done, patience = len(self.history), self.settings.patience
        waited = done - self._best.number if self._best else 0
        return done >= self.settings.epochs or (patience is not None and waited >= patience)

    # -- steps on the way ----------------------------------------------------------------------

    def _class_weights(self, y: NDArray[np.int64]) -> torch.Tensor | None:
        wanted = self.settings.class_weights
        if wanted is None:
            return None
        if wanted == "balanced":  # King & Zeng 2001; as scikit-learn's class_weight="balanced"
            weights = len(y) / (len(self.labels) * np.bincount(y, minlength=len(self.labels)))
        else:
            if set(wanted) != set(self.labels):
                raise RecipeError(
                    f"trainer.class_weights must name each class once: {', '.join(self.labels)}; "
                    f"it names {', '.join(wanted) or 'none'}."
                )
            weights = np.array([wanted[label] for label in self.labels])
        return torch.as_tensor(weights, dtype=torch.float32, device=self.device)

    def _build(self, features: Features) -> None:
        model, optimizer = self._factories
        given = given_facts(self.vectorizer, self.parts.get("vectorizer"))
        self.facts = {
            **given, "n_features": features.n_features, "n_classes": len(self.labels), "seed": self.seed
        }  # fmt: skip
        with self._random.active():
            module = _made(model, self.facts, self._who["model"])
            if not isinstance(module, nn.Module):
                raise ComponentError(f"{self._who['model']} returned a {type(module).__name__}, not a torch.nn.Module.")
            self.module = module.to(self.device).train()
            self.optimizer = _made(optimizer, {"params": list(module.parameters())}, self._who["optimizer"])
        if not isinstance(self.optimizer, torch.optim.Optimizer):
            raise ComponentError(
                f"{self._who['optimizer']} returned a {type(self.optimizer).__name__}, not a torch.optim.Optimizer."
            )

    def _epoch(self, number: int) -> EpochResult:
        began = time.perf_counter()
        rows = len(self._features["train"])
        order = np.random.default_rng([self.seed, number]).permutation(rows) if self.settings.shuffle else None
        losses: list[torch.Tensor] = []
        steps = self._steps()
        seen = 0.0
        total = torch.zeros((), dtype=torch.float64, device=self.device)
        check_every = 1 if self.device.type == "cpu" else 50  # looking at a loss waits for the GPU
        for batch, row_numbers in batches(
            self._features["train"], self.settings.batch_size, order, drop_last=self.settings.drop_last
        ):
            loss = self._step(batch.to(self.device), self._targets(row_numbers))
            losses.append(loss)
            total += loss.double() * len(row_numbers)
            seen += len(row_numbers)
            if len(losses) % check_every == 0 or len(losses) == steps:
                self._check_finite(losses, number, check_every)
            if self._on_step is not None:
                self._on_step(number, len(losses), steps)
        valid = self._validate(number)
        best = valid is not None and self._is_best(valid)
        seconds = time.perf_counter() - began
        result = EpochResult(number, float(total) / seen, valid, best, len(losses), seconds)
        if best:
            self._best = result
            if self.settings.restore_best:
                self._best_weights = copy.deepcopy(self.module.state_dict())
        self.history.append(result)
        return result

    def _targets(self, rows: NDArray[np.int64]) -> torch.Tensor:
        if self.settings.shuffle:
            return self._y[torch.from_numpy(rows)]
        return self._y[int(rows[0]) : int(rows[-1]) + 1]

    def _step(self, batch: Any, targets: torch.Tensor) -> torch.Tensor:
        """Forward, backward, update; the detached loss."""
        who = self._who["model"]
        with self._random.active():
            self.optimizer.zero_grad(set_to_none=True)
            scores = forward(self.module, batch, len(self.labels), who)
            if not scores.requires_grad:
                raise ComponentError(f"{who} returned logits without a gradient: it has nothing to train.")
            loss = nn.functional.cross_entropy(
                scores, targets, weight=self._weights, label_smoothing=self.settings.label_smoothing
            )
            with blame(who, "computing gradients"):
                loss.backward()  # type: ignore[no-untyped-call]
                if self.settings.clip_norm is not None:
                    nn.utils.clip_grad_norm_(self.module.parameters(), self.settings.clip_norm)
            with blame(self._who["optimizer"], "taking a step"):
                self.optimizer.step()
        return loss.detach()

    def _check_finite(self, losses: list[torch.Tensor], epoch: int, since: int) -> None:
        recent = torch.stack(losses[-since:])
        finite = torch.isfinite(recent)
        if bool(finite.all()):
            return
        first = int((~finite).nonzero()[0])
        step = len(losses) - len(recent) + first + 1
        where = f"epoch {epoch}, step {step} of {self.steps}"
        raise TrainingError(f"the loss became {float(recent[first])} in {where}.{self._what_to_try()}")

    def _what_to_try(self) -> str:
        rates = {float(group["lr"]) for group in self.optimizer.param_groups if "lr" in group}
        now = f" (now {', '.join(f'{rate:g}' for rate in sorted(rates))})" if rates else ""
        return f" Try a smaller learning rate{now}, or bound the gradients with trainer.clip_norm: 1.0."

    def _validate(self, epoch: int) -> dict[str, float] | None:
        if self._y_valid is None:
            return None
        who = self._who["model"]
        with self._random.active():
            scores = torch.cat(
                list(logits(self.module, self._features["valid"], len(self.labels), self.device, 512, who))
            )
        gold = torch.from_numpy(self._y_valid).to(self.device)
        loss = float(nn.functional.cross_entropy(scores, gold))
        if not math.isfinite(loss):
            raise TrainingError(f"the validation loss became {loss} in epoch {epoch}.{self._what_to_try()}")
        predicted = scores.argmax(dim=1).cpu().numpy()
        figures = classification_metrics(self._y_valid, predicted, self.labels)
        return {"loss": loss, "accuracy": figures["accuracy"], "macro_f1": figures["macro_f1"]}

    def _is_best(self, valid: dict[str, float]) -> bool:
        if self._best is None or self._best.valid is None:
            return True
        monitor = self.settings.monitor
        new, old = valid[monitor], self._best.valid[monitor]
        return new < old if monitor == "loss" else new > old


@contextmanager
def _recording_gradients() -> Iterator[None]:
    """The caller may have turned gradients off; tensors made in inference mode could not be trained with."""
    with torch.inference_mode(False), torch.enable_grad():
        yield


def _fit_transform(vectorizer: Any, texts: list[str]) -> Any:
    """Fit on texts and transform them, in one pass where the vectorizer can."""
    if hasattr(vectorizer, "fit_transform"):
        return vectorizer.fit_transform(texts)
    vectorizer.fit(texts)
    return vectorizer.transform(texts)


def _made(factory: Factory | Part, facts: Mapping[str, Any], who: str) -> Any:
    if isinstance(factory, Part):
        return factory.build(facts)
    with blame(who, "being called"):
        return call_with_facts(factory, facts)
