"""Dataset `parquet`: types, nested fields, and files that are none."""

import gzip
import json
import re
from datetime import date
from functools import partial
from pathlib import Path

import polars as pl
import pytest
from conftest import refusal
from hypothesis import given, strategies as st

from textforge import DataError
from textforge_standard.datasets.parquet import parquet


@pytest.fixture
def file(tmp_path):
    def write(frame, **options):
        path = tmp_path / "data.parquet"
        pl.DataFrame(frame, **options).write_parquet(path)
        return path

    return write


def read(path, **options):
    return parquet(0, train=path, **{"test_fraction": 0.0, **options}).train


refused = partial(refusal, read)


@pytest.mark.parametrize(
    ("labels", "kind", "found"),
    [
        (["x", "y"], pl.String, ["x", "y"]),
        (["x", "y"], pl.Categorical, ["x", "y"]),
        (["x", "y"], pl.Enum(["y", "x"]), ["x", "y"]),
        ([0, 1], pl.Int8, ["0", "1"]),
        ([0, 2**64 - 1], pl.UInt64, ["0", str(2**64 - 1)]),
        ([True, False], pl.Boolean, ["true", "false"]),
        ([1.0, 2.0], pl.Float32, ["1", "2"]),
        ([["x", "y"], []], pl.List(pl.String), [("x", "y"), ()]),
        ([[1, 2], [2, 1]], pl.Array(pl.Int64, 2), [("1", "2"), ("2", "1")]),
    ],
)
def test_labels_of_many_types_become_text(file, labels, kind, found):
    path = file({"text": ["red", "green"], "label": labels}, schema={"text": pl.String, "label": kind})
    assert read(path) == (["red", "green"], found)


@pytest.mark.parametrize("labels", [[date(2020, 1, 1), None], [0.5, 1.5], [b"x", b"y"], [["x"], [None]]])
def test_what_is_no_label_is_reported(file, labels):
    told = refused(file({"text": ["red", "green"], "label": labels}))
    assert "column 'label' holds" in told and "which is not a label" in told


def test_nulls_and_nans_are_missing(file):
    path = file({"text": ["a", None, "c", "d"], "label": [1.0, 2.0, None, float("nan")]})
    assert refused(path).startswith("1 of 4 rows have no text, 2 no label (rows 2, 3, 4).")
    assert read(path, missing="drop") == (["a"], ["1"])


def test_fields_of_structs_are_named_with_dots(file):
    path = file({"post": [{"body": "red", "meta": {"topic": "x"}}, {"body": "green", "meta": {"topic": "y"}}]})
    assert read(path, text="post.body", label="post.meta.topic") == (["red", "green"], ["x", "y"])
    told = refused(path, text="post", label="post.meta.topic")
    assert told == "rows 1: column 'post' holds nested fields. Name one of them with a dot, such as 'post.body'."
    assert "Its columns: post.body, post.meta.topic." in refused(path, text="body")


def test_a_struct_that_is_null_has_no_fields(file):
    path = file({"text": ["a", "b"], "meta": [{"label": "x"}, None]})
    assert "1 no label (rows 2)" in refused(path, label="meta.label")


def test_only_the_columns_wanted_are_read(file, monkeypatch):
    asked = []
    whole = pl.read_parquet
    monkeypatch.setattr(
        pl, "read_parquet", lambda *a, columns, **k: asked.append(columns) or whole(*a, columns=columns, **k)
    )
    read(file({"text": ["a"], "label": ["x"], "big": ["…"]}))
    assert asked == [["label", "text"]]


