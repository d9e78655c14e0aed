"""Warnings about settings that harm training silently on the data at hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from conftest import make_texts
from hypothesis import given, strategies as st

import textforge
from textforge import Dataset, Stream, Trainer
from textforge.components.settings import TrainerSettings
from textforge.training.setting_warnings import chunk_warnings, order_warnings

PARTS = textforge.PluginManager()
BLOCKS = "the labels of the training texts come in blocks"


def trainer(data: Dataset, vectorizer: str = "bow", model: str = "linear", **settings: Any) -> Trainer:
    options = settings.pop("options", {})
    made = PARTS.part("vectorizer", vectorizer, **options), PARTS.part("model", model)
    return Trainer(data, *made, PARTS.part("optimizer", "adam", lr=0.05), **{"batch_size": 8, "epochs": 3, **settings})


def by_label(n: int = 90) -> Dataset:
    pairs = sorted(zip(*make_texts(n), strict=True), key=lambda pair: pair[1])
    return Dataset(([text for text, _ in pairs], [label for _, label in pairs]))


def said(y: Any, n_classes: int, **settings: Any) -> list[str]:
    return [*order_warnings(np.asarray(y), [f"c{n}" for n in range(n_classes)], TrainerSettings(**settings))]


def warnings_of(loop: Trainer) -> list[str]:
    loop.prepare()
    assert set(loop.setting_warnings) <= set(loop.warnings)
    return loop.setting_warnings


def test_keeping_an_order_by_label_gives_one_warning_with_the_setting_to_change() -> None:
    (sentence,) = warnings_of(trainer(by_label(), shuffle=False))
    assert sentence.startswith(BLOCKS) and sentence.endswith("Set trainer.shuffle: true.")
    assert warnings_of(trainer(by_label())) == []
    assert warnings_of(trainer(Dataset(make_texts(90)), shuffle=False)) == []
    assert warnings_of(trainer(by_label(), model="multinomial-nb", shuffle=False)) == [], "it fits itself: no order"


@given(st.integers(2, 30), st.integers(60, 900), st.data())
def test_sorted_labels_are_found_in_any_number_of_classes_and_batch_size(n_classes: int, n: int, data: Any) -> None:
    n = max(n, 20 * n_classes)  # a few texts per class in two or three batches could lie so by chance
    size, seed = data.draw(st.integers(1, n // 8)), data.draw(st.integers(0, 99))
    y = np.sort(np.random.default_rng(seed).integers(0, n_classes, n))
    assert any(one.startswith(BLOCKS) for one in said(y, n_classes, shuffle=False, batch_size=size))


def test_a_random_order_raises_no_alarm() -> None:
    generator = np.random.default_rng(0)
    for _ in range(500):
        n_classes, n, size = (int(generator.integers(*ends)) for ends in ((2, 30), (4, 600), (1, 100)))
        y = generator.choice(n_classes, n, p=generator.dirichlet(np.ones(n_classes)))
        assert not any(one.startswith(BLOCKS) for one in said(y, n_classes, shuffle=False, batch_size=size))


@pytest.mark.parametrize(("block", "harmful"), [(4, False), (16, False), (32, False), (150, True), (300, True)])
def test_blocks_count_if_they_are_long_for_the_batches(block: int, harmful: bool) -> None:
    y = np.arange(1800) // block % 3
    assert bool(said(y, 3, shuffle=False, batch_size=32)) is harmful


def test_accumulated_batches_count_as_one() -> None:
    y = np.arange(1800) // 150 % 3
    assert said(y, 3, shuffle=False, batch_size=32) and not said(y, 3, shuffle=False, batch_size=32, accumulate=8)


def test_sets_of_labels_in_blocks_are_found() -> None:
    y = np.random.default_rng(0).random((300, 4)) < 0.4
    assert said(y.astype(np.float32), 4, shuffle=False, batch_size=8) == []
    y[:150, :2], y[150:, 2:] = False, False
    assert said(y.astype(np.float32), 4, shuffle=False, batch_size=8)[0].startswith(BLOCKS)
    assert said(np.zeros((300, 4), np.float32), 4, shuffle=False, batch_size=8) == []


def test_texts_left_out_of_every_epoch_give_a_warning() -> None:
    y = np.arange(190) % 2
    (sentence,) = said(y, 2, shuffle=False, drop_last=True, batch_size=100, epochs=40)
    assert sentence.startswith("trainer.drop_last with shuffle: false leaves the last 90 of 190 training texts out of")
    assert said(y, 2, shuffle=True, drop_last=True, batch_size=100, epochs=40) == []
    y = np.append(np.arange(1700) % 2, [2] * 40)
    (sentence,) = said(y, 3, shuffle=False, drop_last=True, batch_size=100)
    assert "leaves the last 40 of 1740 training texts out of every epoch, among them most texts of: c2." in sentence
    assert said(np.arange(1774) % 3, 3, shuffle=False, drop_last=True, batch_size=150) == [], "the first recipe's"


def test_the_first_recipes_settings_on_a_small_sorted_file_give_warnings() -> None:
    y = np.repeat([0, 1], 111)
    step, blocks, dropped = said(y, 2, shuffle=False, drop_last=True, batch_size=150, epochs=10)
    assert "single step" in step and blocks.startswith(BLOCKS) and "the last 72 of 222" in dropped and "c1" in dropped
    assert said(y, 2, shuffle=False, batch_size=222, epochs=40) == [], "one batch of all texts has no order"


def test_an_epoch_of_a_single_step_gives_a_warning_unless_epochs_make_up_for_it() -> None:
    y = np.arange(40) % 2
    (sentence,) = said(y, 2, batch_size=64, epochs=10)
    assert sentence.startswith("each epoch is a single step of 40 texts, so training takes 10 steps in all, which may")
    assert "trainer.batch_size or accumulate smaller" in said(y, 2, batch_size=8, accumulate=5, epochs=2)[0]
    assert said(y, 2, batch_size=64, epochs=30) == [] and said(y, 2, batch_size=20, epochs=1) == []


def test_texts_without_a_feature_give_a_warning() -> None:
    data = Dataset(make_texts(60))
    (sentence,) = warnings_of(trainer(data, options={"min_df": 10, "stop_words": "english"}))
    assert sentence.startswith("vectorizer 'bow' ") and " finds no feature in " in sentence and "min_df" in sentence
    assert warnings_of(trainer(data)) == []
    blank = Dataset((["", "  ", *data.train[0][2:]], data.train[1]))
    assert warnings_of(trainer(blank)) == [], "an empty text has none"


def test_chunks_of_a_stream_with_different_labels_give_a_warning() -> None:
    texts, labels = by_label(120).train
    for order, n in ((np.arange(120), 1), (np.random.default_rng(0).permutation(120), 0)):
        rows = order.reshape(6, 20).tolist()

        def read(number: int, rows: Any = rows) -> Any:
            return [texts[row] for row in rows[number]], [labels[row] for row in rows[number]]

        for shuffle, says in ((True, "the chunks of the training stream have different labels"), (False, BLOCKS)):
            found = warnings_of(trainer(Dataset(Stream(6, read)), shuffle=shuffle))
            assert len(found) == n and all(one.startswith(says) for one in found)
    assert [*chunk_warnings([{"a": 3, "b": 3}], shuffle=True)] == []


def test_blocks_within_the_chunks_of_a_stream_count_if_their_order_is_kept() -> None:
    texts, labels = by_label(192).train
    rows = np.arange(192).reshape(3, 32, 2).transpose(2, 0, 1).reshape(2, 96)  # each chunk is sorted by label

    def read(number: int) -> Any:
        return [texts[row] for row in rows[number]], [labels[row] for row in rows[number]]

    assert warnings_of(trainer(Dataset(Stream(2, read)))) == []
    assert warnings_of(trainer(Dataset(Stream(2, read)), shuffle=False))[0].startswith(BLOCKS)
