"""Contract checks for losses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch

from textforge.data.offered import called_offering, takes
from textforge.data.weights import takes_weights
from textforge.errors import RecipeError, listed
from textforge.testing import probes
from textforge.testing.checks import Skipped, as_contract_error, rule
from textforge.testing.digests import digests
from textforge.testing.subject import Subject, exercise
from textforge.testing.words import named_others, refuse

Loss = Callable[..., torch.Tensor]
EPOCHS = 3
"""The planned number of epochs."""


@exercise("loss")
def _work(subject: Subject) -> Mapping[str, Any]:
    """Compute the loss of some logits, and its gradient if it has one."""
    loss, logits, targets = usual(subject)
    found = called(loss, logits, targets)
    if isinstance(found, torch.Tensor) and found.requires_grad and found.ndim == 0:
        found.backward()  # type: ignore[no-untyped-call]
    return {"loss": found, "gradients": logits.grad}


def made(subject: Subject, *, multi_label: bool, n_classes: int = 3) -> tuple[Loss, torch.Tensor, torch.Tensor]:
    """Build the loss for single or multiple labels, with logits and targets.

    Raises:
        RecipeError: the loss does not support such labels.
    """
    labels: list[Any] = (probes.labelled_sets if multi_label else probes.labelled)(24, n_classes)[1]
    names = sorted(probes.TOPICS)[:n_classes]
    labels[:6] = [labels[0]] * 6  # classes of different size, so that weights by size show
    encoded = probes.numbers(labels)
    counts = encoded.sum(axis=0) if multi_label else np.bincount(encoded)
    loss = subject.build(
        n_classes=n_classes,
        labels=tuple(names),
        class_counts=counts.astype(np.int64),
        n_texts=len(labels),
        multi_label=multi_label,
        epochs=EPOCHS,
    )
    if not callable(loss):
        raise subject.breaks(
            f"the factory returned a {type(loss).__name__}.", "Return a callable (logits, targets) -> mean loss."
        )
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn((len(labels), n_classes), generator=generator).requires_grad_()
    return loss, logits, torch.from_numpy(encoded)


def usual(subject: Subject) -> tuple[Loss, torch.Tensor, torch.Tensor]:
    """Build the loss for one label per text; if it does not support that, for several labels."""
    try:
        return made(subject, multi_label=False)
    except RecipeError:
        return made(subject, multi_label=True)


def called(loss: Loss, logits: torch.Tensor, targets: torch.Tensor, **offered: Any) -> torch.Tensor:
    """Call the loss, and offer it the first epoch beside what else is offered."""
    found: torch.Tensor = called_offering(loss, logits, targets, **{"epoch": 1, **offered})
    return found


def value(loss: Loss, logits: torch.Tensor, targets: torch.Tensor, **offered: Any) -> float:
    """The loss as a float."""
    return float(called(loss, logits, targets, **offered).detach())


@rule("loss")
def is_one_number_with_a_gradient(subject: Subject) -> None:
    """It returns one finite floating-point number, with a gradient to the logits."""
    loss, logits, targets = usual(subject)
    found = called(loss, logits, targets)
    advice = "Return the mean over the texts as a tensor without dimensions, computed from the logits by torch."
    if not isinstance(found, torch.Tensor) or found.ndim or not found.is_floating_point():
        shape = f" of shape {tuple(found.shape)}, {found.dtype}" if isinstance(found, torch.Tensor) else ""
        raise subject.breaks(f"it returned a {type(found).__name__}{shape}.", advice)
    if not torch.isfinite(found):
        raise subject.breaks(f"it returned {float(found.detach())} for ordinary logits.", advice)
    if not found.requires_grad:
        raise subject.breaks("it has no gradient to the logits.", advice)
    found.backward()  # type: ignore[no-untyped-call]
    if logits.grad is None or not torch.isfinite(logits.grad).all() or not logits.grad.any():
        raise subject.breaks("its gradient at the logits is zero or not finite.", advice)


AFTER = ("repeats-itself", "is-one-number-with-a-gradient")


@rule("loss", after=AFTER)
def is_a_mean_over_texts(subject: Subject) -> None:
    """A batch that contains every text twice has the same loss: it does not grow with the batch size."""
    loss, logits, targets = usual(subject)
    once, twice = (value(loss, logits.repeat(n, 1), targets.repeat(n, *[1] * (targets.ndim - 1))) for n in (1, 2))
    if not np.isclose(once, twice, rtol=1e-4, atol=1e-6):
        raise subject.breaks(
            f"a batch has the loss {once:g}, the same batch with every text twice {twice:g}.",
            "Return the mean over the texts, not their sum; else learning rates depend on the batch size.",
        )


@rule("loss", after=AFTER)
def the_order_of_texts_does_not_matter(subject: Subject) -> None:
    """The same texts in another order have the same loss."""
    loss, logits, targets = usual(subject)
    order = torch.randperm(len(targets), generator=torch.Generator().manual_seed(0))
    one, other = value(loss, logits, targets), value(loss, logits[order], targets[order])
    if not np.isclose(one, other, rtol=1e-4, atol=1e-6):
        raise subject.breaks(
            f"the loss of a batch is {one:g}, in another order {other:g}.",
            "Do not weight texts by their position.",
        )


@rule("loss", after=(*AFTER, "is-a-mean-over-texts", "the-order-of-texts-does-not-matter"))
def adds_up_over_batches(subject: Subject) -> None:
    """The loss of a batch is the mean of its texts' losses, unless the factory sets `whole_batch = True`."""
    if getattr(subject.component.factory, "whole_batch", False) is True:
        raise Skipped("its factory says that it measures a batch as a whole (whole_batch).")
    loss, logits, targets = usual(subject)
    whole, first = value(loss, logits, targets), 7
    parts = value(loss, logits[:first], targets[:first]), value(loss, logits[first:], targets[first:])
    joined = (first * parts[0] + (len(targets) - first) * parts[1]) / len(targets)
    if not np.isclose(whole, joined, rtol=1e-4, atol=1e-6):
        raise subject.breaks(
            f"a batch has the loss {whole:g}, its parts of {first} and {len(targets) - first} texts make {joined:g}.",
            "Divide by the number of texts, not by their weights, so that trainer.accumulate gives the gradient of one "
            "large batch; or set whole_batch = True on the factory if the loss compares the texts of a batch.",
        )


