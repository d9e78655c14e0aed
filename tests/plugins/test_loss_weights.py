"""Every loss weighs texts: a weight of 2 counts as two texts, whatever the batches."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st
from test_loss_batches import CASES, NAMED, PARTS, built, partitions, rare_cats, weights_of
from torch import nn

from textforge import DataError, Dataset, RecipeError, Stream, Trainer, TrainingError
from textforge.data.weights import with_mean_one

PLAIN = pytest.mark.parametrize("several", [False, True])


def made_up(data, several):
    """Logits, targets and whole numbers as weights of some texts, not all 0."""
    n = data.draw(st.integers(2, 20))
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    if several:
        targets = torch.tensor(rng.random((n, 3)) < 0.3, dtype=torch.float32)
    else:
        targets = torch.tensor(rng.choice(3, n, p=[0.6, 0.25, 0.15]))
    times = np.array(data.draw(st.lists(st.integers(0, 3), min_size=n, max_size=n).filter(any)))
    return torch.tensor(rng.normal(scale=2, size=(n, 3))), targets, times


def counts_of(targets, weights):
    counts = targets.numpy() if targets.ndim == 2 else np.eye(3)[targets.numpy()]
    return weights @ counts


def gradient(loss, logits, *rest, **more):
    logits = logits.clone().requires_grad_()
    value = loss(logits, *rest, **more)
    value.backward()
    return value.detach(), logits.grad


@NAMED
@given(data=st.data())
@settings(max_examples=25)
def test_whole_numbers_as_weights_are_texts_repeated_as_often(name, several, options, data):
    logits, targets, times = made_up(data, several)
    n, scaled = len(times), times / times.mean()
    rows = torch.from_numpy(np.repeat(np.arange(n), times))
    repeated = built(name, several, options, counts_of(targets, times).astype(np.int64), int(times.sum()))
    weighted = built(name, several, options, counts_of(targets, scaled), n)
    value, each = gradient(repeated, logits[rows], targets[rows])
    found, own = gradient(weighted, logits, targets, weights=torch.from_numpy(scaled))
    torch.testing.assert_close(found, value, check_dtype=False)
    torch.testing.assert_close(own, torch.zeros_like(logits).index_add_(0, rows, each))


@NAMED
@given(data=st.data())
@settings(max_examples=15)
def test_weighted_gradients_of_batches_add_up_to_those_of_all_texts(name, several, options, data):
    logits, targets, times = made_up(data, several)
    n, scaled = len(times), times / times.mean()
    weights = torch.from_numpy(scaled)
    loss = built(name, several, options, counts_of(targets, scaled), n)
    total, whole = gradient(loss, logits, targets, weights=weights)
    parts, values = logits.clone().requires_grad_(), []
    for rows in data.draw(partitions(n)):
        value = loss(parts[rows], targets[rows], weights=weights[rows]) * len(rows) / n
        value.backward()
        values.append(value.detach())
    torch.testing.assert_close(sum(values), total)
    torch.testing.assert_close(parts.grad, whole)


# -- in a trainer ------------------------------------------------------------------------------


def some_weights(n, seed=0):
    return np.random.default_rng(seed).integers(0, 4, n).tolist()


def repeated(texts, labels, times):
    rows = np.repeat(np.arange(len(texts)), times).tolist()
    return [texts[row] for row in rows], [labels[row] for row in rows]


def seen(several):
    """Texts with weights that learn the words of all of them, and the same texts repeated as often as these say."""
    texts, labels = rare_cats(60, several)
    times = [1 + n for n in some_weights(60)]
    return Dataset(train=(texts, labels), weights=times), Dataset(train=repeated(texts, labels, times))


@NAMED
def test_a_trainer_learns_from_weights_what_it_learns_from_repeated_texts(name, several, options):
    weighted, twice = seen(several)
    loss = PARTS.part("loss", name, **options)
    found = weights_of(weighted, loss, batch_size=1000)
    np.testing.assert_allclose(found, weights_of(twice, loss, batch_size=1000), atol=2e-6)
    plain = weights_of(Dataset(train=weighted.train), loss, batch_size=1000)
    assert np.abs(found - plain).max() > 1e-3


@PLAIN
def test_the_default_loss_learns_from_weights_what_it_learns_from_repeated_texts(several):
    weighted, twice = seen(several)
    found = weights_of(weighted, None, batch_size=1000)
    np.testing.assert_allclose(found, weights_of(twice, None, batch_size=1000), atol=2e-6)


@NAMED
@pytest.mark.parametrize("weight", [0.1, 3.0])
def test_equal_weights_are_no_weights_bit_for_bit(name, several, options, weight):
    texts, labels = rare_cats(53, several)
    loss = PARTS.part("loss", name, **options)
    plain = weights_of(Dataset(train=(texts, labels)), loss, batch_size=8)
    assert np.array_equal(weights_of(Dataset(train=(texts, labels), weights=[weight] * 53), loss, batch_size=8), plain)


@NAMED
@pytest.mark.parametrize(("n", "size", "every"), [(64, 1, 64), (53, 4, 5)])
def test_a_trainer_learns_the_same_from_accumulated_weighted_batches(name, several, options, n, size, every):
    data = Dataset(train=rare_cats(n, several), weights=some_weights(n))
    loss = PARTS.part("loss", name, **options)
    small = weights_of(data, loss, batch_size=size, accumulate=every)
    np.testing.assert_allclose(small, weights_of(data, loss, batch_size=size * every), atol=2e-5)


@PLAIN
def test_a_trainer_that_drops_the_last_batch_weighs_the_others(several):
    texts, labels = rare_cats(53, several)
    times = [1 + n for n in some_weights(53)]
    own = with_mean_one(np.array(times, float))[:50]
    loss = (lambda: one_by_one) if not several else (lambda: nn.BCEWithLogitsLoss())
    dropped = weights_of(Dataset(train=(texts, labels), weights=times), loss,
                         batch_size=5, accumulate=4, drop_last=True, shuffle=False)  # fmt: skip
    # the weights have mean 1 over all 53 texts; a step over the first 50 divides by their number
    scale = own.mean()
    known = Dataset(train=(texts[:50], labels[:50]), weights=times[:50])
    scaled = (lambda: lambda a, b: one_by_one(a, b) * scale) if not several else (
        lambda: lambda a, b: nn.functional.binary_cross_entropy_with_logits(a, b) * scale)  # fmt: skip
    np.testing.assert_allclose(dropped, weights_of(known, scaled, batch_size=20, shuffle=False), atol=2e-5)


@PLAIN
@pytest.mark.parametrize("shuffle", [False, True])
def test_a_stream_with_weights_teaches_what_texts_in_memory_teach(several, shuffle):
    texts, labels = rare_cats(60, several)
    weights = some_weights(60)
    cuts = [(0, 25), (25, 25), (25, 60)]
    chunks = [(texts[a:b], labels[a:b], weights[a:b]) for a, b in cuts]
    streamed = Dataset(train=Stream(3, chunks.__getitem__))
    loss = PARTS.part("loss", "focal", class_weights="balanced")
    found = weights_of(streamed, loss, batch_size=60, shuffle=shuffle)
    in_memory = Dataset(train=(texts, labels), weights=weights)
    np.testing.assert_allclose(found, weights_of(in_memory, loss, batch_size=60, shuffle=shuffle), atol=2e-6)


def test_a_stream_with_equal_weights_is_one_without_bit_for_bit():
    texts, labels = rare_cats(60, several=False)
    cuts = [(0, 25), (25, 60)]
    plain = [(texts[a:b], labels[a:b]) for a, b in cuts]
    weighted = [(*chunk, [0.1] * len(chunk[0])) for chunk in plain]
    loss = PARTS.part("loss", "cross-entropy", class_weights="balanced")
    found, wanted = (weights_of(Dataset(train=Stream(2, chunks.__getitem__)), loss) for chunks in (weighted, plain))
    assert np.array_equal(found, wanted)


# -- losses that take no weights ---------------------------------------------------------------


def one_by_one(logits, targets):
    """A mean over texts that takes no weights."""
    return nn.functional.cross_entropy(logits, targets)


def test_a_loss_without_weights_is_computed_text_by_text():
    weighted, twice = seen(several=False)
    for loss in (lambda: one_by_one, nn.CrossEntropyLoss):
        found = weights_of(weighted, loss, batch_size=1000)
        np.testing.assert_allclose(found, weights_of(twice, None, batch_size=1000), atol=2e-6)


def whole_batch():
    return one_by_one


whole_batch.whole_batch = True


@pytest.mark.parametrize(
    "loss",
    [
        lambda: nn.CrossEntropyLoss(weight=torch.tensor([0.2, 1.0, 5.0])),  # divides by the weights of the batch
        lambda: lambda logits, targets: nn.functional.cross_entropy(logits - logits.mean(dim=0), targets),
        whole_batch,
    ],
    ids=["weighted mean", "compares texts", "says so"],
)
def test_a_loss_that_cannot_weigh_texts_is_refused_before_training(loss):
    weighted, _ = seen(several=False)
    steps = []
    with pytest.raises(RecipeError) as told:
        weights_of(weighted, loss, on_step=lambda *step: steps.append(step))
    assert str(told.value) == (
        "the loss cannot weigh texts, and the training texts have weights: its value for a batch is not the mean of "
        "its values for the single texts. Leave the weights out, or use another loss; its author can let it take a "
        "third argument, weights."
    )
    assert steps == []
    assert weights_of(Dataset(train=weighted.train), loss) is not None


def test_every_shipped_loss_takes_weights():
    for name, several, options in CASES:
        loss = built(name, several, options, np.array([3, 2, 1]), 6)
        assert "weights" in loss.forward.__annotations__, name


# -- what cannot be trained on -----------------------------------------------------------------


@pytest.mark.parametrize("as_stream", [False, True])
def test_weights_that_leave_one_class_are_refused(as_stream):
    texts, labels = rare_cats(24, several=False)
    weights = [float(label == "ant") for label in labels]
    data = (
        Dataset(train=Stream(1, lambda _: (texts, labels, weights)))
        if as_stream
        else Dataset(train=(texts, labels), weights=weights)
    )
    with pytest.raises(DataError, match="all texts with a weight above 0 have the same label"):
        weights_of(data, None)


def test_a_batch_of_weight_0_changes_nothing():
    data = Dataset(train=rare_cats(40, several=False), weights=[1, 2] * 10 + [0] * 20)
    states = []
    loop = Trainer(
        data, PARTS.part("vectorizer", "bow"), PARTS.part("model", "linear"), PARTS.part("optimizer", "sgd", lr=0.5),
        epochs=1, batch_size=20, shuffle=False,
        on_step=lambda *_: states.append([one.clone() for one in loop.module.parameters()]),
    )  # fmt: skip
    loop.prepare()
    states.append([one.clone() for one in loop.module.parameters()])
    loop.fit()
    before, one_step, two_steps = states
    assert not torch.equal(before[0], one_step[0])
    assert all(map(torch.equal, one_step, two_steps))


def test_a_huge_weight_is_reported_if_the_loss_is_not_finite():
    texts, labels = rare_cats(24, several=False)
    data = Dataset(train=(texts, labels), weights=[1e-30] * 23 + [1e30])
    assert np.isfinite(weights_of(data, None, batch_size=4)).all()
    with pytest.raises(TrainingError, match="the loss became"):
        weights_of(data, lambda: lambda a, b, weights=None: (a.sum(dim=1) * weights).sum() * torch.inf, batch_size=4)
