"""The training step: forward pass, loss, gradients, update, learning rate, weight averaging."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from itertools import islice
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from textforge.classifiers.classifier import forward
from textforge.classifiers.ownership import copied_state
from textforge.classifiers.random_state import RandomState
from textforge.components.part import plugin_errors
from textforge.data.offered import takes
from textforge.errors import ComponentError, RecipeError, TrainingError
from textforge.features.ragged import Batch
from textforge.training.averaging import AveragedWeights
from textforge.training.batch_sources import Targets
from textforge.training.budget import Budget
from textforge.training.factories import Factories, Loss
from textforge.training.state import EpochProgress, gradients_of, load_gradients
from textforge.training.step_result import StepResult
from textforge.training.weighted_loss import WeightedLoss


def plain_loss(scores: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor | None = None) -> torch.Tensor:
    """Mean cross-entropy, or mean binary cross-entropy if targets are multi-label, shape (n, n_classes).

    With weights, shape (n,), it is the mean over texts of each text's loss times its weight.
    """
    several = targets.ndim == 2
    loss = functional.binary_cross_entropy_with_logits if several else functional.cross_entropy
    if weights is None:
        return loss(scores, targets)
    each = loss(scores, targets, reduction="none")
    return ((each.mean(dim=1) if several else each) * weights).mean()


@contextmanager
def recording_gradients() -> Iterator[None]:
    """Enable gradients and disable inference mode, whatever the caller has set.

    Tensors created in inference mode cannot be used for training.
    """
    with torch.inference_mode(False), torch.enable_grad():
        yield


class Optimization:
    """Changes the weights of a module: its optimizer, scheduler, loss and averaged weights.

    Args:
        module: the module, in training mode and on its device.
        factories: build optimizer and, if given, scheduler and loss.
        facts: see `Factories.update_rule`.
        budget: the length of the training; of its settings, clip_norm, precision and ema are used here.

    Raises:
        RecipeError: clip_norm is set, and the optimizer has sparse gradients; or texts have weights, and the loss
            cannot weigh them.
        ComponentError: a factory returned another type, or the module has no parameters.
    """

    def __init__(self, module: nn.Module, factories: Factories, facts: Mapping[str, Any], budget: Budget) -> None:
        settings = budget.settings
        if factories.sparse_gradients:
            if settings.clip_norm is not None:
                who = factories.name("optimizer")
                raise RecipeError(f"trainer.clip_norm: {who} has sparse gradients, which have no norm.")
            for layer in module.modules():
                if hasattr(layer, "sparse"):
                    layer.sparse = True  # type: ignore[assignment]
        rule = factories.update_rule(module, facts, budget)
        self.optimizer: torch.optim.Optimizer = rule.optimizer
        self.scheduler: Any = rule.scheduler
        self.loss: Loss | None = rule.loss
        self._weighted: WeightedLoss | None = None
        self._loss_takes_epoch = rule.loss is not None and takes(rule.loss, "epoch", after=2)
        self._offered: dict[str, int] = {}
        """The optional arguments of the loss."""
        if facts["weighted"] and rule.loss is not None:
            device = next(module.parameters()).device
            self._weighted = WeightedLoss.of(rule.loss, facts, factories, device)
        self.needs_validation: bool = rule.follows_metric
        """Whether the scheduler needs the monitored validation metric."""
        self.module: nn.Module = module
        self._factories, self._settings, self._budget = factories, settings, budget
        self._n_classes, self._updates, self._last_update = facts["n_classes"], 0, budget.updates
        self.averaged: AveragedWeights | None = (
            AveragedWeights(module, settings.ema, factories.name("model")) if settings.ema is not None else None
        )
        self._fresh = True
        """Whether no gradients are summed up for an update to come."""
        self._norm: torch.Tensor | None = None

    def epoch(
        self,
        progress: EpochProgress,
        batches: Iterable[tuple[Batch, Targets]],
        random: RandomState,
        after_step: Callable[[StepResult], bool],
    ) -> float:
        """Train for one epoch, or for the rest of it, and return the mean training loss.

        Each text's loss is taken when it was trained on.

        Args:
            progress: what is done of the epoch; grows with each step.
            batches: pairs of features and targets of the whole epoch, with targets on the module's device; all but
                the last are full.
            random: the random state that torch draws from.
            after_step: called after each batch; returns whether to end the epoch once no update is half done.

        Raises:
            TrainingError: the loss is not finite.
        """
        with self._factories.calling("model", "giving its parameters"):
            device = next(self.module.parameters()).device
        size, every = self._settings.batch_size, self._settings.accumulate
        steps, used = self._budget.steps, self._budget.texts_per_epoch
        check_every = 1 if device.type == "cpu" else 50  # reading a loss synchronizes with the GPU
        recent: deque[torch.Tensor] = deque(maxlen=check_every)
        ends = False
        self._offered = {"epoch": progress.number} if self._loss_takes_epoch else {}
        for batch, gold in islice(batches, progress.step, None):
            step = progress.step + 1
            first = (step - 1) // every * every * size  # index of this update's first text
            share = len(gold) / (min(first + every * size, used) - first)
            rate = self.learning_rate
            with random.active():
                loss = self._batch(batch.to(device), gold, share, update=step % every == 0 or step == steps)
            recent.append(loss)
            progress.add(loss, len(gold))
            if step % check_every == 0 or step == steps:
                self._refuse_infinite(list(recent), step, f"epoch {progress.number}", steps)
            ends |= after_step(StepResult(progress.number, step, steps, rate, loss, self._norm))
            if ends and self._fresh:
                self._refuse_infinite(list(recent), step, f"epoch {progress.number}", steps)
                break
        return progress.mean_loss()

    def _refuse_infinite(self, recent: list[torch.Tensor], step: int, epoch: str, steps: int) -> None:
        values = torch.stack(recent)
        finite = torch.isfinite(values)
        if not bool(finite.all()):
            first = int((~finite).nonzero()[0])
            where = f"{epoch}, step {step - len(recent) + first + 1} of {steps}"
            raise TrainingError(f"the loss became {float(values[first])} in {where}.{self.what_to_try()}")

    def what_to_try(self) -> str:
        """Advice for a loss that is not finite."""
        rates = {float(group["lr"]) for group in self.optimizer.param_groups if "lr" in group}
        now = f" (now {', '.join(f'{rate:g}' for rate in sorted(rates))})" if rates else ""
        return f" Try a smaller learning rate{now}, or bound the gradients with trainer.clip_norm: 1.0."

    def _batch(self, batch: Batch, targets: Targets, share: float, *, update: bool) -> torch.Tensor:
        """Accumulate a batch's gradients, update the weights if `update`, and return the batch's loss.

        Gradients are weighted by `share`, the batch's share of the update's texts.
        """
        who, self._norm = self._factories.name("model"), None
        if self._fresh:
            with self._factories.calling("optimizer", "setting gradients to zero"):
                self.optimizer.zero_grad(set_to_none=True)
        with self._precision(targets.gold.device):
            scores = forward(self.module, batch, self._n_classes, who)
        if not scores.requires_grad:
            raise ComponentError(f"{who} returned logits without a gradient: it has nothing to train.")
        loss = self._loss(scores, targets)
        with plugin_errors(who, "computing gradients"):
            (loss if share == 1 else loss * share).backward()  # type: ignore[no-untyped-call]
        self._fresh = update
        if update:
            self._update()
        return loss.detach()

    @property
    def scheduled(self) -> bool:
        """Whether the scheduler sets the learning rate after the next update."""
        return self.scheduler is not None and not self.needs_validation and self._updates < self._last_update

    @property
    def learning_rate(self) -> float:
        """The learning rate of the first group of parameters."""
        return float(self.optimizer.param_groups[0]["lr"])

    @learning_rate.setter
    def learning_rate(self, rate: float) -> None:
        if self.scheduled:
            raise RecipeError(
                f"learning_rate: {self._factories.name('scheduler')} sets the learning rate until update "
                f"{self._last_update}, {self._last_update - self._updates} from now. Leave the scheduler out."
            )
        if isinstance(rate, bool) or not isinstance(rate, (int, float)) or not 0 <= rate < math.inf:
            raise RecipeError(f"learning_rate must be a number of at least 0, not {rate!r}.")
        before = self.learning_rate
        for group in self.optimizer.param_groups:
            ratio = float(group["lr"]) / before if before else 1.0  # groups keep their proportions
            if isinstance(group["lr"], torch.Tensor):
                group["lr"].fill_(rate * ratio)
            else:
                group["lr"] = rate * ratio

    @property
    def no_state(self) -> str | None:
        """Why there is no complete state, as a sentence; None if every component can give its own."""
        if self.scheduler is None or callable(getattr(self.scheduler, "state_dict", None)):
            return None
        return self._without("state_dict")

    def state(self) -> dict[str, Any]:
        """A copy of everything that later steps depend on, in torch's forms.

        Raises:
            ComponentError: the scheduler has no `state_dict`.
        """
        if self.scheduler is not None:
            self._scheduler("state_dict")
        with self._factories.calling("model", "giving its gradients"):
            gradients = {} if self._fresh else gradients_of(self.module)
        states: dict[str, Any] = {"scheduler": None, "loss": None}
        for kind, one in self._stateful().items():
            with self._factories.calling(kind, "giving its state"):
                states[kind] = copied_state(one.state_dict())
        return {
            "module": states.pop("model"),
            **states,
            "averaged": None if self.averaged is None else self.averaged.state(),
            "gradients": gradients,
            "updates": self._updates,
        }

    def _stateful(self) -> dict[str, Any]:
        """The components with a state by their kinds, in the order in which they take it."""
        found = {"model": self.module, "scheduler": self.scheduler, "optimizer": self.optimizer, "loss": self.loss}
        if self.scheduler is None:
            del found["scheduler"]
        if not isinstance(self.loss, nn.Module):
            del found["loss"]
        return found  # the optimizer after the scheduler, which may set rates

    def load(self, state: Mapping[str, Any]) -> None:
        """Continue from a state that `state` returned. The state is copied."""
        if self.scheduler is not None:
            self._scheduler("load_state_dict")
        for kind, one in self._stateful().items():
            own = state["module" if kind == "model" else kind]
            if kind in ("optimizer", "scheduler"):  # which keep what they are given
                own = copied_state(own)
            if kind == "optimizer":
                own["state"] = {int(key): value for key, value in own["state"].items()}  # JSON has text as keys
            with self._factories.calling(kind, "taking its state"):
                one.load_state_dict(own)
        if self.averaged is not None:
            self.averaged.load(state["averaged"])
        with self._factories.calling("model", "taking its gradients"):
            load_gradients(self.module, state["gradients"])
        self._fresh, self._updates = not state["gradients"], state["updates"]

    def _scheduler(self, method: str) -> Callable[..., Any]:
        found: Callable[..., Any] | None = getattr(self.scheduler, method, None)
        if found is None:
            raise ComponentError(self._without(method))
        return found

    def _without(self, method: str) -> str:
        return (
            f"{self._factories.name('scheduler')} has no {method}(), so its training cannot be continued from "
            "within an epoch or from a state. torch's schedulers have it."
        )

    def epoch_ended(self, figure: float | None) -> None:
        """Pass the monitored validation metric to a scheduler that needs it."""
        if self.needs_validation and figure is not None:
            with plugin_errors(self._factories.name("scheduler"), "taking a step"):
                self.scheduler.step(figure)

    def weights(self) -> AbstractContextManager[None]:
        """Give the module the weights to validate and keep inside the `with` block: averaged ones if `ema` is set."""
        return self.averaged.applied() if self.averaged is not None else nullcontext()

    def _loss(self, scores: torch.Tensor, targets: Targets) -> torch.Tensor:
        if self.loss is None:
            return plain_loss(scores, targets.gold, targets.weights)
        gold = targets.gold.clone()  # a copy, in case the loss changes them
        with plugin_errors(self._factories.name("loss"), "computing the loss of a batch"):
            if self._weighted is not None and targets.weights is not None:
                loss = self._weighted(scores, gold, targets.weights.clone(), **self._offered)
            else:
                loss = self.loss(scores, gold, **self._offered)
        if not isinstance(loss, torch.Tensor) or loss.ndim or not loss.is_floating_point() or not loss.requires_grad:
            found = type(loss).__name__
            if isinstance(loss, torch.Tensor):
                gradient = "with" if loss.requires_grad else "without"
                found = f"{loss.dtype} of shape {tuple(loss.shape)} {gradient} a gradient"
            raise ComponentError(
                f"{self._factories.name('loss')} returned {found}; expected one float number with a gradient."
            )
        return loss

    def _update(self) -> None:
        if self._settings.clip_norm is not None:
            with plugin_errors(self._factories.name("model"), "clipping gradients"):
                self._norm = nn.utils.clip_grad_norm_(self.module.parameters(), self._settings.clip_norm)
        with plugin_errors(self._factories.name("optimizer"), "taking a step"):
            self.optimizer.step()
        self._updates += 1
        if self.scheduled:
            with plugin_errors(self._factories.name("scheduler"), "taking a step"):
                self.scheduler.step()
        if self.averaged is not None:
            self.averaged.update()

    def _precision(self, device: torch.device) -> AbstractContextManager[Any]:
        if self._settings.precision == "bfloat16":
            return torch.autocast(device.type, dtype=torch.bfloat16)
        return nullcontext()
