"""Every loss gives the same update however a step is cut into batches."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st

import textforge
from textforge import Dataset, FeatureLinear, Trainer

PARTS = textforge.PluginManager()
LABELS = ("ant", "bee", "cat")
WORDS = {"ant": ["leg", "hill", "queen"], "bee": ["wing", "queen", "honey"], "cat": ["leg", "fur", "milk"]}
WEIGHTS = {"ant": 0.3, "bee": 1.5, "cat": 9.0}

CASES = [
    ("cross-entropy", False, {}),
    ("cross-entropy", False, {"class_weights": "balanced"}),
    ("cross-entropy", False, {"class_weights": WEIGHTS}),
    ("cross-entropy", False, {"class_weights": "balanced", "label_smoothing": 0.2}),
    ("cross-entropy", False, {"label_smoothing": 0.2}),
    ("focal", False, {"gamma": 0.0, "class_weights": "balanced"}),
    ("focal", False, {"gamma": 2.0, "class_weights": WEIGHTS}),
    ("focal", False, {"gamma": 2.0}),
    ("focal", True, {"gamma": 2.0, "class_weights": "balanced"}),
    ("focal", True, {"gamma": 0.5, "class_weights": WEIGHTS}),
    ("hinge", False, {"class_weights": "balanced"}),
    ("hinge", False, {"squared": False, "class_weights": WEIGHTS}),
    ("hinge", True, {"class_weights": "balanced"}),
    ("hinge", True, {}),
    ("binary-cross-entropy", True, {}),
    ("binary-cross-entropy", True, {"positive_weights": "balanced"}),
    ("binary-cross-entropy", True, {"positive_weights": WEIGHTS, "label_smoothing": 0.2}),
    ("binary-cross-entropy", True, {"positive_weights": "balanced", "label_smoothing": 0.2}),
]  # fmt: skip
NAMED = pytest.mark.parametrize(("name", "several", "options"), CASES, ids=[f"{n}-{s}-{o}" for n, s, o in CASES])


def test_every_shipped_loss_is_held_to_it():
    assert {name for name, _, _ in CASES} == set(PARTS.names("loss"))


def rare_cats(n, several, seed=0):
    """Texts of which few are about cats, the last ones among them."""
    rng = np.random.default_rng(seed)
    labels = ["cat" if row % 12 == 11 else LABELS[row % 3 > 1] for row in range(n)]
    texts = [" ".join(rng.choice(WORDS[label], 3)) for label in labels]
    if several:
        return texts, [[label, "ant"][: 1 + row % 2] if row % 5 else [] for row, label in enumerate(labels)]
    return texts, labels


def built(name, several, options, counts, n_texts):
    facts = {"n_classes": 3, "labels": LABELS, "class_counts": counts, "n_texts": n_texts, "multi_label": several}
    return PARTS.part("loss", name, **options).build(facts)


@st.composite
def partitions(draw, n):
    """The rows 0 to n, in any order, cut into any number of batches."""
    rows = draw(st.permutations(range(n)))
    cuts = sorted(draw(st.sets(st.integers(1, n - 1))))
    return [rows[first:last] for first, last in zip([0, *cuts], [*cuts, n], strict=True)]


@NAMED
@given(data=st.data())
@settings(max_examples=25)
def test_gradients_of_batches_add_up_to_those_of_all_texts(name, several, options, data):
    n = data.draw(st.integers(2, 30))
    batches = data.draw(partitions(n))
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    if several:
        targets = torch.tensor(rng.random((n, 3)) < 0.3, dtype=torch.float32)
        counts = targets.sum(dim=0).numpy().astype(np.int64)
    else:
        targets = torch.tensor(rng.choice(3, n, p=[0.7, 0.25, 0.05]))
        counts = np.bincount(targets.numpy(), minlength=3)
    loss = built(name, several, options, counts, n)
    logits = torch.tensor(rng.normal(scale=2, size=(n, 3)))
    whole, parts = logits.clone().requires_grad_(), logits.clone().requires_grad_()
    total = loss(whole, targets)
    total.backward()
    values = []
    for rows in batches:
        value = loss(parts[rows], targets[rows]) * len(rows) / n
        value.backward()
        values.append(value)
    torch.testing.assert_close(sum(values), total)
    torch.testing.assert_close(parts.grad, whole.grad)


def weights_of(data, loss, **training):
    """What a linear model has learnt in one epoch of plain gradient steps."""
    loop = Trainer(
        data, PARTS.part("vectorizer", "bow"), lambda n_features, n_classes: FeatureLinear(n_features, n_classes),
        PARTS.part("optimizer", "sgd", lr=0.5), loss=loss, epochs=1, **training,
    )  # fmt: skip
    return torch.cat([value.flatten() for value in loop.fit().module.state_dict().values()]).numpy()


@NAMED
@pytest.mark.parametrize(("n", "size", "every"), [(64, 8, 8), (64, 1, 64), (53, 1, 16), (53, 4, 5)])
def test_a_trainer_learns_the_same_from_accumulated_batches(name, several, options, n, size, every):
    data = Dataset(train=rare_cats(n, several))
    loss = PARTS.part("loss", name, **options)
    small = weights_of(data, loss, batch_size=size, accumulate=every)
    np.testing.assert_allclose(small, weights_of(data, loss, batch_size=size * every), atol=2e-5)


@NAMED
def test_a_trainer_that_drops_the_last_batch_learns_the_same(name, several, options):
    texts, labels = rare_cats(53, several)
    counts = np.array([sum(one in (row if several else [row]) for row in labels) for one in LABELS])
    settings = {"loss": lambda: built(name, several, options, counts, 53), "shuffle": False}
    dropped = weights_of(Dataset(train=(texts, labels)), batch_size=5, accumulate=4, drop_last=True, **settings)
    known = Dataset(train=(texts[:50], labels[:50]))  # two steps of 20 texts, one of 10; the last 3 are left out
    np.testing.assert_allclose(dropped, weights_of(known, batch_size=20, **settings), atol=2e-5)


def test_weights_count_in_batches_of_one_text_as_in_one_of_all():
    texts, labels = rare_cats(48, several=False)
    balanced = PARTS.part("loss", "cross-entropy", class_weights="balanced")
    alone = weights_of(Dataset(train=(texts, labels)), balanced, batch_size=1, accumulate=48)
    unweighted = weights_of(Dataset(train=(texts, labels)), None, batch_size=1, accumulate=48)
    assert np.abs(alone - unweighted).max() > 0.05


def frequent_and_rare(several):
    """A class of 495 texts and one of 5, parted by their words."""
    texts = ["all is well"] * 495 + ["stolen card"] * 5
    labels = ["ok"] * 495 + ["fraud"] * 5
    return texts, [[label] for label in labels] if several else labels


@pytest.mark.parametrize("size", [500, 25])
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("cross-entropy", {"class_weights": "balanced", "label_smoothing": 0.1}),
        ("binary-cross-entropy", {"positive_weights": "balanced", "label_smoothing": 0.1}),
    ],
)
def test_a_frequent_class_is_learnt_with_balanced_weights_and_smoothing(name, options, size):
    several = name.startswith("binary")
    texts, labels = frequent_and_rare(several)
    classifier = Trainer(
        Dataset(train=(texts, labels)), PARTS.part("vectorizer", "bow"), PARTS.part("model", "linear"),
        PARTS.part("optimizer", "adam", lr=0.1), loss=PARTS.part("loss", name, **options), epochs=20, batch_size=size,
    ).fit()  # fmt: skip
    assert classifier.evaluate(texts, labels)["accuracy"] == 1
