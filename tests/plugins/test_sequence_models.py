"""fasttext, textcnn, rnn and transformer against plain computations a text at a time, and what all of them share."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st
from torch import nn

from textforge import PluginManager, Ragged, RecipeError
from textforge_standard.models.encoder import sinusoids
from textforge_standard.models.fasttext import fasttext
from textforge_standard.models.rnn import rnn
from textforge_standard.models.textcnn import textcnn
from textforge_standard.models.transformer import transformer

VOCAB, CLASSES, DIM = 30, 3, 8
SMALL = {
    "fasttext, words": (fasttext, {"ngrams": 1}),
    "fasttext": (fasttext, {"ngrams": 3, "buckets": 40}),
    "textcnn": (textcnn, {"widths": [3, 4], "channels": 5}),
    "textcnn, one word": (textcnn, {"widths": [1], "channels": 20}),
    "gru, last": (rnn, {"hidden": 5, "pooling": "last"}),
    "lstm, mean": (rnn, {"hidden": 5, "pooling": "mean", "cell": "lstm", "layers": 2}),
    "gru, max, one way": (rnn, {"hidden": 5, "pooling": "max", "bidirectional": False, "layers": 2}),
    "lstm, attention": (rnn, {"hidden": 5, "pooling": "attention", "cell": "lstm"}),
    "transformer, mean": (transformer, {"heads": 2, "feedforward": 12}),
    "transformer, cls": (transformer, {"heads": 4, "feedforward": 12, "pooling": "cls", "positions": "learned"}),
    "transformer, attention": (transformer, {"heads": 1, "layers": 1, "feedforward": 12, "pooling": "attention"}),
}
every_model = pytest.mark.parametrize("name", SMALL)
NAMES = {fasttext: "fasttext", textcnn: "textcnn", rnn: "rnn", transformer: "transformer"}


def build(name, vectors=None, seed=0, **options):
    factory, small = SMALL[name]
    torch.manual_seed(seed)
    model = factory(VOCAB, CLASSES, vectors, **{"dim": DIM, **small, **options})
    with torch.no_grad():  # the unknown word begins at zero, where it would hide mistakes
        model.words.weight[1] = 0.3
    return model


def batch(texts, vocab=VOCAB):
    ids = np.concatenate([np.array(text, int) for text in texts]) if texts else np.array([], int)
    return Ragged(ids, np.cumsum([0, *map(len, texts)]), vocab).batch(0, len(texts))


def some_texts(lengths, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.integers(1, VOCAB, length).tolist() for length in lengths]


TEXTS = some_texts([5, 0, 1, 12, 2, 0, 7, 3])


@pytest.fixture(autouse=True)
def callers_random_state():
    """What these tests draw is no other test's business."""
    state = torch.get_rng_state()
    yield
    torch.set_rng_state(state)


# -- references --------------------------------------------------------------------------------


def by_hand_fasttext(model, text, ngrams, buckets):
    rows = [model.words.weight[id_] for id_ in text]
    for n in range(2, ngrams + 1):
        for start in range(len(text) - n + 1):
            hashed = 0
            for id_ in text[start : start + n]:
                hashed = (hashed * 116049371 + id_) % 2**64
            signed = hashed - 2**64 if hashed >= 2**63 else hashed
            rows.append(model.runs.weight[signed % buckets])
    mean = torch.stack(rows).mean(dim=0) if rows else torch.zeros(DIM)
    return model.out(mean)


def by_hand_textcnn(model, text, widths, channels):
    answers = []
    for width, detectors in zip(widths, model.convolutions, strict=True):
        words = torch.zeros(max(len(text), width), DIM)
        words[: len(text)] = model.words.weight[torch.tensor(text, dtype=int)]
        windows = words.unfold(0, width, 1)  # (windows, DIM, width)
        scores = torch.einsum("sdw,cdw->sc", windows, detectors.weight) + detectors.bias
        answers.append(scores.clamp(min=0).amax(dim=0))
    return model.out(torch.cat(answers))


def pooled_by_hand(model, states, how):
    if how == "mean":
        return states.mean(dim=0)
    if how == "max":
        return states.amax(dim=0)
    hidden, _, score = model.pooling.score
    weights = torch.tanh(states @ hidden.weight.T + hidden.bias) @ score.weight[0]
    return torch.softmax(weights, dim=0) @ states


def by_hand_rnn(model, text, hidden, pooling, cell="gru", layers=1, bidirectional=True):
    reference = {"gru": nn.GRU, "lstm": nn.LSTM}[cell](DIM, hidden, layers, bidirectional=bidirectional)
    with torch.no_grad():
        for number, layer in enumerate(model.layers):
            for suffix, direction in zip(("", "_reverse"), layer, strict=False):
                for name, value in direction.named_parameters():
                    getattr(reference, name.replace("_l0", f"_l{number}{suffix}")).copy_(value)
    states, last = reference(model.words.weight[torch.tensor(text or [0])])  # unbatched: no padding anywhere
    if pooling == "last":
        last = last[0] if cell == "lstm" else last
        return model.out(torch.cat(list(last[-2:] if bidirectional else last[-1:])))
    return model.out(pooled_by_hand(model, states, pooling))


