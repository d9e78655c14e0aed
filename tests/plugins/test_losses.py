"""Losses against torch's functions and the papers' formulas."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, strategies as st
from sklearn.utils.class_weight import compute_class_weight
from torch.nn import functional

from textforge import RecipeError
from textforge.components.manager import PluginManager

PLUGINS = PluginManager()
LABELS = ("ant", "bee", "cat")
GOLD = np.array([0, 0, 0, 0, 1, 1, 2, 0, 1])
COUNTS = np.bincount(GOLD)
WEIGHTS = {"cat": 3.0, "ant": 0.5, "bee": 1.5}
AS_TENSOR = torch.tensor([0.5, 1.5, 3.0])
SETS = (np.random.default_rng(0).random((9, 3)) < 0.4).astype(np.float32)
BALANCED = compute_class_weight("balanced", classes=np.arange(3), y=GOLD)


def loss(name, multi_label=False, **options):
    counts = SETS.sum(axis=0).astype(np.int64) if multi_label else COUNTS
    facts = {"n_classes": 3, "labels": LABELS, "class_counts": counts, "n_texts": 9, "multi_label": multi_label}
    return PLUGINS.part("loss", name, **options).build(facts)


def logits(seed=0, n=9):
    generator = torch.Generator().manual_seed(seed)
    return (3 * torch.randn(n, 3, generator=generator)).requires_grad_()


def agree(ours, theirs, targets):
    """The same value and the same gradients."""
    gradients = []
    for function in (ours, theirs):
        scores = logits()
        value = function(scores, targets)
        value.backward()
        gradients.append((value.detach(), scores.grad))
    assert gradients[0][0].ndim == 0
    assert gradients[1][1].abs().max() > 1e-3
    torch.testing.assert_close(gradients[0], gradients[1])


SINGLE, SEVERAL = torch.from_numpy(GOLD), torch.from_numpy(SETS)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, {}),
        ({"label_smoothing": 0.2}, {"label_smoothing": 0.2}),
        ({"class_weights": WEIGHTS}, {"weight": AS_TENSOR}),
        ({"class_weights": "balanced"}, {"weight": torch.tensor(BALANCED, dtype=torch.float32)}),
    ],
)
def test_cross_entropy_of_all_texts_is_torchs(options, expected):
    agree(loss("cross-entropy", **options), lambda s, y: functional.cross_entropy(s, y, **expected), SINGLE)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, None),
        ({"positive_weights": WEIGHTS}, AS_TENSOR),
        (
            {"positive_weights": "balanced"},
            torch.from_numpy((1 - SETS).sum(axis=0) / SETS.sum(axis=0)).float(),
        ),
    ],
)
def test_binary_cross_entropy_is_torchs(options, expected):
    def reference(scores, targets):
        return functional.binary_cross_entropy_with_logits(scores, targets, pos_weight=expected)

    agree(loss("binary-cross-entropy", True, **options), reference, SEVERAL)


def test_smooth_binary_targets_are_moved_towards_one_half():
    def reference(scores, targets):
        return functional.binary_cross_entropy_with_logits(scores, torch.where(targets > 0, 0.9, 0.1))

    agree(loss("binary-cross-entropy", True, label_smoothing=0.2), reference, SEVERAL)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 2.0, 5.0])
@pytest.mark.parametrize("weights", [None, WEIGHTS, "balanced"])
def test_focal_is_the_papers_formula_for_one_label(gamma, weights):
    each = {None: torch.ones(3), "balanced": torch.tensor(BALANCED, dtype=torch.float32)}.get(
        weights if weights != WEIGHTS else "given", AS_TENSOR
    )

    def reference(scores, targets):
        p = scores.softmax(dim=1)[torch.arange(len(targets)), targets]
        return (-each[targets] * (1 - p) ** gamma * p.log()).sum() / each[targets].sum()

    agree(loss("focal", gamma=gamma, class_weights=weights), reference, SINGLE)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_focal_is_the_papers_formula_for_several_labels(gamma, weights):
    each = torch.ones(3) if weights is None else AS_TENSOR

    def reference(scores, targets):
        p = scores.sigmoid()
        p_true = torch.where(targets > 0, p, 1 - p)
        return (-torch.where(targets > 0, each, 1.0) * (1 - p_true) ** gamma * p_true.log()).mean()

    agree(loss("focal", True, gamma=gamma, class_weights=weights), reference, SEVERAL)


@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_focal_without_focus_is_cross_entropy(weights):
    agree(loss("focal", gamma=0.0, class_weights=weights), loss("cross-entropy", class_weights=weights), SINGLE)
    binary = loss("binary-cross-entropy", True, positive_weights=weights)
    agree(loss("focal", True, gamma=0.0, class_weights=weights), binary, SEVERAL)


@given(
    size=st.floats(0, 1e4),
    gamma=st.floats(0, 5),
    multi_label=st.booleans(),
)
def test_focal_and_its_gradient_are_finite_for_any_logits(size, gamma, multi_label):
    scores = torch.tensor([[size, -size, 0.0], [-size, 0.0, size]], requires_grad=True)
    targets = torch.tensor([[1.0, 0, 1], [1, 1, 0]]) if multi_label else torch.tensor([0, 0])
    value = loss("focal", multi_label, gamma=gamma)(scores, targets)
    value.backward()
    assert math.isfinite(value.item())
    assert torch.isfinite(scores.grad).all()


@pytest.mark.parametrize("weights", [WEIGHTS, "balanced"])
@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.9])
def test_a_classs_weight_multiplies_the_smoothed_loss_of_its_own_texts(weights, smoothing):
    each = AS_TENSOR if weights == WEIGHTS else torch.tensor(BALANCED, dtype=torch.float32)

    def reference(scores, targets):
        of_text = functional.cross_entropy(scores, targets, reduction="none", label_smoothing=smoothing)
        return (each[targets] * of_text).sum() / each[targets].sum()

    agree(loss("cross-entropy", class_weights=weights, label_smoothing=smoothing), reference, SINGLE)


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_a_labels_weight_multiplies_the_smoothed_loss_of_the_texts_that_have_it(smoothing):
    def reference(scores, targets):
        smooth = torch.where(targets > 0, 1 - smoothing / 2, smoothing / 2)
        each = functional.binary_cross_entropy_with_logits(scores, smooth, reduction="none")
        return (each * torch.where(targets > 0, AS_TENSOR, 1.0)).mean()

    agree(loss("binary-cross-entropy", True, positive_weights=WEIGHTS, label_smoothing=smoothing), reference, SEVERAL)


COUNTED = [("cross-entropy", "class_weights"), ("focal", "class_weights"), ("hinge", "class_weights")]
COUNTED_SETS = [("binary-cross-entropy", "positive_weights"), *COUNTED[1:]]


@given(st.lists(st.integers(0, 50), min_size=3, max_size=3).filter(any), st.data())
def test_no_class_weighs_nothing_however_the_texts_fall(counts, data):
    several = data.draw(st.booleans())
    name, option = data.draw(st.sampled_from(COUNTED_SETS if several else COUNTED))
    n_texts = data.draw(st.integers(max(counts), sum(counts))) if several else sum(counts)
    facts = {"labels": LABELS, "class_counts": np.array(counts), "n_texts": n_texts, "multi_label": several}
    (weights,) = PLUGINS.part("loss", name, **{option: "balanced"}).build(facts).buffers()
    assert torch.isfinite(weights).all()
    assert (weights > 0).all()
    if name in ("cross-entropy", "focal") and not several:
        mean = (weights * torch.tensor(counts)).sum() / n_texts
        assert mean.item() == pytest.approx(1, rel=1e-5)


@pytest.mark.parametrize("name", ["cross-entropy", "focal"])
@pytest.mark.parametrize("factor", [1e-6, 1, 1e6])
def test_only_the_ratios_of_class_weights_count(name, factor):
    scaled = {label: weight * factor for label, weight in WEIGHTS.items()}
    agree(loss(name, class_weights=scaled), loss(name, class_weights=WEIGHTS), SINGLE)


def test_a_label_that_every_text_has_or_none_weighs_one_when_balanced():
    facts = {"labels": LABELS, "class_counts": np.array([6, 0, 2]), "n_texts": 6, "multi_label": True}
    made = PLUGINS.part("loss", "binary-cross-entropy", positive_weights="balanced").build(facts)
    assert made.weights.tolist() == [1, 1, 2]


@pytest.mark.parametrize(
    ("name", "multi_label", "instead"),
    [("cross-entropy", True, "binary-cross-entropy"), ("binary-cross-entropy", False, "cross-entropy")],
)
def test_the_wrong_kind_of_labels_is_reported_with_the_loss_to_use(name, multi_label, instead):
    with pytest.raises(RecipeError, match=f"loss '{name}' is for .* Use '{instead}'"):
        loss(name, multi_label)


@pytest.mark.parametrize(
    ("name", "option", "multi_label"),
    [
        ("cross-entropy", "class_weights", False),
        ("focal", "class_weights", True),
        ("binary-cross-entropy", "positive_weights", True),
    ],
)
def test_weights_that_do_not_name_the_classes_are_reported(name, option, multi_label):
    with pytest.raises(RecipeError) as caught:
        loss(name, multi_label, **{option: {"ant": 1.0, "dog": 2.0}})
    assert str(caught.value) == f"loss.{option} must name each class once: ant, bee, cat; it names ant, dog."


SCALED = (0.45, 1.35, 2.7)  # to a mean of 1 over the nine texts
KEPT = {
    "cross-entropy": SCALED,
    "focal": (0.5, 1.5, 3.0),
    "hinge": (0.5, 1.5, 3.0),
    "binary-cross-entropy": (0.5, 1.5, 3.0),
}


def test_weights_move_with_the_loss_and_options_are_documented():
    assert PLUGINS.names("loss") == sorted(KEPT)
    for component in PLUGINS.components("loss"):
        schema, _ = component.options.json_schema(component.name)
        assert all(option["description"] for option in schema["properties"].values())
        option = "positive_weights" if component.name.startswith("binary") else "class_weights"
        made = loss(component.name, component.name != "cross-entropy", **{option: WEIGHTS})
        assert [tuple(buffer.tolist()) for buffer in made.to("cpu").buffers()] == [pytest.approx(KEPT[component.name])]