@rule("loss", after=(*AFTER, "is-a-mean-over-texts", "the-order-of-texts-does-not-matter"))
def weighs_texts_if_it_takes_weights(subject: Subject) -> None:
    """If it has a parameter `weights`, it is the mean over texts of each text's loss times its weight."""
    loss, logits, targets = usual(subject)
    if not takes_weights(loss):
        raise Skipped("it has no parameter 'weights'.")
    times = torch.arange(len(targets)) % 4
    repeated = value(loss, logits.repeat_interleave(times, dim=0), targets.repeat_interleave(times, dim=0))
    weights = times / times.float().mean()
    cases = (("weights of 1", torch.ones(len(targets)), value(loss, logits, targets)),
             ("whole numbers as weights, scaled to a mean of 1,", weights, repeated))  # fmt: skip
    for what, given, wanted in cases:
        found = float(called(loss, logits, targets, weights=given).detach())
        if not np.isclose(found, wanted, rtol=1e-4, atol=1e-6):
            raise subject.breaks(
                f"with {what} the loss is {found:g}; of texts repeated as often it is {wanted:g}.",
                "Return (each * weights).mean(): multiply the loss of each text, and divide by the number of texts, "
                "not by the sum of the weights.",
            )


@rule("loss", after=AFTER)
def only_the_epoch_decides(subject: Subject) -> None:
    """If it has a parameter `epoch`, its value depends on that number and on no earlier call."""
    loss, logits, targets = usual(subject)
    if not takes(loss, "epoch", after=2):
        raise Skipped("it has no parameter 'epoch'.")
    epochs = (1, EPOCHS, 1, 2)
    found = [value(loss, logits, targets, epoch=epoch) for epoch in epochs]
    fresh = [value(usual(subject)[0], logits, targets, epoch=epoch) for epoch in epochs]
    if not np.allclose(found, fresh, rtol=1e-6, atol=1e-8):
        raise subject.breaks(
            f"called for the epochs {listed(map(str, epochs))} in turn it gives {found}, a new one of each {fresh}.",
            "Compute from the epoch, not from a count of your own: a training may be taken up again at any epoch.",
        )