def by_hand_transformer(model, text, heads, feedforward, layers=2, pooling="mean", positions="sinusoidal"):
    states = model.words.weight[torch.tensor(text or [0])] * math.sqrt(DIM) + model.positions[: max(1, len(text))]
    if pooling == "cls":
        states = torch.cat([model.cls.unsqueeze(0), states])
    assert len(model.layers) == layers
    for ours in model.layers:
        layer = nn.TransformerEncoderLayer(DIM, heads, feedforward, 0.0, "gelu", norm_first=True, batch_first=True)
        given = {
            "self_attn.in_proj_weight": ours.queries_keys_values.weight,
            "self_attn.in_proj_bias": ours.queries_keys_values.bias,
            "self_attn.out_proj.weight": ours.mix.weight,
            "self_attn.out_proj.bias": ours.mix.bias,
        }
        for theirs, mine in (("linear1", ours.feedforward[0]), ("linear2", ours.feedforward[2]),
                             ("norm1", ours.norm1), ("norm2", ours.norm2)):  # fmt: skip
            given |= {f"{theirs}.weight": mine.weight, f"{theirs}.bias": mine.bias}
        layer.load_state_dict(given)
        states = layer(states.unsqueeze(0))[0]
    states = model.norm(states)
    return model.out(states[0] if pooling == "cls" else pooled_by_hand(model, states, pooling))


BY_HAND = {
    fasttext: by_hand_fasttext, textcnn: by_hand_textcnn, rnn: by_hand_rnn, transformer: by_hand_transformer
}  # fmt: skip


@every_model
@torch.no_grad()
def test_outputs_are_those_computed_by_hand_a_text_at_a_time(name):
    model = build(name).eval()
    factory, options = SMALL[name]
    if name == "fasttext, words":
        options = {**options, "buckets": 0}
    expected = torch.stack([BY_HAND[factory](model, text, **options) for text in TEXTS])
    torch.testing.assert_close(model(batch(TEXTS)), expected, rtol=1e-5, atol=1e-6)


def test_sinusoids_are_those_of_the_paper():
    found = sinusoids(40, 6)
    for position in (0, 1, 39):
        for i in range(3):
            angle = position / 10000 ** (2 * i / 6)
            assert found[position, 2 * i] == pytest.approx(math.sin(angle), abs=1e-5)
            assert found[position, 2 * i + 1] == pytest.approx(math.cos(angle), abs=1e-5)


# -- what all share ----------------------------------------------------------------------------


@every_model
@settings(max_examples=15)
@given(lengths=st.lists(st.integers(0, 40), min_size=1, max_size=6), seed=st.integers(0, 9))
def test_a_batch_equals_its_texts_one_by_one(name, lengths, seed):
    model, texts = build(name).eval(), some_texts(lengths, seed)
    with torch.no_grad():
        together = model(batch(texts))
        alone = torch.cat([model(batch([text])) for text in texts])
    assert together.shape == (len(texts), CLASSES)
    torch.testing.assert_close(together, alone, rtol=1e-5, atol=1e-5)


@every_model
def test_gradients_of_a_batch_are_those_of_its_texts(name):
    targets = torch.tensor([0, 1, 2, 0, 1, 2, 0, 1])
    gradients = []
    for batches in ([(TEXTS, targets)], [([text], targets[i : i + 1]) for i, text in enumerate(TEXTS)]):
        model = build(name, dropout=0.0)
        for texts, gold in batches:
            nn.functional.cross_entropy(model(batch(texts)), gold, reduction="sum").backward()
        gradients.append([p.grad for p in model.parameters()])
    for together, alone in zip(*gradients, strict=True):
        torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-5)


@every_model
def test_gradients_reach_every_parameter_but_the_padding(name):
    model = build(name, dropout=0.0)
    texts = [*([word] for word in range(1, VOCAB)), *some_texts([40] * 20)]
    (model(batch(texts)) ** 2).sum().backward()
    for label, parameter in model.named_parameters():
        reached = parameter.grad != 0
        if label == "words.weight":
            assert not reached[0].any()
            assert reached[1:].any(dim=1).all()
        elif label == "positions":
            assert reached[: max(map(len, texts))].any(dim=1).all()
        else:
            assert reached.any(), label


@every_model
def test_no_rows_give_no_outputs(name):
    assert build(name)(batch([])).shape == (0, CLASSES)


