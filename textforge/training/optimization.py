"""The training step: gradients of each batch, update, learning rate, weight averaging."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from itertools import islice
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from textforge.classifiers.ownership import copied_state
from textforge.classifiers.random_state import RandomState
from textforge.components.part import plugin_errors
from textforge.errors import ComponentError, RecipeError, TrainingError
from textforge.features.batch import Batch
from textforge.training.averaging import AveragedWeights
from textforge.training.batch_loss import BatchLoss, Place
from textforge.training.batch_sources import Targets
from textforge.training.budget import Budget
from textforge.training.closures import Passes, closure_needed
from textforge.training.factories import Factories, Loss
from textforge.training.modes import Modes
from textforge.training.optimizer_state import load_exactly
from textforge.training.state import EpochProgress, gradients_of, load_gradients
from textforge.training.step_result import StepResult

if TYPE_CHECKING:
    from textforge.training.distributed.steps import SharedSteps


class Optimization:
    """Changes the weights of a module: its optimizer, scheduler, loss and averaged weights.

    Args:
        module: the module, in training mode and on its device.
        factories: build optimizer and, if given, scheduler and loss.
        facts: see `Factories.update_rule`.
        budget: the length of the training; of its settings, clip_norm, precision and ema are used here.
        shared: what several processes exchange in each step; None for one process.

    Raises:
        RecipeError: clip_norm is set, and the optimizer has sparse gradients; or texts have weights, and the loss
            cannot weigh them.
        ComponentError: a factory returned another type, or the module has no parameters.
    """

    def __init__(
        self,
        module: nn.Module,
        factories: Factories,
        facts: Mapping[str, Any],
        budget: Budget,
        shared: SharedSteps | None = None,
    ) -> None:
        settings = budget.settings
        self._shared = shared
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
        workers = None if shared is None else shared.workers
        self._batch_loss = BatchLoss(module, rule.loss, factories, facts, precision=settings.precision, workers=workers)
        self.needs_validation: bool = rule.follows_metric
        """Whether the scheduler needs the monitored validation metric."""
        self.module: nn.Module = module
        self._factories, self._settings, self._budget = factories, settings, budget
        self._updates, self._last_update = 0, budget.updates
        self.averaged: AveragedWeights | None = (
            AveragedWeights(module, settings.ema, factories.name("model")) if settings.ema is not None else None
        )
        self._fresh = True
        """Whether no gradients are summed up for an update to come."""
        self._norm: torch.Tensor | None = None
        self._modes = Modes(self.optimizer, module, factories.name("optimizer"))
        needed = closure_needed(self.optimizer, factories.needs_closure, factories.name("optimizer"))
        self._passes: Passes | None = None
        """The passes of an update, if the optimizer needs a closure."""
        if needed:
            gradients = self._batch_loss.gradients
            self._passes = Passes(
                module, gradients, needed, before=self._clear, after=self._complete, total=self._total
            )

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
        self._modes.switch(training=True)
        self._batch_loss.epoch = progress.number
        ends, begin = False, progress.step
        if (self._passes is not None or self._shared is not None) and not self._fresh:
            begin = self._begin_again(begin // every * every)
        for step, (batch, gold) in enumerate(islice(batches, begin, None), begin + 1):
            first = (step - 1) // every * every * size  # index of this update's first text
            batch_size = min(size, used - (step - 1) * size)
            place = Place(len(gold), batch_size, min(first + every * size, used) - first)
            if self._shared is not None:  # so that a state need not hold the random states of all processes
                random.jump(progress.number, step, self._shared.workers.rank)
            if step <= progress.step:
                with random.active():
                    self._repeat(batch.to(device), gold, place)
                continue
            rate = self.learning_rate
            with random.active():
                loss = self._batch(batch.to(device), gold, place, update=step % every == 0 or step == steps)
            recent.append(loss)
            progress.add(loss, place.batch)
            if step % check_every == 0 or step == steps:
                if self._shared is not None:
                    self._shared.heed()
                self._refuse_infinite(list(recent), step, f"epoch {progress.number}", steps)
            ends |= after_step(StepResult(progress.number, step, steps, rate, loss, self._norm))
            if ends and self._fresh:
                self._refuse_infinite(list(recent), step, f"epoch {progress.number}", steps)
                break
        self._modes.switch(training=False)
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

    def _batch(self, batch: Batch, targets: Targets, place: Place, *, update: bool) -> torch.Tensor:
        """Accumulate a batch's gradients, update the weights if `update`, and return the batch's loss.

        Gradients are weighted by the batch's share of the update's texts.
        """
        self._norm = None
        share = self._batch_loss.share(place)
        if self._fresh:
            self._clear()
            if self._passes is not None:
                self._passes.begin()
        self._fresh = update
        if self._passes is not None:
            self._passes.hold(batch, targets, share)
        if self._passes is None or self._passes.after_gradients:
            loss = self._batch_loss.gradients(batch, targets, share)
            if self._shared is not None:
                self._shared.begin(loss * self._batch_loss.part(place))
            if update:
                self._update()
            return loss if self._shared is None else self._shared.end()
        if update:
            self._update()
            loss = self._passes.losses[-1]
        else:
            loss = self._batch_loss(batch, targets).detach()
        if self._shared is None:
            return loss
        self._shared.begin(loss * self._batch_loss.part(place))
        return self._shared.end()

    def _begin_again(self, first: int) -> int:
        """Go back to the batch after the first ones, with which an update began that is not done; return their number.

        A closure needs all batches of the update. Of several processes, a state has the gradients of one only.
        """
        if self._passes is not None:
            self._passes.release()
        else:
            self._clear()
        return first

    def _repeat(self, batch: Batch, targets: Targets, place: Place) -> None:
        """Take a batch of an update that is not done, whose loss is counted already."""
        take = self._batch_loss.gradients if self._passes is None else self._passes.hold
        take(batch, targets, self._batch_loss.share(place))

    def _clear(self) -> None:
        with self._factories.calling("optimizer", "setting gradients to zero"):
            self.optimizer.zero_grad(set_to_none=True)

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
            **({"optimizer_trains": self._modes.training} if self._modes.exist else {}),
            **({"passes": None if self._fresh else self._passes.state()} if self._passes is not None else {}),
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
        if self._modes.exist:
            self._modes.switch(training=state["optimizer_trains"])  # first, because it changes weights
        if self.scheduler is not None:
            self._scheduler("load_state_dict")
        for kind, one in self._stateful().items():
            own = state["module" if kind == "model" else kind]
            if kind in ("optimizer", "scheduler"):  # which keep what they are given
                own = copied_state(own)
            with self._factories.calling(kind, "taking its state"):
                load_exactly(one, own) if kind == "optimizer" else one.load_state_dict(own)
        if self.averaged is not None:
            self.averaged.load(state["averaged"])
        with self._factories.calling("model", "taking its gradients"):
            load_gradients(self.module, state["gradients"])
        passes = state.get("passes")
        if self._passes is not None and passes is not None:
            self._passes.load(passes)
        self._fresh, self._updates = not state["gradients"] and passes is None, state["updates"]

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
        """Give the module the weights to validate and keep inside the `with` block.

        They are the averaged ones if `ema` is set, else those of the optimizer's evaluation mode if it has one.
        """
        return self.averaged.applied() if self.averaged is not None else self._modes.evaluating()

    def _total(self, loss: torch.Tensor) -> torch.Tensor:
        """The sum over all processes of a loss that each has a part of."""
        return loss if self._shared is None else self._shared.workers.sum_(loss * self._batch_loss.counted)

    def _complete(self) -> None:
        """Add up the gradients of all processes, and clip them."""
        if self._shared is not None:
            self._shared.sum_gradients()
        if self._settings.clip_norm is not None:
            with plugin_errors(self._factories.name("model"), "clipping gradients"):
                norm = nn.utils.clip_grad_norm_(self.module.parameters(), self._settings.clip_norm)
            self._norm = norm if self._norm is None else self._norm  # that of the first pass

    def _update(self) -> None:
        if self._passes is None or self._passes.after_gradients:
            self._complete()
        with plugin_errors(self._factories.name("optimizer"), "taking a step"):
            if self._passes is None:
                self.optimizer.step()
            else:
                self._passes.step(self.optimizer, self._factories.name("optimizer"))
        self._updates += 1
        if self.scheduled:
            with plugin_errors(self._factories.name("scheduler"), "taking a step"):
                self.scheduler.step()
        if self.averaged is not None:
            with self._modes.evaluating():
                self.averaged.update()