@rule("loss", after=AFTER)
def prefers_what_is_right(subject: Subject) -> None:
    """Correct logits have a smaller loss than the same logits with their signs flipped."""
    loss, logits, targets = usual(subject)
    wanted = targets if targets.ndim == 2 else torch.nn.functional.one_hot(targets, logits.shape[1])
    right = (4.0 * wanted - 2.0).requires_grad_()
    good, bad = value(loss, right, targets), value(loss, -right, targets)
    if not good < bad:
        raise subject.breaks(
            f"right logits have the loss {good:g}, wrong ones {bad:g}.", "A smaller loss must be the better one."
        )


@rule("loss", after=AFTER)
def bears_extreme_logits(subject: Subject) -> None:
    """Logits of ±10,000 have a finite loss and finite gradients."""
    loss, logits, targets = usual(subject)
    extreme = (logits.detach().sign() * 1e4).requires_grad_()
    found = called(loss, extreme, targets)
    found.backward()  # type: ignore[no-untyped-call]
    if not torch.isfinite(found) or extreme.grad is None or not torch.isfinite(extreme.grad).all():
        raise subject.breaks(
            f"with logits of ±10,000 the loss is {float(found.detach()):g}, or its gradient is not finite.",
            "Compute from logits (log_softmax, logsigmoid, logsumexp), not from the logarithm of a probability.",
        )


@rule("loss", after=AFTER)
def leaves_its_arguments_alone(subject: Subject) -> None:
    """It does not change the logits and targets."""
    loss, logits, targets = usual(subject)
    own = logits.detach().clone()
    before = digests({"logits": own, "targets": targets})
    called(loss, own, targets)
    if digests({"logits": own, "targets": targets}) != before:
        raise subject.breaks(
            "it changed the logits or the targets.", "Work on a copy: no in-place operations (mul_, …)."
        )


@rule("loss", after=AFTER)
def takes_two_classes_and_five(subject: Subject) -> None:
    """It works with two, three and five classes."""
    several = usual(subject)[2].ndim == 2
    for n_classes in (2, 5):
        with as_contract_error(
            subject.label, f"with {n_classes} classes", "Read the number of classes off the logits."
        ):
            loss, logits, targets = made(subject, multi_label=several, n_classes=n_classes)
            called(loss, logits, targets).backward()  # type: ignore[no-untyped-call]


@rule("loss", after=AFTER)
def takes_other_labels_or_names_what_does(subject: Subject) -> None:
    """It accepts one label per text and several, or raises a RecipeError that names another loss."""
    for multi_label in (False, True):
        what = "several labels per text" if multi_label else "one label per text"
        advice = refuse("loss", "targets of float32 0 or 1 for each class")
        try:
            with as_contract_error(subject.label, f"with {what}", advice, RecipeError):
                loss, logits, targets = made(subject, multi_label=multi_label)
                called(loss, logits, targets).backward()  # type: ignore[no-untyped-call]
        except RecipeError as error:
            if not named_others(str(error), subject.component.name):
                raise subject.breaks(f"it refuses {what}: {error}", advice) from error
