"""Dataset `huggingface`: what the library saved, and what is said where it or the hub is not there."""

import subprocess
import sys

import pytest
from conftest import make_texts

from textforge import DataError, DataUnavailable, PluginError, PluginManager, RecipeError
from textforge_standard.datasets.huggingface import huggingface


@pytest.fixture
def library(monkeypatch, tmp_path):
    """The library, with a cache of its own and no way out."""
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    return pytest.importorskip("datasets", reason="needs the extra textforge[huggingface]")


@pytest.fixture
def saved(library, tmp_path):
    """A folder that save_to_disk wrote, with named classes, lists of them, and a field within a field."""
    texts, labels = make_texts(60)
    names = sorted(set(labels))
    features = library.Features(
        {
            "text": library.Value("string"),
            "label": library.ClassLabel(names=names),
            "tags": library.Sequence(library.ClassLabel(names=names)),
            "meta": {"topic": library.Value("string")},
        }
    )
    numbers = [names.index(label) for label in labels]
    rows = {
        "text": texts,
        "label": numbers,
        "tags": [[n, 0] for n in numbers],
        "meta": [{"topic": label} for label in labels],
    }
    every = library.Dataset.from_dict(rows, features=features)
    splits = {"train": every.select(range(40)), "test": every.select(range(40, 60))}
    library.DatasetDict(splits).save_to_disk(tmp_path / "saved")
    every.save_to_disk(tmp_path / "single")
    return tmp_path / "saved", texts, labels


def test_a_saved_folder_is_read_with_the_names_of_its_classes(saved):
    folder, texts, labels = saved
    dataset = huggingface(0, folder=folder)
    assert dataset.train == (texts[:40], labels[:40]) and dataset.test == (texts[40:], labels[40:])
    assert huggingface(0, folder=folder, label="meta.topic") == dataset


def test_lists_of_classes_make_several_labels_a_text(saved):
    folder, _, labels = saved
    found = huggingface(0, folder=folder, label="tags").train[1]
    assert found == [tuple(dict.fromkeys([label, "ball"])) for label in labels[:40]]


def test_a_single_saved_split_is_train(saved, tmp_path):
    dataset = huggingface(0, folder=tmp_path / "single", test_fraction=0.5)
    assert len(dataset.train[0]) + len(dataset.test[0]) == 60
    assert dataset.warnings[0].startswith("no test split: ")


def test_splits_are_chosen_by_name(saved):
    folder, texts, _ = saved
    dataset = huggingface(0, folder=folder, train="test", valid="train", test=None, test_fraction=0.0)
    assert (dataset.train[0], dataset.valid[0], dataset.test) == (texts[40:], texts[:40], None)
    with pytest.raises(DataError, match=r"no split 'tst'\. Its splits: train, test\. Did you mean 'test'\?"):
        huggingface(0, folder=folder, test="tst")


def test_a_label_that_is_not_told_is_missing(library, tmp_path):
    features = library.Features({"text": library.Value("string"), "label": library.ClassLabel(names=["x", "y"])})
    rows = {"text": ["a", "b", "c"], "label": [0, -1, 1]}
    library.Dataset.from_dict(rows, features=features).save_to_disk(tmp_path / "saved")
    with pytest.raises(DataError, match=r"1 no label \(rows 2\)"):
        huggingface(0, folder=tmp_path / "saved")
    found = huggingface(0, folder=tmp_path / "saved", missing="drop", test_fraction=0.0)
    assert found.train == (["a", "c"], ["x", "y"])


@pytest.mark.parametrize("missing", ["error", "drop"])
def test_a_test_split_without_labels_is_reported_with_advice_that_works(library, tmp_path, missing):
    features = library.Features({"text": library.Value("string"), "label": library.ClassLabel(names=["x", "y"])})
    for kind in (features, None):
        splits = {split: library.Dataset.from_dict({"text": ["a", "b"] * 5, "label": labels}, features=kind)
                  for split, labels in (("train", [0, 1] * 5), ("test", [-1] * 10))}  # fmt: skip
        folder = tmp_path / f"saved {kind is None}"
        library.DatasetDict(splits).save_to_disk(folder)
        with pytest.raises(DataError, match=r"set dataset\.test to null\.$"):
            huggingface(0, folder=folder, missing=missing)
        assert len(huggingface(0, folder=folder, missing=missing, test=None).test[0]) == 2


def test_a_column_that_is_not_there_is_reported(saved):
    with pytest.raises(DataError, match=r"\(train\): no column 'topic'\. Its columns: text, label, tags, meta"):
        huggingface(0, folder=saved[0], label="topic")


def test_nothing_is_printed_and_the_librarys_setting_is_put_back(saved, capfd):
    from datasets.utils import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars

    for set_it in (enable_progress_bars, disable_progress_bars):
        set_it()
        before = are_progress_bars_disabled()
        huggingface(0, folder=saved[0])
        assert are_progress_bars_disabled() == before
    assert capfd.readouterr() == ("", "")


def test_a_folder_of_data_files_is_read_by_the_library(library, tmp_path):
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "train.csv").write_text("text,label\nred,x\ngreen,y\n")
    found = huggingface(0, folder=tmp_path / "files", test_fraction=0.0)
    assert found.train == (["red", "green"], ["x", "y"])


def test_a_folder_of_nothing_is_reported(library, tmp_path):
    (tmp_path / "files").mkdir()
    with pytest.raises(DataError, match="files"):
        huggingface(0, folder=tmp_path / "files")


def test_a_hub_that_cannot_be_reached_is_reported_as_unavailable(library):
    # a process of its own: the library reads whether it is offline when it is imported
    code = "from textforge_standard.datasets.huggingface import huggingface; huggingface(0, name='some/corpus')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "DataUnavailable: 'some/corpus': the hub cannot be reached, and the dataset is not cached" in done.stderr


def test_what_the_hub_refuses_is_reported_as_unavailable(library):
    with pytest.raises(DataUnavailable, match="'not a name'"):
        huggingface(0, name="not a name")


def test_without_the_library_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(PluginError) as told:
        huggingface(0, name="some/corpus")
    assert "pip install 'textforge[huggingface]'" in str(told.value)


def test_a_folder_called_datasets_is_not_the_library(monkeypatch, tmp_path):
    import types

    monkeypatch.setitem(sys.modules, "datasets", types.ModuleType("datasets"))
    with pytest.raises(PluginError, match="needs the library 'datasets'"):
        huggingface(0, name="some/corpus")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({}, "give either name \\(a dataset on the hub\\) or folder"),
        ({"name": "a", "folder": "."}, "give either name"),
        ({"folder": ".", "revision": "main"}, "revision applies to a dataset on the hub"),
        ({"name": "a", "text": "label"}, "text and label both name the column 'label'"),
    ],
)
def test_contradictions_are_reported_before_anything_is_loaded(options, told):
    with pytest.raises(RecipeError, match=f"dataset 'huggingface': {told}"):
        PluginManager().part("dataset", "huggingface", **options)


def test_look_at_knows_its_own(saved, tmp_path):
    look_at = PluginManager().component("dataset", "huggingface").factory.look_at
    folder, *_ = saved
    found = look_at(folder)
    assert found["options"]["folder"] == folder and found["options"]["text"] == "text"
    huggingface(0, **found["options"])
    assert look_at(tmp_path) is None and look_at(tmp_path / "nowhere") is None


def test_the_library_is_imported_only_when_it_is_used():
    code = (
        "import sys, textforge_standard.datasets.huggingface; "
        "assert not {'datasets', 'pandas', 'pyarrow'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
