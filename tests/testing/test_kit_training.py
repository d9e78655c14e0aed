"""The contract kit: what optimizers, schedulers and losses are held to."""

from contextlib import suppress

import kit_broken_training as broken
import pytest
from kit_examples import Broken, failures, holds, skipped
from other_optimizers import OPTIMIZERS

from textforge.testing import Skipped, checks

EXAMPLES = [
    Broken("optimizer", rule, component, says)
    for rule, component, *says in (
        ("is-built-and-used", broken.no_optimizer, "returned a function", "torch.optim.Optimizer of 'params'"),
        ("has-every-parameter-and-no-other", broken.without_the_last, "lack the parameters 4.bias", "all of 'params'"),
        ("has-every-parameter-and-no-other", broken.with_another, "1 parameters that are not among", "all of 'params'"),
        ("lowers-a-loss", broken.upwards, "steps took the loss from", "down the gradient"),
        ("takes-sparse-gradients-if-it-says-so", broken.dense_adam, "with sparse gradients", "remove the attribute"),
        ("bears-a-parameter-without-gradient", broken.blind, "has no gradient", "Skip parameters whose grad is None"),
        ("is-built-and-used", broken.undeclared_closure, "step(closure) works", "needs_closure = 'after_gradients'"),
        ("uses-a-closure-as-it-declares", broken.closure_too_late, "uses the gradients", "= 'after_gradients'"),
        ("uses-a-closure-as-it-declares", broken.closure_alone, "does not use the gradients", "= True"),
        ("uses-a-closure-as-it-declares", broken.idle_closure, "does not call the closure", "remove the attribute"),
        ("its-modes-undo-each-other", broken.one_mode, "it has train() alone", "both train() and eval(), or neither"),
        ("its-modes-undo-each-other", broken.one_way, "change the weights that it trains", "those to train"),
        ("its-modes-undo-each-other", broken.ever_smaller, "a second call of eval()", "each only in the other mode"),
        ("continues-from-its-state", broken.forgetful, "its next steps are others", "in `state` and `param_groups`"),
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
        ("optimizer", broken.good_optimizer), ("optimizer", broken.sparse_sgd), ("optimizer", broken.good_modes),
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


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers_of_other_packages_follow_the_rules_for_optimizers(name):
    """Rules for all kinds, some of which start processes, are left out, as they are about the plugin's module."""
    for check in checks("optimizer", OPTIMIZERS[name]):
        if check.rule.function.__module__ == "textforge.testing.optimizers":
            with suppress(Skipped):
                check()


def test_the_rules_for_modes_and_closures_are_for_optimizers_that_have_them():
    def reason(name, rule):
        (check,) = [one for one in checks("optimizer", OPTIMIZERS[name]) if one.name == rule]
        try:
            check()
        except Skipped as why:
            return str(why)

    assert reason("lion", "its-modes-undo-each-other") == "it has no train() and eval()."
    assert reason("lion", "uses-a-closure-as-it-declares") == "its step needs no closure."
    assert reason("sgd-schedule-free", "its-modes-undo-each-other") is None
    assert reason("sam", "uses-a-closure-as-it-declares") is None
