"""What is held out of training data, and what is said of it."""

from collections import Counter

import pytest
from conftest import make_texts
from hypothesis import given, strategies as st

from textforge import DataError
from textforge_standard.datasets.jsonl import jsonl
from textforge_standard.datasets.splits import Examples, HoldOut, dataset, read_splits


def made(n=100, groups=None, **fractions):
    texts, labels = make_texts(n)
    texts = [f"{row} {text}" for row, text in enumerate(texts)]
    return Examples(texts, labels, groups), HoldOut(**fractions)


def test_test_and_validation_texts_are_held_out_once_and_in_proportion():
    train, fractions = made(400, test_fraction=0.25, valid_fraction=0.25)
    found = dataset({"train": train}, fractions, seed=0)
    sizes = {name: len(texts) for name, (texts, _) in found.splits().items()}
    assert sizes["test"] == pytest.approx(100, abs=2) and sizes["valid"] == pytest.approx(100, abs=2)
    every = [text for texts, _ in found.splits().values() for text in texts]
    assert sorted(every) == sorted(train.texts)
    whole = Counter(train.labels)
    for name in ("test", "valid"):
        counts = Counter(found.splits()[name][1])
        assert all(abs(counts[label] - whole[label] / 4) <= 1 for label in whole), name
    assert found.warnings == (
        f"no test file: {sizes['test']} of 400 rows, stratified by label, are held out for the test.",
        f"{sizes['valid']} of 400 rows, stratified by label, are held out for validation.",
    )


@pytest.mark.parametrize("n", [505, 50, 37])
def test_both_fractions_are_of_all_rows(n):
    labels = [f"class {row % 100 if n > 100 else row % 7}" for row in range(n)]
    found = dataset({"train": Examples([str(row) for row in range(n)], labels)},
                    HoldOut(test_fraction=0.1, valid_fraction=0.05), seed=0)  # fmt: skip
    assert len(found.test[0]) == round(0.1 * n) and len(found.valid[0]) == round(0.05 * n)
    assert set(found.train[1]) == set(labels)


def test_data_of_their_own_are_taken_whole():
    train, fractions = made(test_fraction=0.5, valid_fraction=0.4)
    own = Examples(["a", "b"], ["space", "ball"])
    found = dataset({"train": train, "test": own, "valid": own}, fractions, seed=0)
    assert found.train[0] == train.texts and found.test == found.valid == (["a", "b"], ["space", "ball"])
    assert found.warnings == ()


def test_nothing_is_held_out_where_none_is_asked_for():
    train, fractions = made(test_fraction=0.0)
    assert list(dataset({"train": train}, fractions, seed=0).splits()) == ["train"]


def test_the_hold_out_follows_from_the_seed():
    train, fractions = made()
    first, again, other = (dataset({"train": train}, fractions, seed=seed) for seed in (1, 1, 2))
    assert first == again and first.test != other.test


@given(
    groups=st.lists(st.integers(0, 20), min_size=30, max_size=80).filter(lambda g: len(set(g)) >= 8),
    seed=st.integers(0, 1000),
)
def test_no_group_is_ever_on_two_sides(groups, seed):
    names = [f"author {number}" for number in groups]
    train, fractions = made(len(names), groups=names, test_fraction=0.3, valid_fraction=0.2)
    by_text = dict(zip(train.texts, names, strict=True))
    found = dataset({"train": train}, fractions, seed)
    sides = [{by_text[text] for text in texts} for texts, _ in found.splits().values()]
    assert len(sides) == 3 and sum(map(len, sides)) == len(set(names))
    assert found.groups == [by_text[text] for text in found.train[0]]
    assert "in whole groups" in found.warnings[0]


def test_several_labels_a_text_are_spread_evenly():
    texts = [str(n) for n in range(200)]
    labels = [[name for name, step in (("a", 2), ("b", 5), ("rare", 20)) if n % step == 0] for n in range(200)]
    found = dataset({"train": Examples(texts, labels)}, HoldOut(test_fraction=0.2), seed=0)
    counts = Counter(name for row in found.test[1] for name in row)
    assert counts["rare"] == 2 and abs(counts["a"] - 20) <= 1 and abs(counts["b"] - 8) <= 1


def test_a_group_on_both_sides_of_two_files_is_reported():
    train = Examples(["a", "b"], ["x", "y"], ["Eve", "Ann"])
    test = Examples(["c", "d"], ["x", "y"], ["Eve", "Tom"])
    (told,) = dataset({"train": train, "test": test}, HoldOut(), seed=0).warnings
    assert told == "1 groups are in both train and test, such as 'Eve': metrics will be too high."


def test_single_labels_and_lists_do_not_mix(tmp_path):
    one, many = tmp_path / "one.jsonl", tmp_path / "many.jsonl"
    one.write_text('{"text": "a", "label": "x"}\n')
    many.write_text('{"text": "a", "label": ["x"]}\n{"text": "b", "label": "y"}\n')
    with pytest.raises(DataError, match="test: some texts have a list of labels and others, here or in another split"):
        jsonl(0, train=one, test=many)
    with pytest.raises(DataError, match="train: some texts have a list of labels"):
        jsonl(0, train=many)


def test_files_of_one_split_stand_one_behind_the_other():
    files = {"train": [Examples(["a"], ["x"], ["g"]), Examples(["b"], ["y"], ["h"], ["careful."])]}

    def read(of):
        found = Examples()
        for one in of:
            found.add(one)
        return found

    assert read_splits(files, read)["train"] == Examples(["a", "b"], ["x", "y"], ["g", "h"], ["careful."])
