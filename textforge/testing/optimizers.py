"""Contract checks for optimizers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn

from textforge.classifiers.random_state import RandomState
from textforge.errors import RecipeError, listed
from textforge.features.ragged import RaggedBatch
from textforge.testing import probes
from textforge.testing.checks import Skipped, as_contract_error, rule
from textforge.testing.subject import Subject, exercise
from textforge.training.optimization import plain_loss

STEPS = 30


@exercise("optimizer")
def _work(subject: Subject) -> Mapping[str, Any]:
    """Take some steps on a small network."""
    net = Net(subject)
    losses = net.steps(6)
    return {"weights": dict(net.module.state_dict()), "losses": losses}


class Net:
    """A small network over bags of words, with the optimizer of its parameters."""

    def __init__(self, subject: Subject, *, sparse: bool | None = None) -> None:
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

    def loss(self) -> torch.Tensor:
        return plain_loss(self.module(self.batch), self.targets)

    def steps(self, n: int, before_each: Callable[[nn.Module], None] = lambda _: None) -> list[float]:
        """Take `n` steps and return the loss before each."""
        losses = []
        for _ in range(n):
            self.optimizer.zero_grad(set_to_none=True)
            loss = self.loss()
            loss.backward()  # type: ignore[no-untyped-call]
            before_each(self.module)
            with RandomState(0, torch.device("cpu")).active():
                self.optimizer.step()
            losses.append(float(loss.detach()))
        return losses


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
