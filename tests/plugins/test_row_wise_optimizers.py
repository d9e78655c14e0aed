"""Optimizers that step the rows of a batch's words only: against torch's own, and against the formula."""

import pytest
import torch
from conftest import small_recipe
from test_optimizers import bag_network, bag_train, network, same
from torch import nn

import textforge
from textforge import FeatureLinear, PluginManager, RecipeError
from textforge_standard.optimizers.adagrad import adagrad
from textforge_standard.optimizers.row_wise import RowAdagrad, RowSGD, rows_of
from textforge_standard.optimizers.rowwise_adagrad import rowwise_adagrad
from textforge_standard.optimizers.sgd import sgd
from textforge_standard.optimizers.sparse_adam import sparse_adam

SPARSE = [(sgd, {"sparse": True}), (adagrad, {"sparse": True}), (sparse_adam, {}), (rowwise_adagrad, {})]
each = pytest.mark.parametrize(("factory", "options"), SPARSE, ids=[f.__name__ for f, _ in SPARSE])


def close(ours, theirs):
    assert ours.keys() == theirs.keys()
    for name, weights in ours.items():
        torch.testing.assert_close(weights, theirs[name], rtol=1e-4, atol=2e-6)


def sparse(rows, values, shape):
    rows = torch.tensor([rows], dtype=torch.long)
    return torch.sparse_coo_tensor(rows, torch.as_tensor(values), shape, check_invariants=True)


@pytest.mark.parametrize(
    ("factory", "options"),
    [(sgd, {"lr": 0.1}), (adagrad, {"lr": 0.1, "eps": 1e-6}), (adagrad, {"initial_accumulator_value": 0.5})],
)
def test_sparse_takes_the_steps_that_dense_does(factory, options):
    ours, theirs = bag_network(sparse=True), bag_network()
    found = bag_train(ours, factory(list(ours.parameters()), ours, sparse=True, **options))
    close(found, bag_train(theirs, factory(list(theirs.parameters()), theirs, **options)))


@pytest.mark.parametrize("options", [{}, {"lr": 0.02, "betas": (0.8, 0.99), "eps": 1e-9}])
def test_sparse_adam_is_torchs_on_embeddings_and_adam_on_all_else(options):
    ours, theirs = bag_network(sparse=True), bag_network(sparse=True)
    found = bag_train(ours, sparse_adam(list(ours.parameters()), ours, **options))
    first, *others = theirs.parameters()
    expected = bag_train(
        theirs, torch.optim.SparseAdam([first], **options), torch.optim.Adam(others, fused=True, **options)
    )
    close(found, expected)


def test_rowwise_adagrad_has_one_step_size_for_a_word():
    weights = nn.Parameter(torch.arange(12.0).reshape(4, 3))
    before, optimizer = weights.detach().clone(), RowAdagrad([weights], lr=0.5, per_row=True, start=0.0, eps=0.0)
    gradients = [{1: [1.0, 2.0, 2.0]}, {1: [4.0, 0.0, 0.0], 3: [0.0, 0.0, 3.0]}]
    for rows in gradients:
        weights.grad = sparse(list(rows), list(rows.values()), (4, 3))
        optimizer.step()
    first, second = (1 + 4 + 4) / 3, (1 + 4 + 4) / 3 + 16 / 3
    expected = before.clone()
    expected[1] -= 0.5 * torch.tensor([1.0, 2.0, 2.0]) / first**0.5 + 0.5 * torch.tensor([4.0, 0, 0]) / second**0.5
    expected[3] -= 0.5 * torch.tensor([0, 0, 3.0]) / 3**0.5
    torch.testing.assert_close(weights.detach(), expected)


def test_rowwise_adagrad_leaves_all_other_weights_to_adamw():
    ours, theirs = bag_network(sparse=True), bag_network()
    options = {"lr": 0.02, "weight_decay": 0.1, "betas": (0.8, 0.99)}
    found = bag_train(ours, rowwise_adagrad(list(ours.parameters()), ours, **options), steps=1)
    expected = bag_train(theirs, torch.optim.AdamW(list(theirs.parameters())[1:], fused=True, **options), steps=1)
    found.pop("0.weight"), expected.pop("0.weight")
    close(found, expected)


@pytest.mark.parametrize(
    ("factory", "options"), [SPARSE[0], *SPARSE[2:]], ids=["sgd", "sparse_adam", "rowwise_adagrad"]
)
def test_weight_decay_shrinks_the_words_of_a_batch_and_no_others(factory, options):
    layer = nn.EmbeddingBag(4, 2, mode="sum", sparse=True)
    before = layer.weight.detach().clone()
    optimizer = factory(list(layer.parameters()), layer, lr=0.1, weight_decay=0.5, **options)
    layer(torch.tensor([[1, 2, 1]])).sum().mul(0.0).backward()  # the gradient is nothing
    optimizer.step()
    torch.testing.assert_close(layer.weight.detach()[[1, 2]], before[[1, 2]] * 0.95)
    assert torch.equal(layer.weight.detach()[[0, 3]], before[[0, 3]])


