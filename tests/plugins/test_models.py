"""Models `mlp` and `linear` against plain `nn.Linear` layers on the dense counts."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn

from textforge import FeatureLinear, Ragged
from textforge.features.ragged import Dense
from textforge_standard.models.linear import linear
from textforge_standard.models.mlp import mlp
from textforge_standard.vectorizers.bow import BagOfWords
from textforge_standard.vectorizers.tfidf import Tfidf

TEXTS = ["red red green", "", "blue blue blue blue red", "?", "green blue", "yellow violet red red", ""]
ACTIVATIONS = {
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "elu": nn.ELU,
    "silu": nn.SiLU,
    "gelu": nn.GELU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
}


def dense(features):
    """The matrix that the library never makes."""
    matrix = np.zeros((len(features), features.n_features), np.float32)
    rows = np.repeat(np.arange(len(features)), np.diff(features.offsets))
    matrix[rows, features.indices] = 1 if features.weights is None else features.weights
    return torch.from_numpy(matrix)


def plain(widths, activation="relu", dropout=0.0, seed=0):
    """The same network of plain linear layers, drawn from a seed."""
    torch.manual_seed(seed)
    layers = [nn.Linear(widths[0], widths[1])]
    for before, after in pairwise(widths[1:]):
        layers.append(ACTIVATIONS[activation]())
        if dropout:
            layers.append(nn.Dropout(dropout))
        layers.append(nn.Linear(before, after))
    return nn.Sequential(*layers)


def seeded(factory, *facts, seed=0, **options):
    torch.manual_seed(seed)
    return factory(*facts, **options)


def same_weights(ours, theirs):
    """Bit for bit; the first layer's weight is stored transposed."""
    ours, theirs = list(ours.parameters()), list(theirs.parameters())
    assert len(ours) == len(theirs)
    assert torch.equal(ours[0], theirs[0].T)
    for a, b in zip(ours[1:], theirs[1:], strict=True):
        assert torch.equal(a, b)


@pytest.fixture(autouse=True)
def callers_random_state():
    """What these tests draw is no other test's business."""
    state = torch.get_rng_state()
    yield
    torch.set_rng_state(state)


FEATURES = {
    "counts": lambda: BagOfWords().fit_transform(TEXTS),
    "binary, without weights": lambda: BagOfWords(binary=True).fit_transform(TEXTS),
    "tf-idf": lambda: Tfidf().fit_transform(TEXTS),
}


@pytest.mark.parametrize("features", FEATURES.values(), ids=FEATURES)
@pytest.mark.parametrize(
    ("factory", "options"),
    [
        (linear, {}),
        (mlp, {"hidden": []}),
        (mlp, {"hidden": [7]}),
        (mlp, {"hidden": [100, 100]}),
        (mlp, {"hidden": [3, 5, 4]}),
        *((mlp, {"hidden": [30, 20], "activation": activation}) for activation in ACTIVATIONS),
    ],
)
def test_outputs_and_gradients_are_those_of_linear_layers_on_the_dense_counts(factory, options, features):
    features = features()
    ours = seeded(factory, features.n_features, 3, **options)
    theirs = plain([features.n_features, *options.get("hidden", []), 3], options.get("activation", "relu"))
    same_weights(ours, theirs)

    targets = torch.tensor([0, 1, 2, 0, 1, 2, 0])
    found, expected = ours(features.batch(0, len(features))), theirs(dense(features))
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
    nn.functional.cross_entropy(found, targets).backward()
    nn.functional.cross_entropy(expected, targets).backward()
    gradients = [[p.grad for p in model.parameters()] for model in (ours, theirs)]
    assert any(g.abs().max() > 0.01 for g in gradients[1])  # there is something to compare
    torch.testing.assert_close(gradients[0][0].T, gradients[1][0], rtol=1e-5, atol=1e-5)
    for a, b in zip(gradients[0][1:], gradients[1][1:], strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-5)


def test_a_batch_from_the_middle_gives_the_rows_of_the_whole():
    features = BagOfWords().fit_transform(TEXTS)
    model = seeded(mlp, features.n_features, 3)
    torch.testing.assert_close(model(features.batch(2, 6)), model(features.batch(0, 7))[2:6])


@pytest.mark.parametrize("seed", [0, 1, 2**31])
@pytest.mark.parametrize("n_features", [1, 5, 25_000])
def test_weights_after_a_seed_are_those_of_plain_linear_layers(seed, n_features):
    same_weights(seeded(mlp, n_features, 3, seed=seed), plain([n_features, 100, 100, 3], seed=seed))
    same_weights(seeded(linear, n_features, 3, seed=seed), plain([n_features, 3], seed=seed))


def test_the_random_state_goes_on_as_after_plain_layers():
    seeded(mlp, 50, 3)
    ours = torch.rand(1)
    plain([50, 100, 100, 3])
    assert torch.equal(ours, torch.rand(1))


@pytest.mark.parametrize("hidden", [[], [8]])
def test_dense_vectors_go_through_the_same_layers(hidden):
    vectors = np.random.default_rng(0).normal(size=(6, 10)).astype(np.float32)
    model, reference = seeded(mlp, 10, 4, hidden=hidden), plain([10, *hidden, 4])
    found = model(Dense(vectors).batch(0, 6))
    torch.testing.assert_close(found, reference(torch.from_numpy(vectors)), rtol=1e-5, atol=1e-5)


