"""Loss `hinge` against the sums that linear SVMs minimise."""

import numpy as np
import pytest
import torch
from sklearn.metrics import hinge_loss

from textforge_standard.losses.hinge import hinge

LABELS, COUNTS = ("ant", "bee", "cat"), np.array([2, 3, 2])
GOLD = np.array([0, 2, 1, 0, 2, 1, 1])
SCORES = np.random.default_rng(0).normal(scale=2, size=(7, 3))
SETS = (np.random.default_rng(1).random((7, 3)) < 0.5).astype(np.float32)


def value(targets, **options):
    scores = torch.tensor(SCORES, requires_grad=True)
    loss = hinge(LABELS, COUNTS, np.asarray(targets).ndim == 2, **options)(scores, torch.tensor(targets))
    assert loss.ndim == 0
    loss.backward()
    return loss.item(), scores.grad.numpy()


def sides(targets):
    return np.eye(3)[targets] * 2 - 1 if np.asarray(targets).ndim == 1 else targets * 2 - 1


@pytest.mark.parametrize("targets", [GOLD, SETS], ids=["one label", "several"])
def test_it_is_scikit_learns_hinge_loss_of_each_class_against_the_rest(targets):
    expected = sum(hinge_loss(sides(targets)[:, k], SCORES[:, k], labels=[-1, 1]) for k in range(3))
    assert value(targets, squared=False)[0] == pytest.approx(expected)


@pytest.mark.parametrize("targets", [GOLD, SETS], ids=["one label", "several"])
def test_squared_it_is_the_sum_that_linear_svc_minimises(targets):
    missing = np.maximum(0, 1 - sides(targets) * SCORES)
    loss, gradient = value(targets)
    assert loss == pytest.approx((missing**2).sum(axis=1).mean())
    np.testing.assert_allclose(gradient, -2 * sides(targets) * missing / len(SCORES))


def test_beyond_the_margin_nothing_is_lost():
    scores = torch.tensor([[1.0, -1.0, -3.0]])
    for squared in (True, False):
        assert hinge(LABELS, COUNTS, squared=squared)(scores, torch.tensor([0])) == 0


@pytest.mark.parametrize("targets", [GOLD, SETS], ids=["one label", "several"])
def test_weights_are_of_a_classes_own_texts_as_in_liblinear(targets):
    weights = {"ant": 2.0, "bee": 0.5, "cat": 3.0}
    missing = np.maximum(0, 1 - sides(targets) * SCORES) ** 2
    expected = (np.where(sides(targets) > 0, [2.0, 0.5, 3.0], 1) * missing).sum(axis=1).mean()
    assert value(targets, class_weights=weights)[0] == pytest.approx(expected)