@each
def test_weights_of_words_that_do_not_occur_stay_bit_for_bit(factory, options):
    layer = nn.EmbeddingBag(100, 8, mode="sum", sparse=True)
    before = layer.weight.detach().clone()
    optimizer = factory(list(layer.parameters()), layer, lr=0.1, **options)
    for words in ([3, 5], [5, 7]):
        optimizer.zero_grad(set_to_none=True)
        layer(torch.tensor([words])).square().sum().backward()
        optimizer.step()
    changed = (layer.weight.detach() != before).any(dim=1).nonzero().flatten().tolist()
    assert changed == [3, 5, 7]


def test_rows_that_a_gradient_has_more_than_once_are_added_up():
    weights = nn.Parameter(torch.zeros(3, 2))
    weights.grad = sparse([2, 0, 2], [[1.0, 1], [2, 2], [10, 20]], (3, 2))
    RowSGD([weights], lr=1.0).step()
    assert weights.tolist() == [[-2, -2], [0, 0], [-11, -21]]


def test_a_gradient_of_no_rows_changes_nothing():
    rows, values = rows_of(sparse([], torch.empty(0, 2), (3, 2)))
    assert (rows.shape, values.shape) == ((0,), (0, 2))


@each
def test_a_model_of_one_embedding_is_served(factory, options):
    model = nn.EmbeddingBag(9, 3, mode="sum", sparse=True)
    before = model.weight.detach().clone()
    bag_train(model, factory(list(model.parameters()), model, **options), steps=1)
    assert not torch.equal(model.weight, before)


@each
def test_it_says_so_where_no_gradient_is_sparse(factory, options):
    with pytest.raises(RecipeError, match=r"no weights with sparse gradients. Use another optimizer."):
        factory(list(network().parameters()), network(), **options)
    model = bag_network(sparse=False)
    with pytest.raises(RecipeError, match=r"the word weights got a dense gradient, .* Use another optimizer"):
        bag_train(model, factory(list(model.parameters()), model, **options))


@pytest.mark.parametrize(
    ("name", "options", "told"),
    [
        ("sgd", {"momentum": 0.9}, "momentum moves the weights of all words at each step; leave it at 0"),
        ("adagrad", {"weight_decay": 0.1}, "sparse: true takes neither weight_decay nor lr_decay"),
        ("adagrad", {"lr_decay": 0.1}, "sparse: true takes neither weight_decay nor lr_decay"),
    ],
)
def test_what_moves_every_word_is_refused_with_sparse(name, options, told):
    PluginManager().part("optimizer", name, **options)
    with pytest.raises(RecipeError, match=told):
        PluginManager().part("optimizer", name, sparse=True, **options)


@pytest.mark.parametrize("name", ["sgd", "adagrad"])
def test_the_option_decides_whether_gradients_are_sparse(name):
    plugins = PluginManager()
    assert plugins.part("optimizer", name, sparse=True).takes_sparse_gradients is True
    assert plugins.part("optimizer", name).takes_sparse_gradients is False
    assert plugins.part("optimizer", "sparse-adam").takes_sparse_gradients is True
    assert plugins.part("optimizer", "adam").takes_sparse_gradients is False


@each
def test_a_run_with_it_is_the_same_each_time(factory, options, small_csv, tmp_path):
    name = factory.__name__.replace("_", "-")
    recipe = small_recipe(small_csv, optimizer={"use": name, "lr": 2 if factory is sgd else 0.1, **options})
    first, second = (textforge.run(recipe, out=tmp_path / str(n)) for n in range(2))
    assert first.test["accuracy"] > 0.6
    weights = [run.classifier.module.state_dict() for run in (first, second)]
    assert same(*weights)


def test_sparse_and_dense_sgd_train_the_same_classifier(small_csv, tmp_path):
    found = []
    for sparse in (False, True):
        recipe = small_recipe(small_csv, optimizer={"use": "sgd", "lr": 0.5, "sparse": sparse})
        run = textforge.run(recipe, out=tmp_path / str(sparse))
        found.append(dict(run.classifier.module.state_dict()))
    close(*found)


def test_an_attribute_that_names_no_option_is_reported():
    def mine(params, /, *, lr: float = 0.1):
        """An optimizer."""

    mine.sparse_gradients = "spars"
    plugins = PluginManager()

    class Mine:
        @textforge.hookimpl
        def textforge_optimizers(self):
            return {"mine": mine}

    plugins.register(Mine())
    with pytest.raises(textforge.PluginError, match="'sparse_gradients' names 'spars', which is not an option"):
        _ = plugins.part("optimizer", "mine").takes_sparse_gradients


def test_clipping_is_refused_with_it(small_csv, tmp_path):
    recipe = small_recipe(small_csv, optimizer={"use": "sgd", "sparse": True}, trainer={"clip_norm": 1.0})
    with pytest.raises(RecipeError, match="sparse gradients, which have no norm"):
        textforge.run(recipe, out=tmp_path / "run")


def test_the_first_layer_gives_each_row_once():
    layer = FeatureLinear(6, 2)
    layer.sparse = True
    batch = textforge.RaggedBatch(
        torch.tensor([5, 1, 1, 3], dtype=torch.int32), torch.tensor([0, 2], dtype=torch.int32)
    )
    layer(batch).sum().backward()
    assert layer.weight.grad._indices().tolist() == [[1, 3, 5]]
    assert layer.weight.grad.to_dense()[1].tolist() == [2, 2]
