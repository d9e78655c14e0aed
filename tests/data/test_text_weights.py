"""Weights per text: what is taken, what is refused, and where they go along."""

import math

import numpy as np
import polars as pl
import pytest
import torch
from hypothesis import given, strategies as st

from textforge import DataError, Dataset, Stream, TrainerSettings
from textforge.data.gold import encode_gold
from textforge.data.training_splits import split_for_training
from textforge.data.weights import takes_weights, with_mean_one

TEXTS, LABELS = ["a moon", "a bat", "an orbit", "a run"], ["space", "ball", "space", "ball"]
TRAIN = (TEXTS, LABELS)
WEIGHTS = st.lists(st.floats(1e-6, 1e6), min_size=1, max_size=20)


def refused(**arguments):
    with pytest.raises(DataError) as told:
        Dataset(train=TRAIN, **arguments)
    assert "\n" not in str(told.value)
    return str(told.value)


# -- what a dataset takes ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "given_as",
    [list, tuple, np.array, torch.tensor, pl.Series, lambda values: np.array(values, np.float32), iter],
    ids=["list", "tuple", "numpy", "torch", "polars", "float32", "iterator"],
)
def test_weights_may_be_any_sequence_of_numbers(given_as):
    data = Dataset(train=TRAIN, weights=given_as([0.5, 2, 0, 1]))
    assert data.weights == {"train": [0.5, 2, 0, 1]}
    assert data.weights_of("train").dtype == np.float64


def test_a_mapping_gives_weights_to_other_splits_too():
    data = Dataset(train=TRAIN, test=TRAIN, weights={"test": [1, 2, 3, 4]})
    assert data.weights_of("train") is None
    assert data.weights_of("test").tolist() == [1, 2, 3, 4]


def test_a_dataset_keeps_no_array_of_the_callers():
    given_weights = np.array([1.0, 2.0, 3.0, 4.0])
    data = Dataset(train=TRAIN, weights=given_weights)
    given_weights[:] = 0
    data.weights_of("train")[:] = 7
    assert data.weights_of("train").tolist() == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("weights", "says"),
    [
        ([1, 2, 3], "train: 4 texts but 3 weights."),
        ([1, 2, math.nan, 4], "train: the weight at index 2 is nan. A weight is a finite number from 0."),
        ([1, -0.5, 3, 4], "train: the weight at index 1 is -0.5. A weight is a finite number from 0."),
        ([1, math.inf, 3, 4], "train: the weight at index 1 is inf."),
        ([0, 0.0, 0, 0], "train: all 4 weights are 0, so no text counts. Give some text a weight above 0."),
        (["1", 2, 3, 4], "train: the weight at index 0 is '1', a str, which is not a number."),
        ([None, 2, 3, 4], "train: the weight at index 0 is None, a NoneType, which is not a number."),
        ("1111", "train: expected a list of weights, one number for each text, not a str."),
        (2.0, "train: expected a list of weights, one number for each text, not a float."),
        (np.ones((4, 1)), "not an array of shape (4, 1)."),
        ([1e308] * 4, "the weights are too large to add up."),
        ({"tests": [1, 2, 3, 4]}, "weights: no split 'tests'. The splits of this dataset: train."),
        ({"test": [1, 2, 3, 4]}, "weights: no split 'test'."),
    ],
)
def test_what_cannot_be_weights_is_refused_in_one_sentence(weights, says):
    assert says in refused(weights=weights)


def test_a_misspelled_split_is_named():
    assert "Did you mean 'test'?" in refused(test=TRAIN, weights={"tset": [1, 2, 3, 4]})


def test_weights_of_a_stream_come_with_its_chunks():
    stream = Stream(1, lambda _: TRAIN)
    with pytest.raises(DataError, match=r"let each chunk be \(texts, labels, weights\)"):
        Dataset(train=stream, weights=[1, 2, 3, 4])


def test_the_fingerprint_covers_weights():
    prints = [
        Dataset(train=TRAIN, test=TRAIN, weights=weights).fingerprint()
        for weights in (None, [1, 1, 1, 1], [1, 1, 1, 2], {"test": [1, 1, 1, 2]})
    ]
    assert len({*prints}) == 4
    assert Dataset(train=TRAIN, test=TRAIN, weights={}).fingerprint() == prints[0]


def test_labels_that_cannot_be_learnt_are_reported():
    data = Dataset(train=TRAIN, weights=[1, 0, 2, 0])
    assert "all training texts of these labels have weight 0, so they cannot be learnt: ball." in data.remarks()
    assert data.label_weights() == {"space": 3, "ball": 0}
    sets = Dataset(train=(TEXTS, [["a", "b"], ["b"], [], ["a"]]), weights=[1, 2, 3, 4])
    assert sets.label_weights() == {"a": 5, "b": 3}


def test_a_dataset_without_its_test_split_has_no_weights_of_it():
    data = Dataset(train=TRAIN, test=TRAIN, weights={"train": [1, 2, 3, 4], "test": [4, 3, 2, 1]})
    assert data.without("test").weights == {"train": [1, 2, 3, 4]}
    assert data.without("test").test is None


# -- where they go along -----------------------------------------------------------------------


@given(st.integers(0, 99), st.sampled_from([0.1, 0.3, 0.5]))
def test_texts_held_out_for_validation_keep_their_weights(seed, fraction):
    texts = [f"text {n}" for n in range(40)]
    data = Dataset(train=(texts, ["a", "b"] * 20), weights=[1 + n for n in range(40)])
    splits = split_for_training(data, data.labels(), TrainerSettings(validation=fraction), seed)
    for part in (splits.train, splits.valid):
        assert [f"text {n - 1:.0f}" for n in part.weights] == part.texts
    assert sorted([*splits.train.weights, *splits.valid.weights]) == data.weights["train"]


