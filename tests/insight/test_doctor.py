"""`textforge.doctor`: what it examines, what it leaves out and says so, and the cleaned copy that it writes."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml
from conftest import small_recipe, write_csv
from examined_texts import distinct
from hypothesis import given, strategies as st

import textforge
from textforge import Dataset
from textforge.insight.doctor.cleaning import cleaned_data
from textforge.insight.doctor.detectors import DETECTORS
from textforge.insight.doctor.examined import Examined
from textforge.insight.doctor.finding import Finding, Place, worst_first

PLUGINS = textforge.PluginManager()
LIBRARIES = {one.library for one in DETECTORS if one.library}


@pytest.fixture
def without_libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the extra `doctor` were not installed."""
    monkeypatch.setattr(
        "textforge.insight.doctor.detectors.find_spec",
        lambda name: None if name in LIBRARIES else find_spec(name),
    )


def test_without_the_extra_the_rest_runs_and_what_is_left_out_is_named(without_libraries: None) -> None:
    texts, labels = distinct(60)
    texts[5] = ""
    found = textforge.doctor(Dataset(train=(texts, labels), test=distinct(30, seed=1)))
    assert [one["kind"] for one in found["findings"]] == ["empty-texts"]
    left_out = {one["what"]: one["why"] for one in found["left_out"]}
    assert left_out.keys() == {"near duplicates", "wrong labels", "mixed languages", "wrongly decoded texts"}
    assert all("textforge[doctor]" in why for why in left_out.values())


def test_quick_leaves_out_what_trains(without_libraries: None) -> None:
    found = textforge.doctor(Dataset(train=distinct(60)), quick=True)
    why = {one["what"]: one["why"] for one in found["left_out"]}
    assert {what for what, reason in why.items() if "--quick" in reason} == {
        one.what for one in DETECTORS if one.trains
    }
    assert "train only" in why["faults between splits"]


def test_texts_with_several_labels_are_examined_but_for_what_needs_one(without_libraries: None) -> None:
    texts, labels = distinct(60)
    found = textforge.doctor(Dataset(train=([*texts, ""], [*([label] for label in labels), []])))
    assert "empty-texts" in {one["kind"] for one in found["findings"]}
    assert "exactly one label" in {one["what"]: one["why"] for one in found["left_out"]}["wrong labels"]


def test_a_broken_detector_is_named_and_the_others_run(
    monkeypatch: pytest.MonkeyPatch, without_libraries: None
) -> None:
    def broken(*_: object) -> None:
        raise textforge.PluginError("no vectorizer named 'tfidf'.")

    monkeypatch.setattr("textforge.insight.doctor.shifted_splits.shifted_splits", broken)
    texts, labels = distinct(60)
    found = textforge.doctor(Dataset(train=([*texts, ""], [*labels, "ball"])))
    assert {"what": "splits that are unlike train", "why": "no vectorizer named 'tfidf'."} in found["left_out"]
    assert [one["kind"] for one in found["findings"]] == ["empty-texts"]


@given(st.lists(st.tuples(st.sampled_from(["high", "medium", "low"]), st.integers(0, 99)), max_size=9))
def test_findings_come_worst_first(given: list[tuple[str, int]]) -> None:
    findings = worst_first([Finding("kind", severity, count, "", "") for severity, count in given])
    keys = [(["high", "medium", "low"].index(one.severity), -one.count) for one in findings]
    assert keys == sorted(keys)
    assert len(keys) == len(given)


def test_a_file_is_read_whole_and_its_rows_keep_their_numbers(tmp_path: Path, without_libraries: None) -> None:
    texts, labels = distinct(40)
    texts[30] = "-"
    data = write_csv(tmp_path / "posts.csv", texts, labels)
    found = textforge.doctor(data, quick=True)
    assert found["splits"] == {"train": 40}
    assert [one["rows"] for one in found["findings"]] == [{"train": [30]}]
    test = write_csv(tmp_path / "more.csv", [texts[3], "another text"], [labels[3], "ball"])
    found = textforge.doctor(data, test=test, quick=True)
    assert found["splits"] == {"train": 40, "test": 2}
    assert found["findings"][0]["rows"] == {"test": [0]}