@pytest.mark.parametrize("damage", ["empty", "text", "broken off"])
def test_what_is_no_parquet_file_is_reported(file, damage):
    path = file({"text": ["red"] * 99, "label": ["x"] * 99})
    data = path.read_bytes()
    path.write_bytes({"empty": b"", "text": b"text,label\nred,x\n" * 9, "broken off": data[: len(data) // 2]}[damage])
    assert "is no Parquet file, or damaged" in refused(path)


@pytest.mark.parametrize(
    ("message", "told"), [("not yet implemented", DataError), ("cannot start new thread", BaseException)]
)
def test_a_panic_over_the_content_is_a_damaged_file_and_one_over_threads_is_not(file, monkeypatch, message, told):
    panic = type("PanicException", (BaseException,), {})

    def read_schema(path):
        raise panic(message)

    path = file({"text": ["red"], "label": ["x"]})
    monkeypatch.setattr(pl, "read_parquet_schema", read_schema)
    with pytest.raises(told, match=message) as caught:
        read(path)
    assert isinstance(caught.value, DataError) == (told is DataError)


@pytest.mark.parametrize(
    ("name", "why"), [("nowhere.parquet", "cannot be read: No such file"), ("", "has no .parquet")]
)
def test_a_file_that_cannot_be_read_is_reported(tmp_path, name, why):
    assert refused(tmp_path / name).startswith(why)


def test_a_file_without_rows_is_reported(file):
    path = file({"text": [], "label": []}, schema={"text": pl.String, "label": pl.String})
    assert "no row has both" in refused(path)


TEXT = st.text(min_size=1, max_size=12).filter(str.strip)


@given(rows=st.lists(st.tuples(TEXT, TEXT, st.lists(TEXT, max_size=3)), min_size=1, max_size=6))
def test_what_polars_writes_is_read_back_exactly(tmp_path_factory, rows):
    path = tmp_path_factory.getbasetemp() / "property.parquet"
    schema = {"text": pl.String, "label": pl.String, "tags": pl.List(pl.String)}
    pl.DataFrame(rows, schema=schema, orient="row").write_parquet(path)
    texts = [text for text, *_ in rows]
    assert read(path) == (texts, [label for _, label, _ in rows])
    assert read(path, label="tags") == (texts, [tuple(dict.fromkeys(tags)) for *_, tags in rows])


# -- folders -----------------------------------------------------------------------------------


def parts(folder, *names):
    """Write a file of two rows, a text and a label each, by every name below a folder."""
    for n, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        pl.DataFrame({"text": [f"{n} one", f"{n} two"], "label": ["x", "y"]}).write_parquet(folder / name)
    return folder


@pytest.mark.parametrize("stream", [False, True])
def test_a_folder_of_parts_is_read_in_the_order_of_their_paths(tmp_path, stream):
    folder = parts(tmp_path / "d", "part-2.parquet", "part-1.pq", "deep/part-0.parquet", "_tmp/x.parquet", ".x.parquet")
    (folder / "_SUCCESS").touch()
    (folder / "part-1.parquet.crc").write_bytes(b"crc")
    found = parquet(0, train=folder, test_fraction=0.0, stream=stream)
    texts = [text for chunk in found.train_chunks() for text in chunk]
    expected = ["2 one", "2 two", "1 one", "1 two", "0 one", "0 two"]
    assert (sorted(texts), texts if not stream else expected) == (sorted(expected), expected)
    assert read([folder / "deep", folder / "part-1.pq"])[0] == expected[:4]
    assert parquet(0, train=folder / "deep", test=folder / "part-1.pq").test[0] == ["1 one", "1 two"]


def test_folders_named_as_keys_and_values_are_columns(tmp_path):
    folder = tmp_path / "d"
    for label, by in (("good", "a"), ("so%20so", "b"), ("__HIVE_DEFAULT_PARTITION__", "a")):
        place = folder / f"label={label}" / f"by={by}"
        place.mkdir(parents=True)
        pl.DataFrame({"text": [f"{label} 1", f"{label} 2"]}).write_parquet(place / "0.parquet")
    found = parquet(0, train=folder, test_fraction=0.0, missing="drop", group="by")
    assert (found.train[1], found.groups) == (["good", "good", "so so", "so so"], ["a", "a", "b", "b"])
    assert "2 no label" in found.warnings[0]
    streamed = parquet(0, train=folder, test_fraction=0.0, missing="drop", stream=True)
    assert streamed.label_counts() == {"good": 2, "so so": 2}
    table = parquet(0, train=folder / "label=good", text="text", label="by", test_fraction=0.0)
    assert table.train[1] == ["a", "a"]


def test_a_stream_is_made_anew_where_a_folder_that_is_a_label_is_renamed(tmp_path):
    for label in ("x", "y"):
        (tmp_path / "d" / f"label={label}").mkdir(parents=True)
        pl.DataFrame({"text": [f"of {label}"] * 2}).write_parquet(tmp_path / "d" / f"label={label}" / "0.parquet")
    assert parquet(0, train=tmp_path / "d", test_fraction=0.0, stream=True).labels() == ("x", "y")
    (tmp_path / "d" / "label=x").rename(tmp_path / "d" / "label=w")
    assert parquet(0, train=tmp_path / "d", test_fraction=0.0, stream=True).labels() == ("w", "y")


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["x.csv"], "has no .parquet files."),
        (["train-0-of-1.parquet", "test-0-of-1.parquet"],
         "contains the files of several splits. Name the files of each: "
         "train: {0}/train*.parquet, test: {0}/test*.parquet."),
        (["train/0.parquet", "test/0.parquet"],
         "contains the files of several splits. Name the files of each: train: {0}/train, test: {0}/test."),
        (["_delta_log/0.json", "0.parquet"],
         "is a Delta table, which may contain deleted rows. Export it to Parquet files."),
    ],
)  # fmt: skip
def test_a_folder_that_is_no_plain_table_is_reported(tmp_path, names, told):
    folder = parts(tmp_path / "d", *names)
    assert refused(folder) == told.format(folder)
    if "splits" in told:
        globs = dict(re.findall(r"(\w+): (\S+?)[,.](?: |$)", told.format(folder).partition("each: ")[2]))
        found = parquet(0, **{split: Path(glob) for split, glob in globs.items()})
        assert (found.train[0], found.test[0]) == (["0 one", "0 two"], ["1 one", "1 two"])