def test_no_hidden_layer_leaves_the_linear_model():
    features = BagOfWords().fit_transform(TEXTS)
    batch = features.batch(0, len(features))
    assert torch.equal(
        seeded(mlp, features.n_features, 3, hidden=[])(batch), seeded(linear, features.n_features, 3)(batch)
    )


def test_the_layers_are_those_asked_for():
    model = mlp(10, 3, hidden=[8, 6], activation="gelu", dropout=0.5)
    kinds = [type(layer) for layer in model]
    assert kinds == [FeatureLinear, nn.GELU, nn.Dropout, nn.Linear, nn.GELU, nn.Dropout, nn.Linear]
    assert [tuple(p.shape) for p in model.parameters()] == [(10, 8), (8,), (6, 8), (6,), (3, 6), (3,)]
    assert not any(isinstance(layer, nn.Dropout) for layer in mlp(10, 3))


def test_dropout_acts_only_while_training():
    features = BagOfWords().fit_transform(TEXTS)
    batch = features.batch(0, len(features))
    model = seeded(mlp, features.n_features, 3, dropout=0.5)
    without = seeded(mlp, features.n_features, 3)  # the same weights
    assert not torch.equal(model(batch), model(batch))
    model.eval()
    assert torch.equal(model(batch), model(batch))
    assert torch.equal(model(batch), without(batch))


def test_dropout_zeroes_its_share_of_hidden_units():
    model = seeded(mlp, 4, 3, hidden=[20_000], dropout=0.3)
    before = torch.ones(1, 20_000)
    after = model[2](before)
    assert 0.28 < (after == 0).float().mean() < 0.32
    assert after.max() == pytest.approx(1 / 0.7)


def test_empty_bags_give_the_bias():
    layer = FeatureLinear(5, 3)
    empty = Ragged(np.array([], int), np.array([0, 0, 0]), 5)
    assert torch.equal(layer(empty.batch(0, 2)), layer.bias.expand(2, 3))
    among = Ragged(np.array([4]), np.array([0, 0, 1, 1]), 5, np.array([2.0]))
    found = layer(among.batch(0, 3))
    assert torch.equal(found[0], layer.bias)
    assert torch.equal(found[2], layer.bias)
    torch.testing.assert_close(found[1], layer.bias + 2 * layer.weight[4])


def test_no_rows_give_no_outputs():
    features = BagOfWords().fit(TEXTS).transform([])
    assert mlp(features.n_features, 3)(features.batch(0, 0)).shape == (0, 3)


@pytest.mark.parametrize(("norm", "layer"), [("batch", nn.BatchNorm1d), ("layer", nn.LayerNorm)])
def test_norms_stand_before_the_activation_and_are_torchs(norm, layer):
    features = BagOfWords().fit_transform(TEXTS)
    model = seeded(mlp, features.n_features, 3, hidden=[8, 6], norm=norm, dropout=0.5)
    kinds = [type(part) for part in model]
    assert [issubclass(kind, layer) for kind in kinds] == [False, True, False, False, False, True, *[False] * 3]
    torch.manual_seed(0)
    reference = nn.Sequential(
        nn.Linear(features.n_features, 8), layer(8), nn.ReLU(), nn.Linear(8, 6), layer(6), nn.ReLU(), nn.Linear(6, 3)
    )
    ours = seeded(mlp, features.n_features, 3, hidden=[8, 6], norm=norm)
    for _ in range(3):  # batch normalisation's running figures move
        found, expected = ours(features.batch(0, len(features))), reference(dense(features))
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    ours.eval(), reference.eval()
    found, expected = ours(features.batch(0, len(features))), reference(dense(features))
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_batch_normalisation_takes_a_batch_of_one():
    # as the last batch of an epoch may be; it has no variance, so the running figures serve
    model = seeded(mlp, 4, 3, hidden=[6], norm="batch")
    rows = torch.randn(20, 4)
    for _ in range(100):
        model(rows)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    found = model(rows[:1])
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert torch.equal(found, model.eval()(rows[:1]))
    found.sum().backward()


@pytest.mark.parametrize("features", FEATURES.values(), ids=FEATURES)
def test_input_dropout_leaves_out_entries_of_a_bag_while_training(features):
    features = features()
    batch = features.batch(0, len(features))
    torch.manual_seed(0)
    dropout = mlp(features.n_features, 3, input_dropout=0.25)[0]
    before = torch.ones(len(batch.indices)) if batch.weights is None else batch.weights
    found = torch.stack([dropout(batch).weights / before for _ in range(400)])
    assert {round(value, 4) for value in found.unique().tolist()} == {0.0, 1.3333}
    assert 0.2 < (found == 0).float().mean() < 0.3
    dropout.eval()
    assert dropout(batch) is batch


def test_input_dropout_zeroes_numbers_of_a_vector_while_training():
    dropout = mlp(1000, 3, input_dropout=0.25)[0]
    rows = torch.ones(10, 1000)
    torch.manual_seed(0)
    assert 0.2 < (dropout(rows) == 0).float().mean() < 0.3
    assert (rows == 1).all()
    assert dropout.eval()(rows) is rows


def test_input_dropout_needs_no_layer_where_there_is_none():
    assert type(mlp(10, 3)[0]) is FeatureLinear
