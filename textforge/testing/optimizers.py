"""Contract checks for optimizers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn

from textforge.classifiers.ownership import copied_state
from textforge.classifiers.random_state import RandomState
from textforge.errors import RecipeError, listed
from textforge.features.batch import RaggedBatch
from textforge.testing import probes
from textforge.testing.checks import Skipped, as_contract_error, raised, rule
from textforge.testing.subject import Subject, exercise
from textforge.training.batch_loss import plain_loss
from textforge.training.closures import NeedsClosure, closure_needed
from textforge.training.modes import Modes
from textforge.training.state import refuse_other_than_plain

STEPS = 30


@exercise("optimizer")
def _work(subject: Subject) -> Mapping[str, Any]:
    """Take some steps on a small network."""
    net = Net(subject)
    try:
        losses = net.steps(6)
    except Exception as error:
        for needed in (True, "after_gradients") if subject.part.needs_closure is False else ():
            if _works_with(subject, needed):
                raise subject.breaks(
                    f"{raised(error)} in step(); step(closure) works.",
                    f"Set the attribute needs_closure = {needed!r} on its factory.",
                ) from error
        raise
    net.modes.switch(training=False)
    return {"weights": dict(net.module.state_dict()), "losses": losses}


def _works_with(subject: Subject, needed: NeedsClosure) -> bool:
    try:
        Net(subject, needed=needed).steps(2)
    except Exception:
        return False
    return True


class Net:
    """A small network over bags of words, with the optimizer of its parameters."""

    def __init__(self, subject: Subject, *, sparse: bool | None = None, needed: NeedsClosure | None = None) -> None:
        texts, labels = probes.labelled()
        features = probes.ProbeBag().fit(texts).transform(texts)
        self.batch: RaggedBatch = features.batch(0, len(texts))
        self.targets: torch.Tensor = torch.from_numpy(probes.numbers(labels))
        cpu = torch.device("cpu")
        with RandomState(0, cpu).active():
            self.module: Any = (subject.given_module or probes.net)(features.n_features, 3)
        for layer in self.module.modules():
            if hasattr(layer, "sparse"):
                layer.sparse = takes_sparse(subject) if sparse is None else sparse
        self.params: list[torch.nn.Parameter] = list(self.module.parameters())
        with RandomState(0, cpu).active():
            try:
                self.optimizer: Any = subject.build(params=self.params, module=self.module)
            except RecipeError as error:
                if subject.given_module is not None:
                    raise
                raise Skipped(f"it refuses the kit's network ({error}). Give one it accepts: module=….") from error
        if not isinstance(self.optimizer, torch.optim.Optimizer):
            raise subject.breaks(
                f"the factory returned a {type(self.optimizer).__name__}.",
                "Return a torch.optim.Optimizer of 'params', or a subclass.",
            )

        declared = subject.part.needs_closure if needed is None else needed
        self.needed: NeedsClosure = closure_needed(self.optimizer, declared, subject.label)
        self.modes: Modes = Modes(self.optimizer, self.module, subject.label)
        self.calls: int = 0
        """How often steps have called the closure."""
        self.gradients_first: bool = self.needed is not True
        """Whether to compute gradients before each step."""

    def loss(self) -> torch.Tensor:
        return plain_loss(self.module(self.batch), self.targets)

    def steps(self, n: int, before_each: Callable[[nn.Module], None] = lambda _: None) -> list[float]:
        """Take `n` steps in training mode and return the loss before each."""
        self.modes.switch(training=True)
        losses = []

        def gradients() -> torch.Tensor:
            self.optimizer.zero_grad(set_to_none=True)
            with torch.enable_grad():
                loss = self.loss()
                loss.backward()  # type: ignore[no-untyped-call]
            before_each(self.module)
            return loss.detach()

        def closure() -> torch.Tensor:
            self.calls += 1
            return gradients()

        for _ in range(n):
            self.optimizer.zero_grad(set_to_none=True)
            losses.append(float(gradients() if self.gradients_first else self.loss().detach()))
            with RandomState(0, torch.device("cpu")).active():
                self.optimizer.step(closure) if self.needed else self.optimizer.step()
        return losses

    def weights(self) -> list[torch.Tensor]:
        return [parameter.detach().clone() for parameter in self.module.parameters()]


def says_sparse(subject: Subject) -> bool:
    """Whether the factory declares that it supports sparse gradients."""
    return subject.part.takes_sparse_gradients


def takes_sparse(subject: Subject) -> bool:
    """Whether it declares and supports sparse gradients.

    If it only declares them, one rule reports that, and the other rules use dense gradients.
    """
    if subject.bench is None:
        subject.bench = says_sparse(subject)
        if subject.bench:
            try:
                Net(subject, sparse=True).steps(1)
            except Exception:
                subject.bench = False
    return bool(subject.bench)


@rule("optimizer")
def has_every_parameter_and_no_other(subject: Subject) -> None:
    """`param_groups` contains every parameter it is given exactly once, and no others."""
    net = Net(subject)
    names = {id(parameter): name for name, parameter in net.module.named_parameters()}
    held = [id(parameter) for group in net.optimizer.param_groups for parameter in group["params"]]
    advice = "Give the optimizer all of 'params', each in one group."
    if lost := [name for key, name in names.items() if key not in held]:
        raise subject.breaks(f"its groups lack the parameters {listed(lost)}.", advice)
    if twice := [name for key, name in names.items() if held.count(key) > 1]:
        raise subject.breaks(f"its groups hold the parameters {listed(twice)} more than once.", advice)
    if len(held) > len(names):
        raise subject.breaks(
            f"its groups hold {len(held) - len(names)} parameters that are not among 'params'.", advice
        )


@rule("optimizer")
def lowers_a_loss(subject: Subject) -> None:
    """With its defaults and the given options it lowers the loss of a small network."""
    net = Net(subject)
    losses = net.steps(STEPS)
    net.modes.switch(training=False)
    after = float(net.loss().detach())
    if not after < losses[0]:
        raise subject.breaks(
            f"{STEPS} steps took the loss from {losses[0]:.4f} to {after:.4f}.",
            "Check that it steps down the gradient, and that the default learning rate suits most models.",
        )


@rule("optimizer")
def takes_sparse_gradients_if_it_says_so(subject: Subject) -> None:
    """If its factory sets `sparse_gradients = True`, it takes steps with sparse gradients."""
    if not says_sparse(subject):
        raise Skipped("its factory does not declare sparse_gradients.")
    net = Net(subject, sparse=True)
    before = net.params[0].detach().clone()
    with as_contract_error(
        subject.label,
        "at a step with sparse gradients",
        "Handle gradients with is_sparse, or remove the attribute sparse_gradients.",
    ):
        net.steps(2)
    if torch.equal(before, net.params[0]):
        raise subject.breaks("weights with sparse gradients do not change.", "Update them, too.")


@rule("optimizer")
def bears_a_parameter_without_gradient(subject: Subject) -> None:
    """A step leaves a parameter with gradient None unchanged, and updates the others."""
    net = Net(subject)
    unused = net.params[-1]

    def without(_: nn.Module) -> None:
        unused.grad = None

    before = unused.detach().clone()
    with as_contract_error(subject.label, "where a parameter has no gradient", "Skip parameters whose grad is None."):
        net.steps(2, without)
    if not torch.equal(before, unused):
        raise subject.breaks("it changed a parameter that has no gradient.", "Skip parameters whose grad is None.")


@rule("optimizer")
def uses_a_closure_as_it_declares(subject: Subject) -> None:
    """If its step needs a closure, it calls it, and uses earlier gradients only if it declares 'after_gradients'."""
    net = Net(subject)
    if not net.needed:
        raise Skipped("its step needs no closure.")
    net.steps(3)
    if not net.calls:
        raise subject.breaks("its step does not call the closure.", "Call it, or remove the attribute needs_closure.")
    other = Net(subject)
    other.gradients_first = not net.gradients_first
    try:
        other.steps(3)
        same = _equal(net.weights(), other.weights())
    except Exception:
        same = False
    if same == (net.needed == "after_gradients"):
        found = "does not use" if same else "uses"
        raise subject.breaks(
            f"its step {found} the gradients that are there before it calls the closure.",
            f"Set the attribute needs_closure = {True if same else 'after_gradients'!r} on its factory.",
        )


@rule("optimizer")
def its_modes_undo_each_other(subject: Subject) -> None:
    """If it has `train()` and `eval()`, each undoes the other, and a second call in a row changes nothing."""
    net = Net(subject)
    has = [name for name in ("train", "eval") if callable(getattr(net.optimizer, name, None))]
    if len(has) == 1:
        raise subject.breaks(f"it has {has[0]}() alone.", "Give it both train() and eval(), or neither.")
    if not has:
        raise Skipped("it has no train() and eval().")
    advice = "Let eval() set the weights to keep, and train() those to train, each only in the other mode."
    with as_contract_error(subject.label, "when its mode was changed before the first step", advice):
        net.optimizer.train()
        net.optimizer.eval()
    undisturbed = Net(subject)
    for rounds in range(2):
        if rounds:
            net.steps(4), undisturbed.steps(4)
        for mode in ("train", "eval", "train"):
            getattr(net.optimizer, mode)()
            once = net.weights()
            getattr(net.optimizer, mode)()
            if not _equal(once, net.weights()):
                raise subject.breaks(f"a second call of {mode}() changes the weights again.", advice)
        if not _close(net.weights(), undisturbed.weights()):
            raise subject.breaks("eval() and then train() change the weights that it trains.", advice)
    net.steps(4), undisturbed.steps(4)
    if not _close(net.weights(), undisturbed.weights()):
        raise subject.breaks("after eval() and train() its next steps are others.", advice)


@rule("optimizer")
def continues_from_its_state(subject: Subject) -> None:
    """A new one that loads its `state_dict` takes the same steps, bit for bit, in either mode."""
    advice = "Keep all that steps depend on in `state` and `param_groups`, as tensors, numbers and texts."
    for training in (True, False) if Net(subject).modes.exist else (False,):
        net, other = Net(subject), Net(subject)
        net.steps(4)
        for one in (net, other):
            one.modes.switch(training=training)
        with as_contract_error(subject.label, "when its state was saved and loaded", advice):
            state = copied_state(net.optimizer.state_dict())
            refuse_other_than_plain(state, "state")
            other.module.load_state_dict(copied_state(net.module.state_dict()))
            other.optimizer.load_state_dict(state)
        net.steps(4), other.steps(4)
        if not _equal(net.weights(), other.weights()):
            raise subject.breaks("after load_state_dict() its next steps are others.", advice)


def _equal(ours: list[torch.Tensor], theirs: list[torch.Tensor]) -> bool:
    return all(torch.equal(one, other) for one, other in zip(ours, theirs, strict=True))


def _close(ours: list[torch.Tensor], theirs: list[torch.Tensor]) -> bool:
    """Whether weights are equal up to rounding."""
    return all(torch.allclose(one, other, rtol=1e-3, atol=1e-4) for one, other in zip(ours, theirs, strict=True))