@pytest.mark.parametrize(
    "names", [["part-0.parquet", "part-1.parquet"], ["train-0.parquet", "train-1.parquet", "test-0.parquet"]]
)
def test_init_knows_a_folder_of_parts(tmp_path, names):
    found = parquet.look_at(parts(tmp_path / "d", *names))["options"]
    dataset = parquet(0, **found, test_fraction=0.0)
    assert len(dataset.train[0]) == 4 and (dataset.test is None) == ("test-0.parquet" not in names)


# -- names of classes --------------------------------------------------------------------------


def test_numbers_of_classes_become_names_where_the_hugging_face_library_wrote_the_file(tmp_path):
    datasets = pytest.importorskip("datasets", reason="needs the extra textforge[huggingface]")
    names = datasets.ClassLabel(names=["neg", "pos"])
    features = {"text": datasets.Value("string"), "label": names, "tags": datasets.Sequence(names), "a": {"b": names}}
    rows = {"text": ["a", "b", "c"], "label": [1, 0, -1], "tags": [[0], [], [1, 0]],
            "a": [{"b": 1}, {"b": 0}, {"b": None}]}  # fmt: skip
    path = tmp_path / "data.parquet"
    datasets.Dataset.from_dict(rows, features=datasets.Features(features)).to_parquet(path)
    (tmp_path / "data.parquet.gz").write_bytes(gzip.compress(path.read_bytes()))
    for file in (path, tmp_path / "data.parquet.gz"):
        assert read(file, missing="drop") == (["a", "b"], ["pos", "neg"])
        assert read(file, label="tags") == (["a", "b", "c"], [("neg",), (), ("pos", "neg")])
        assert read(file, label="a.b", missing="drop") == (["a", "b"], ["pos", "neg"])
        assert parquet(0, train=file, missing="drop", stream=True, test_fraction=0).label_counts() == {
            "neg": 1,
            "pos": 1,
        }


def with_names(path, labels, names):
    feature = {"names": names, "_type": "ClassLabel"}
    about = json.dumps({"info": {"features": {"text": {"dtype": "string", "_type": "Value"}, "label": feature}}})
    frame = pl.DataFrame({"text": ["t"] * len(labels), "label": labels})
    frame.write_parquet(path, metadata={"huggingface": about})
    return path


def test_each_file_has_its_own_names(tmp_path):
    train = with_names(tmp_path / "train.parquet", [0, 1], ["neg", "pos"])
    test = with_names(tmp_path / "test.parquet", [0, 1], ["pos", "neg"])
    assert parquet(0, train=train, test=test).test[1] == ["pos", "neg"]


def test_a_number_without_a_name_is_reported_with_its_row(tmp_path):
    told = refused(with_names(tmp_path / "d.parquet", [0, 1, 2], ["neg", "pos"]))
    assert told == "rows 3: column 'label' holds 2, but the data name only the classes 0 to 1: neg, pos."


@pytest.mark.parametrize("about", ["", "{", "[]", '{"info": 3}', '{"info": {"features": {"label": null}}}',
                                   '{"info": {"features": {"label": {"_type": "ClassLabel"}}}}'])  # fmt: skip
def test_metadata_of_another_kind_does_no_harm(tmp_path, about):
    path = tmp_path / "d.parquet"
    pl.DataFrame({"text": ["a", "b"], "label": [0, 1]}).write_parquet(path, metadata={"huggingface": about})
    assert read(path)[1] == ["0", "1"]
