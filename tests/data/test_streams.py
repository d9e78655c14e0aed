"""Training on a stream: chunks read when their turn comes, everything else as with texts in memory."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from conftest import make_sets, make_texts
from torch import nn

from textforge import DataError, Dataset, FeatureLinear, RecipeError, Stream, Survey, Trainer
from textforge_standard.vectorizers.bow import BagOfWords
from textforge_standard.vectorizers.hashing import Hashing
from textforge_standard.vectorizers.tfidf import Tfidf


def stream(texts: list[str], labels: list[Any], size: int = 7, **more: Any) -> Stream:
    chunks = [(texts[at : at + size], labels[at : at + size]) for at in range(0, len(texts), size)]
    return Stream(len(chunks), chunks.__getitem__, **more)


def linear(n_features: int, n_classes: int, /) -> nn.Module:
    return FeatureLinear(n_features, n_classes)


def sgd(params: list[Any], /) -> torch.optim.Optimizer:
    return torch.optim.SGD(params, lr=0.5)


def trainer(train: Any, vectorizer: Any = None, **more: Any) -> Trainer:
    given = {key: more.pop(key) for key in ("test", "valid") if key in more}
    return Trainer(
        Dataset(train, **given), vectorizer or Tfidf(), linear, sgd, **{"epochs": 3, "batch_size": 8, **more}
    )


def weights(loop: Trainer) -> list[torch.Tensor]:
    loop.fit()
    return [tensor.detach().clone() for tensor in loop.module.state_dict().values()]


def same(one: list[torch.Tensor], other: list[torch.Tensor]) -> bool:
    return all(map(torch.equal, one, other))


# -- the same as in memory -----------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 3, 8, 11, 50])
@pytest.mark.parametrize("drop_last", [True, False])
def test_in_the_order_that_texts_stand_in_a_stream_gives_the_weights_of_texts_in_memory(
    size: int, drop_last: bool
) -> None:
    texts, labels = make_texts(50)
    how = {"shuffle": False, "drop_last": drop_last, "accumulate": 2}
    assert same(weights(trainer(stream(texts, labels, size), **how)), weights(trainer((texts, labels), **how)))


def test_sets_of_labels_may_be_streamed() -> None:
    texts, sets = make_sets(40)
    one, other = trainer(stream(texts, sets), shuffle=False), trainer((texts, sets), shuffle=False)
    assert same(weights(one), weights(other)) and one.dataset.multi_label


def test_a_chunk_may_be_empty() -> None:
    for texts, labels in (make_texts(20), make_sets(20)):
        chunks = [(texts[:7], labels[:7]), ([], []), (texts[7:], labels[7:]), ([], [])]
        one = trainer(Stream(4, chunks.__getitem__), shuffle=False)
        assert same(weights(one), weights(trainer((texts, labels), shuffle=False)))


def test_dense_vectors_may_be_streamed() -> None:
    class Lengths:
        gives = ("n_features",)
        n_features = 2

        def fit(self, texts: list[str]) -> None:
            pass

        def fit_chunks(self, chunks: Any) -> None:
            pass

        def transform(self, texts: list[str]) -> Any:
            return np.array([[len(text), text.count("a")] for text in texts], dtype=np.float32).reshape(-1, 2)

    def dense(n_features: int, n_classes: int, /) -> nn.Module:
        return nn.Linear(n_features, n_classes)

    texts, labels = make_texts(30)
    assert same(
        *(
            weights(Trainer(Dataset(train), Lengths(), dense, sgd, epochs=2, batch_size=8, shuffle=False))
            for train in (stream(texts, labels), (texts, labels))
        )
    )


# -- an epoch ------------------------------------------------------------------------------------


def batches_of(loop: Trainer, epoch: int) -> list[tuple[list[int], int]]:
    """The features and the number of texts of each batch."""
    loop.prepare()
    return [(batch.indices.tolist(), len(gold)) for batch, gold in loop._prepared.source.epoch(epoch)]


def test_every_epoch_takes_all_texts_in_another_order_and_the_same_seed_the_same_one() -> None:
    texts, labels = [f"word{n:03d}" for n in range(50)], ["a", "b"] * 25
    one, two = (batches_of(trainer(stream(texts, labels), seed=1), epoch) for epoch in (1, 2))
    orders = [[index for batch, _ in batches for index in batch] for batches in (one, two)]
    assert [sorted(order) for order in orders] == [list(range(50))] * 2 and orders[0] != orders[1]
    assert orders[0] != list(range(50))
    assert batches_of(trainer(stream(texts, labels), seed=1), 1) == one
    assert batches_of(trainer(stream(texts, labels), seed=2), 1) != one


@pytest.mark.parametrize("size", [1, 7, 20])
def test_all_batches_but_the_last_are_full(size: int) -> None:
    texts, labels = make_texts(50)
    sizes = [n for _, n in batches_of(trainer(stream(texts, labels, size)), 1)]
    assert sizes == [8] * 6 + [2]
    loop = trainer(stream(texts, labels, size), drop_last=True)
    assert [n for _, n in batches_of(loop, 1)] == [8] * 6 and loop.steps == 6


def test_texts_of_like_length_are_put_together_where_that_is_asked_for() -> None:
    texts, labels = [f"{'word ' * (n % 9 + 1)}" for n in range(64)], ["a", "b"] * 32
    batches = batches_of(trainer(stream(texts, labels, 64), BagOfWords(split="spaces"), bucket_by_length=True), 1)
    assert sorted(n for _, n in batches) == [8] * 8


def test_a_schedule_knows_all_steps_of_a_stream() -> None:
    told = {}

    def schedule(optimizer: Any, total_steps: int, /) -> Any:
        told["steps"] = total_steps
        return torch.optim.lr_scheduler.LambdaLR(optimizer, lambda _: 1.0)

    texts, labels = make_texts(50)
    trainer(stream(texts, labels), scheduler=schedule).prepare()
    assert told["steps"] == 3 * 7


def test_a_stream_that_changes_is_reported() -> None:
    texts, labels = make_texts(40)
    reads = iter(range(10**6))
    whole = stream(texts, labels, 20)
    loop = trainer(Stream(2, lambda n: whole.chunk(n) if next(reads) < 5 else (texts[:3], labels[:3])))
    with pytest.raises(DataError, match=r"the stream gave 40 texts before and .* It must give the same chunks"):
        loop.fit()


# -- what is known of a stream -------------------------------------------------------------------


def test_the_figures_of_a_stream_are_those_of_its_texts() -> None:
    texts, labels = make_texts(40)
    streamed, held = Dataset(stream(texts, labels)), Dataset((texts, labels))
    assert streamed.labels() == held.labels()
    assert streamed.n_train == held.n_train == 40
    assert dict(streamed.label_counts()) == dict(held.label_counts())
    assert streamed.splits() == {}
    loop = trainer(stream(texts, labels))
    assert loop.n_train == 40
    held_loop = trainer((texts, labels))
    held_loop.prepare()
    counts = [one._prepared.source.class_counts(one.labels).tolist() for one in (loop, held_loop)]
    assert counts[0] == counts[1] and sum(counts[0]) == 40


def test_a_stream_is_read_once_to_survey_it_and_once_an_epoch() -> None:
    texts, labels = make_texts(40)
    reads: list[int] = []
    source = stream(texts, labels, 10)

    def read(n: int) -> Any:
        reads.append(n)
        return source.chunk(n)

    dataset = Dataset(Stream(4, read), test=(texts[:3], labels[:3]))
    loop = Trainer(dataset, Hashing(n_features=64), linear, sgd, epochs=2, batch_size=8)
    loop.fit()
    assert reads[:4] == [0, 1, 2, 3] and len(reads) == 4 + 2 * 4
    dataset.fingerprint()
    assert len(reads) == 12
    known = source.survey()
    reads.clear()
    Trainer(Dataset(Stream(4, read, known=known)), Hashing(n_features=64), linear, sgd, epochs=2, batch_size=8).fit()
    assert len(reads) == 2 * 4


def test_the_fingerprint_tells_texts_labels_and_chunks_apart() -> None:
    texts, labels = make_texts(40)
    other_text, other_label = [*texts[:-1], "other"], [*labels[:-1], "other"]
    found = [
        Dataset(train).fingerprint()
        for train in (
            stream(texts, labels),
            stream(other_text, labels),
            stream(texts, other_label),
            stream(texts, labels, 8),
        )
    ]
    assert len({*found}) == 4
    assert Dataset(stream(texts, labels)).fingerprint() == found[0]


def test_test_texts_that_stand_in_a_stream_are_reported_and_the_pass_that_fits_the_vectorizer_finds_them() -> None:
    texts, labels = make_texts(40)
    test = ([texts[7], "nowhere", texts[0]], labels[:3])
    told = Dataset((texts, labels), test=test).repeated_texts()
    streamed = Dataset(stream(texts, labels), test=test)
    assert streamed.repeated_texts() == told and "rows 1, 3" in told[0]
    fitted = trainer(stream(texts, labels, known=stream(texts, labels).survey()), test=test)
    fitted.prepare()
    fitted.dataset.train._read = None  # nothing is read any more
    assert fitted.dataset.repeated_texts() == told


# -- refusals ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("chunk", "told"),
    [
        ((["a", 5], ["x", "y"]), "train, chunk 1: the text at index 1 is 5, a int, which is not text"),
        ((["a"], ["x", "y"]), "train, chunk 1: 1 texts but 2 labels"),
        ((["a"], [None]), "train, chunk 1: the label at index 0 is None"),
        ((["a"], [["x"]]), "train, chunk 1: labels are single in one chunk and lists in another"),
        (["a"], "train, chunk 1: a chunk is a pair"),
    ],
)
def test_what_is_wrong_in_a_chunk_is_reported_with_chunk_and_row(chunk: Any, told: str) -> None:
    with pytest.raises(DataError, match=told):
        Dataset(Stream(2, [(["a", "b"], ["x", "y"]), chunk].__getitem__)).labels()


def test_a_stream_without_chunks_or_texts_is_refused() -> None:
    with pytest.raises(DataError, match="at least one chunk"):
        Stream(0, lambda _: ([], []))
    with pytest.raises(DataError, match="no texts"):
        Stream(1, lambda _: ([], [])).survey()


def test_single_labels_in_one_split_and_lists_in_the_other_are_refused() -> None:
    texts, labels = make_texts(20)
    with pytest.raises(DataError, match="test: labels are single in one split and lists in another"):
        Dataset(stream(texts, labels), test=(["a"], [["x"]])).labels()


def test_groups_and_a_held_out_validation_need_texts_in_memory() -> None:
    texts, labels = make_texts(20)
    with pytest.raises(DataError, match="no texts are held out of a stream"):
        Dataset(stream(texts, labels), groups=texts)
    with pytest.raises(RecipeError, match="Give the dataset a validation split"):
        trainer(stream(texts, labels), validation=0.1).prepare()


def test_a_validation_split_of_the_datasets_own_chooses_the_epoch() -> None:
    texts, labels = make_texts(60)
    loop = trainer(stream(texts[:40], labels[:40]), valid=(texts[40:], labels[40:]), patience=2)
    loop.fit()
    assert loop.best is not None and loop.best.valid is not None


def test_what_has_to_see_all_texts_at_once_is_refused_before_anything_is_read() -> None:
    class Old:
        def fit(self, texts: list[str]) -> None: ...
        def transform(self, texts: list[str]) -> None: ...

    def read(_: int) -> Any:
        raise AssertionError

    def fits(n_features: int, n_classes: int, /) -> nn.Module:
        raise AssertionError

    fits.fits_itself = True  # type: ignore[attr-defined]
    with pytest.raises(RecipeError, match="the vectorizer learns from all texts at once"):
        trainer(Stream(1, read), Old())
    with pytest.raises(RecipeError, match="the model fits itself on all texts at once"):
        Trainer(Dataset(Stream(1, read)), Hashing(), fits)


def test_labels_of_a_stream_are_not_kept() -> None:
    texts, labels = make_texts(20)
    with pytest.raises(RecipeError, match="needs all training texts at once, but they are a stream"):
        _ = trainer(stream(texts, labels)).train_labels


def test_a_known_survey_is_believed() -> None:
    known = Survey(2, {"x": 1, "y": 1}, False, "f" * 64)
    dataset = Dataset(Stream(1, lambda _: (["a", "b"], ["x", "y"]), known=known))
    assert dataset.labels() == ("x", "y") and dataset.fingerprint() == Dataset(dataset.train).fingerprint()