def test_texts_held_out_that_all_have_weight_0_are_refused():
    data = Dataset(train=([f"text {n}" for n in range(20)], ["a", "b"] * 10), weights=[1] * 19 + [0])
    for seed in range(40):
        held = split_for_training(data, data.labels(), TrainerSettings(validation=0.1), seed).valid
        assert held.weights.any()
    weights = [0] * 20
    weights[0] = weights[1] = 1
    data = Dataset(train=data.train, weights=weights)
    with pytest.raises(DataError, match="validation: all 2 weights are 0"):
        split_for_training(data, data.labels(), TrainerSettings(validation=0.1), 0)


def test_weights_of_a_validation_split_go_to_its_known_texts():
    valid = (["x", "y", "z"], ["space", "other", "ball"])
    data = Dataset(train=TRAIN, valid=valid, weights={"valid": [1, 2, 3]})
    splits = split_for_training(data, data.labels(), TrainerSettings(unknown_labels="drop"), 0)
    assert splits.valid.weights.tolist() == [1, 3]
    for treatment in ("drop", "wrong"):
        data = Dataset(train=TRAIN, valid=valid, weights={"valid": [0, 2, 0]})
        with pytest.raises(DataError, match="valid, without unknown labels: all 2 weights are 0"):
            split_for_training(data, data.labels(), TrainerSettings(unknown_labels=treatment), 0)


@pytest.mark.parametrize(("unknown", "kept"), [("wrong", [1, 2, 3]), ("drop", [1, 3])])
def test_unknown_labels_take_their_weights_along(unknown, kept):
    gold = encode_gold(["space", "other", "ball"], ["ball", "space"], "test", unknown, np.array([1.0, 2.0, 3.0]))
    assert gold.weights.tolist() == kept


# -- streams -----------------------------------------------------------------------------------


def stream(*chunks):
    return Stream(len(chunks), chunks.__getitem__)


def test_a_stream_sums_its_weights_in_its_survey():
    found = stream((TEXTS, LABELS, [1, 2, 3, 4]), (TEXTS[:1], LABELS[:1], [0.5]))
    assert found.survey().weight == 10.5
    assert found.survey().label_weights == {"space": 4.5, "ball": 6}
    assert found.weighted
    assert found.chunk(1) == (["a moon"], ["space"])
    assert found.weighted_chunk(1) == (["a moon"], ["space"], [0.5])


def test_equal_weights_of_a_stream_are_none():
    found = stream((TEXTS, LABELS, [0.1] * 4), (TEXTS[:1], LABELS[:1], [0.1]))
    assert not found.weighted
    assert found.survey().label_weights is None


def test_a_streams_fingerprint_covers_weights():
    prints = {
        stream((TEXTS, LABELS, weights)).fingerprint for weights in (None, [1, 1, 1, 1], [1, 1, 1, 2], [2, 1, 1, 1])
    }
    assert len(prints) == 4
    assert stream(TRAIN).fingerprint == stream((TEXTS, LABELS, None)).fingerprint


@pytest.mark.parametrize(
    ("chunks", "says"),
    [
        ([(TEXTS, LABELS, [1, 2, 3])], "train, chunk 0: 4 texts but 3 weights."),
        ([TRAIN, (TEXTS, LABELS, [1, 2, -3, 4])], "train, chunk 1: the weight at index 2 is -3."),
        ([TRAIN, (TEXTS, LABELS, [1, 2, 3, 4])], "train, chunk 1: one chunk has weights and another has none."),
        ([(TEXTS, LABELS, [0] * 4)], "train: all 4 weights are 0, so no text counts."),
        ([(TEXTS, LABELS, [1] * 4, "more")], "train, chunk 0: a chunk is a pair (texts, labels), or (texts, labels, w"),
    ],
)
def test_weights_of_chunks_are_checked(chunks, says):
    with pytest.raises(DataError) as told:
        stream(*chunks).survey()
    assert says in str(told.value)


# -- scaling, and code that takes them ---------------------------------------------------------


@given(WEIGHTS, st.floats(1e-9, 1e9))
def test_scaled_weights_have_mean_1_whatever_their_scale(weights, factor):
    scaled = with_mean_one(np.array(weights))
    if len({*weights}) == 1:
        assert scaled is None
        return
    assert scaled.mean() == pytest.approx(1)
    np.testing.assert_allclose(scaled / scaled.max(), np.array(weights) / max(weights))
    again = with_mean_one(np.array(weights) * factor)
    if again is not None:  # a product may round different weights to the same number
        np.testing.assert_allclose(again, scaled)


@pytest.mark.parametrize("weight", [0.1, 1 / 3, 7, 1e300, 5e-324])
def test_equal_weights_change_nothing(weight):
    assert with_mean_one(np.full(7, weight)) is None
    assert with_mean_one(None) is None


class Module(torch.nn.Module):
    def forward(self, logits, targets, weights=None):
        """Take weights."""


@pytest.mark.parametrize(
    ("function", "takes"),
    [
        (lambda a, b, weights=None: 0, True),
        (lambda a, b, *, weights: 0, True),
        (lambda a, b: 0, False),
        (lambda a, b, **more: 0, False),
        (Module(), True),
        (torch.nn.CrossEntropyLoss(), False),
        (max, False),
        (None, False),
    ],
)
def test_code_takes_weights_if_it_has_a_parameter_of_that_name(function, takes):
    assert takes_weights(function) is takes