@every_model
def test_a_batch_of_empty_texts_is_computed_and_trained_on(name):
    logits = build(name)(batch([[], []]))
    assert torch.isfinite(logits).all()
    nn.functional.cross_entropy(logits, torch.tensor([0, 1])).backward()


@every_model
def test_the_same_seed_draws_the_same_weights(name):
    ours, same, other = (build(name, seed=seed).state_dict() for seed in (3, 3, 4))
    assert all(torch.equal(ours[key], same[key]) for key in ours)
    assert not torch.equal(ours["out.weight"], other["out.weight"])


@every_model
def test_dropout_acts_only_while_training(name):
    model = build(name, dropout=0.5)
    model.train()
    assert not torch.equal(model(batch(TEXTS)), model(batch(TEXTS)))
    model.eval()
    torch.testing.assert_close(model(batch(TEXTS)), build(name, dropout=0.0)(batch(TEXTS)), rtol=0, atol=0)


@every_model
def test_padding_stays_zero_and_the_unknown_word_begins_there(name):
    factory, options = SMALL[name]
    model = factory(VOCAB, CLASSES, dim=DIM, **options)
    assert not model.words.weight[:2].any()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1)
    nn.functional.cross_entropy(model(batch(TEXTS)), torch.tensor([0, 1, 2, 0, 1, 2, 0, 1])).backward()
    optimizer.step()
    assert not model.words.weight[0].any()
    assert model.words.weight[TEXTS[0][0]].any()


@every_model
def test_pretrained_rows_are_copied_and_the_others_drawn(name):
    vectors = np.full((VOCAB, DIM), np.nan, np.float32)
    vectors[[4, 7]] = np.arange(2 * DIM).reshape(2, DIM)
    ours, without = build(name, vectors), build(name)
    for row in range(VOCAB):
        expected = torch.from_numpy(vectors[row]) if row in (4, 7) else without.words.weight[row]
        assert torch.equal(ours.words.weight[row], expected)
    assert torch.equal(ours.out.weight, without.out.weight)


@every_model
def test_vectors_of_another_length_are_refused_saying_what_to_set(name):
    with pytest.raises(RecipeError) as error:
        build(name, np.zeros((VOCAB, 300), np.float32))
    model = NAMES[SMALL[name][0]]
    assert str(error.value) == f"model '{model}': dim is {DIM}, but the vectors have 300: set model.dim: 300"


@every_model
def test_frozen_vectors_are_not_trained(name):
    frozen, trained = build(name, freeze=True), build(name)
    assert not frozen.words.weight.requires_grad
    assert trained.words.weight.requires_grad
    frozen(batch(TEXTS)).sum().backward()
    assert frozen.words.weight.grad is None


@every_model
def test_sparse_gradients_are_those_of_dense_ones(name):
    dense, sparse = build(name, dropout=0.0), build(name, dropout=0.0)
    for module in sparse.modules():
        if hasattr(module, "sparse"):
            module.sparse = True
    for model in (dense, sparse):
        (model(batch(TEXTS)) ** 2).sum().backward()
    assert sparse.words.weight.grad.is_sparse
    found = sparse.words.weight.grad.to_dense()
    found[0] = 0  # padding: a sparse gradient may name it, with zeros
    torch.testing.assert_close(found, dense.words.weight.grad)


@every_model
def test_no_batch_is_changed(name):
    given_ = batch(TEXTS)
    before = given_.indices.clone(), given_.offsets.clone()
    build(name)(given_)
    assert torch.equal(given_.indices, before[0])
    assert torch.equal(given_.offsets, before[1])


@pytest.mark.parametrize("positions", ["sinusoidal", "learned"])
def test_the_transformer_reads_as_many_words_as_it_has_positions(positions):
    model = build("transformer, mean", max_positions=6, positions=positions).eval()
    (text,) = some_texts([50])
    model(batch([text[:6]]))
    assert model.warnings == []
    torch.testing.assert_close(model(batch([text])), model(batch([text[:6]])))
    assert not torch.equal(model(batch([text[:6]])), model(batch([text[:5]])))
    assert model.warnings == ["of a text the first 6 words are read (model.max_positions)."]


@pytest.mark.parametrize(
    ("model", "options", "says"),
    [
        ("textcnn", {"widths": [3, 3]}, "widths names a width twice"),
        ("transformer", {"dim": 10, "heads": 4}, "heads is 4, which does not divide dim 10."),
        ("transformer", {"dim": 9, "heads": 3}, "dim must be even for sinusoidal positions."),
        ("mlp", {"hidden": [], "dropout": 0.5}, "dropout has no effect without hidden layers"),
        ("mlp", {"hidden": [], "norm": "layer"}, "norm has no effect without hidden layers"),
    ],
)
def test_options_that_contradict_each_other_are_refused(model, options, says):
    with pytest.raises(RecipeError, match=says):
        PluginManager().part("model", model, **options)