def test_options_of_the_dataset_choose_other_columns(tmp_path: Path, without_libraries: None) -> None:
    data = tmp_path / "posts.csv"
    data.write_text("".join(f"{text},{label},{text[::-1]}\n" for text, label in
                            zip(["text", *distinct(40)[0]], ["label", *distinct(40)[1]], strict=True)))  # fmt: skip
    assert textforge.doctor(data, overrides=["text=txet"], quick=True)["splits"] == {"train": 40}
    with pytest.raises(textforge.RecipeError, match="Did you mean 'text'"):
        textforge.doctor(data, overrides=["txt=txet"], quick=True)


def test_the_dataset_of_a_recipe_is_examined_with_its_splits(tmp_path: Path, without_libraries: None) -> None:
    data = write_csv(tmp_path / "posts.csv", *distinct(40))
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(yaml.safe_dump(small_recipe(data) | {"dataset": {"use": "csv", "train": "posts.csv"}}))
    found = textforge.doctor(recipe, quick=True, overrides=["dataset.test_fraction=0.25"])
    assert found["splits"] == {"train": 30, "test": 10}
    with pytest.raises(textforge.RecipeError, match="the recipe names its data"):
        textforge.doctor(recipe, test=data)


def test_the_first_texts_of_a_stream_are_examined(monkeypatch: pytest.MonkeyPatch, without_libraries: None) -> None:
    texts, labels = distinct(60)
    texts[50] = ""
    stream = textforge.Stream(3, lambda n: (texts[20 * n : 20 * n + 20], labels[20 * n : 20 * n + 20]))
    found = textforge.doctor(Dataset(train=stream), quick=True)
    assert [one["rows"] for one in found["findings"]] == [{"train": [50]}]
    monkeypatch.setattr("textforge.insight.doctor.examined.MOST", 30)
    found = textforge.doctor(Dataset(train=stream), quick=True)
    assert found["splits"] == {"train": 30}
    assert "empty-texts" not in {one["kind"] for one in found["findings"]}
    assert any(one["what"].startswith("texts after the first") for one in found["left_out"])


def test_a_dataset_in_memory_takes_no_overrides() -> None:
    with pytest.raises(textforge.RecipeError, match="no test file and no overrides"):
        textforge.doctor(Dataset(train=distinct(10)), overrides=["seed=1"])


@given(
    st.lists(st.tuples(st.text(max_size=12), st.sampled_from("ab")), min_size=1, max_size=12),
    st.lists(st.tuples(st.text(max_size=12), st.sampled_from("abc")), max_size=6),
)
def test_any_texts_can_be_examined(train: list[tuple[str, str]], test: list[tuple[str, str]]) -> None:
    def split(rows: list[tuple[str, str]]) -> tuple[list[str], list[str]]:
        return [text for text, _ in rows], [label for _, label in rows]

    dataset = Dataset(train=split(train), test=split(test) if test else None)
    found = textforge.doctor(dataset, plugins=PLUGINS)  # too few texts to train on
    for finding in found["findings"]:
        for name, rows in finding["rows"].items():
            assert {*rows} <= {*range(found["splits"][name])}
        assert finding["count"] > 0
    json.dumps(found)


# -- the cleaned copy ------------------------------------------------------------------------------


def faulty() -> Dataset:
    """Texts with each fault that can be mended."""
    (texts, labels), (held, held_labels) = distinct(60), distinct(30, seed=1)
    texts[3] = " "
    texts[5], labels[5] = texts[4], labels[4]
    labels[6] = f"{labels[6].upper()} "
    texts[8] = "fish &amp; <b>chips</b>"
    texts[9] = held[2]
    texts[10], labels[10], labels[11] = texts[11], "ball", "paint"
    return Dataset(train=(texts, labels), test=(held, held_labels))


