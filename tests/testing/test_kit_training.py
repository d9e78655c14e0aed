"""The contract kit: what optimizers, schedulers and losses are held to."""

import kit_broken_training as broken
import pytest
from kit_examples import Broken, failures, holds, skipped

from textforge.testing import checks

EXAMPLES = [
    Broken("optimizer", rule, component, says)
    for rule, component, *says in (
        ("is-built-and-used", broken.no_optimizer, "returned a function", "torch.optim.Optimizer of 'params'"),
        ("has-every-parameter-and-no-other", broken.without_the_last, "lack the parameters 4.bias", "all of 'params'"),
        ("has-every-parameter-and-no-other", broken.with_another, "1 parameters that are not among", "all of 'params'"),
        ("lowers-a-loss", broken.upwards, "steps took the loss from", "down the gradient"),
        ("takes-sparse-gradients-if-it-says-so", broken.dense_adam, "with sparse gradients", "remove the attribute"),
        ("bears-a-parameter-without-gradient", broken.blind, "has no gradient", "Skip parameters whose grad is None"),
    )
]
EXAMPLES += [
    Broken("scheduler", rule, component, says)
    for rule, component, *says in (
        ("is-built-and-used", broken.no_scheduler, "returned a function", "LambdaLR makes one"),
        ("serves-trainings-of-any-length", broken.dividing_by_what_is_left, "in a training of 1 steps", "max(1, …)"),
        ("its-rates-are-finite-and-not-negative", broken.too_far_down, "at step 102 of 1000", "max(0.0, …)"),
        ("keeps-the-ratio-of-groups", broken.the_same_for_all, "both got 0.01", "base_lrs"),
    )
]
EXAMPLES += [
    Broken("loss", rule, component, says)
    for rule, component, *says in (
        ("is-built-and-used", broken.no_loss, "returned a float", "a callable (logits, targets)"),
        ("is-one-number-with-a-gradient", broken.one_each, "a Tensor of shape (24,)", "Return the mean"),
        (
            "is-one-number-with-a-gradient",
            broken.without_gradient,
            "no gradient to the logits",
            "from the logits by torch",
        ),
        ("is-a-mean-over-texts", broken.summed, "with every text twice", "not their sum"),
        ("the-order-of-texts-does-not-matter", broken.first_first, "in another order", "by their position"),
        ("adds-up-over-batches", broken.by_weights_of_the_batch, "its parts of 7 and 17 texts", "the number of texts"),
        ("weighs-texts-if-it-takes-weights", broken.by_sum_of_weights, "with weights of 1", "(each * weights).mean()"),
        ("only-the-epoch-decides", broken.counting, "called for the epochs 1, 3, 1, 2 in turn", "a count of your own"),
        ("prefers-what-is-right", broken.the_worse_the_better, "right logits have the loss", "must be the better"),
        ("bears-extreme-logits", broken.naive, "±10,000", "log_softmax"),
        ("leaves-its-arguments-alone", broken.changing, "changed the logits", "no in-place operations"),
        ("takes-two-classes-and-five", broken.of_three, "with 2 classes", "off the logits"),
        ("takes-other-labels-or-names-what-does", broken.single_only, "it refuses several labels", "'another-loss'"),
        ("takes-other-labels-or-names-what-does", broken.unaware, "with several labels per text", "'multi_label'"),
    )
]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda one: f"{one.kind}-{one}")
def test_a_broken_part_of_training_fails_its_check_alone_with_what_to_do(example):
    holds(example)


@pytest.mark.parametrize(
    ("kind", "component"),
    [
        ("optimizer", broken.good_optimizer), ("optimizer", broken.sparse_sgd),
        ("scheduler", broken.good_scheduler), ("scheduler", broken.plateau), ("scheduler", broken.refusing_short),
        ("loss", broken.good_loss), ("loss", broken.single_loss), ("loss", broken.several_loss),
    ],
)  # fmt: skip
def test_a_good_one_passes(kind, component):
    assert not failures(kind, component)


def test_a_loss_that_weighs_texts_is_held_to_it():
    assert not failures("loss", broken.weighing)
    assert "weighs-texts-if-it-takes-weights" not in skipped("loss", broken.weighing)
    assert "no parameter 'weights'" in skipped("loss", broken.good_loss)["weighs-texts-if-it-takes-weights"]


def test_a_loss_that_asks_for_the_epoch_is_held_to_it():
    assert not failures("loss", broken.deferring)
    assert "only-the-epoch-decides" not in skipped("loss", broken.deferring)
    assert "no parameter 'epoch'" in skipped("loss", broken.good_loss)["only-the-epoch-decides"]


def test_a_loss_that_compares_the_texts_of_a_batch_may_say_so():
    assert not failures("loss", broken.comparing)
    assert "measures a batch as a whole" in skipped("loss", broken.comparing)["adds-up-over-batches"]


def test_an_optimizer_for_certain_modules_is_given_one():
    assert not failures("optimizer", broken.for_layers, module=broken.layered)
    (check,) = [one for one in checks("optimizer", broken.for_layers, module=broken.layered) if "spawned" in one.name]
    check()
    reason = skipped("optimizer", broken.for_layers)["is-built-and-used"]
    assert reason.startswith("it refuses the kit's network (optimizer 'for-layers': the model has no layers.")
    assert reason.endswith("Give one it accepts: module=….")