def test_the_cleaned_copy_has_each_safe_change_and_a_list_of_all(tmp_path: Path, without_libraries: None) -> None:
    dataset = faulty()
    before = dataset.fingerprint()
    found = textforge.doctor(dataset, quick=True, fix=tmp_path / "clean")
    assert dataset.fingerprint() == before
    changes = [json.loads(line) for line in (tmp_path / "clean" / "changes.jsonl").read_text().splitlines()]
    assert [(one["row"], one["change"]) for one in changes] == [
        (3, "removed an empty text"),
        (5, "removed a repeat"),
        (6, "joined labels that look alike"),
        (8, "removed HTML"),
        (9, "removed from train what another split repeats"),
    ]
    assert changes[3]["after"].split() == ["fish", "&", "chips"]
    assert changes[0]["after"] is None
    assert found["fixed"]["texts"] == {"train": 57, "test": 30}
    again = textforge.doctor(tmp_path / "clean" / "train.csv", test=tmp_path / "clean" / "test.csv", quick=True)
    assert again["splits"] == found["fixed"]["texts"]
    assert {one["kind"] for one in again["findings"]} == {
        "exact-duplicates-with-different-labels", "exact-duplicates",  # which label is right needs a person
    }  # fmt: skip


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl", ".parquet"])
def test_the_copy_is_in_the_format_of_the_data(tmp_path: Path, suffix: str, without_libraries: None) -> None:
    import polars as pl

    frame = pl.DataFrame(dict(zip(("text", "label"), distinct(40), strict=True)))
    data = tmp_path / f"posts{suffix}"
    if suffix == ".parquet":
        frame.write_parquet(data)
    elif suffix == ".jsonl":
        frame.write_ndjson(data)
    else:
        frame.write_csv(data, separator="," if suffix == ".csv" else "\t")
    textforge.doctor(data, quick=True, fix=tmp_path / "clean")
    copy = tmp_path / "clean" / f"train{suffix}"
    assert textforge.doctor(copy, quick=True)["splits"] == {"train": 40}


def test_several_labels_groups_and_weights_are_in_the_copy(tmp_path: Path, without_libraries: None) -> None:
    texts, labels = distinct(20)
    sets = [[label, "all"] for label in labels]
    groups = [f"author {row % 4}" for row in range(20)]
    dataset = Dataset(train=(texts, sets), groups=groups, weights=[0.5] * 20)
    textforge.doctor(dataset, quick=True, fix=tmp_path / "clean")
    head, first, *_ = (tmp_path / "clean" / "train.csv").read_text().splitlines()
    assert head == "text,label,group,weight"
    assert first == f"{texts[0]},{labels[0]}|all,author 0,0.5000"


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    with pytest.raises(textforge.RecipeError, match="overwrites nothing"):
        textforge.doctor(Dataset(train=distinct(10)), fix=tmp_path)


@given(st.lists(st.sampled_from(["a", "A ", "&lt;", "<p>", "", "b b", "B  b"]), min_size=1, max_size=12), st.data())
def test_cleaning_twice_changes_nothing_more(texts: list[str], data: st.DataObject) -> None:
    labels = data.draw(st.lists(st.sampled_from(["x", "X", "y "]), min_size=len(texts), max_size=len(texts)))
    cleaned, changes = cleaned_data(Examined.of(Dataset(train=(texts, labels), test=(["b b"], ["x"]))))
    removed = {change.place for change in changes if change.after is None}
    left = [n for n, place in enumerate(cleaned.places) if place not in removed]
    again = Examined(
        [cleaned.texts[n] for n in left], [cleaned.labels[n] for n in left], cleaned.at(left), False, cleaned.names
    )
    assert cleaned_data(again)[1] == []
    assert Place("test", 0) not in removed
