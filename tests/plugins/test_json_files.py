"""JSON files: arrays of objects and objects of columns, whole and in blocks."""

from __future__ import annotations

import json

import polars as pl
import pytest
from hypothesis import given, strategies as st

from textforge import DataError
from textforge_standard.datasets.json_files import json_blocks, json_files, read_json

ROWS = [{"text": "red", "label": "x"}, {"text": "gr\u00e9en, [{}]", "label": "y"}]
WANTED = {"text": "text", "label": "label"}
PANDAS = '{"text":{"0":"red","1":"gr\u00e9en, [{}]"},"label":{"0":"x","1":"y"}}'
SHAPES = {
    "array": json.dumps(ROWS),
    "indented": json.dumps(ROWS, indent=2, ensure_ascii=False),
    "columns": json.dumps({"text": [row["text"] for row in ROWS], "label": ["x", "y"]}),
    "within": json.dumps({"version": 1, "data": ROWS}),
    "records of pandas' index": json.dumps({"a": ROWS[0], "b": ROWS[1]}),
    "columns of pandas": PANDAS,
    "split of pandas": json.dumps({"columns": ["text", "label"], "data": [[*row.values()] for row in ROWS]}),
    "byte-order mark": "\ufeff" + json.dumps(ROWS),
}


def in_blocks(path, wanted, size=1):
    tables = list(json_blocks(path, wanted, size=size))
    return {name: [value for table in tables for value in table.columns[name]] for name in wanted}


def told(call, *arguments):
    with pytest.raises(DataError) as error:
        call(*arguments)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_of_table_is_read_whole_and_in_blocks(file, shape):
    path = file(SHAPES[shape], "data.json")
    expected = {"text": [row["text"] for row in ROWS], "label": ["x", "y"]}
    assert read_json(path, WANTED).columns == expected == in_blocks(path, WANTED)


def test_what_other_libraries_write_is_read(tmp_path):
    pl.DataFrame(ROWS).write_json(tmp_path / "d.json")
    assert read_json(tmp_path / "d.json", WANTED).columns["text"] == [row["text"] for row in ROWS]


def test_a_dot_names_a_nested_field(file):
    path = file(
        json.dumps([{"post": {"text": "red"}, "label": 1}, {"post": {"text": "blue"}, "label": True}]), "d.json"
    )
    dataset = json_files(0, train=path, test_fraction=0.0, text="post.text")
    assert dataset.train == (["red", "blue"], ["1", "true"])


VALUES = st.text(st.sampled_from('ab"\\\n{}[],\u00e9'), max_size=8)


@given(
    rows=st.lists(st.tuples(VALUES, VALUES), min_size=1, max_size=9), indent=st.sampled_from([None, 1]), data=st.data()
)
def test_blocks_of_any_size_have_the_rows_of_the_whole_file(tmp_path_factory, rows, indent, data):
    path = tmp_path_factory.getbasetemp() / "blocks.json"
    path.write_text(json.dumps([{"text": text, "label": label} for text, label in rows], indent=indent))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("textforge_standard.datasets.packed.PIECE", data.draw(st.integers(1, 40)))
        assert in_blocks(path, WANTED, data.draw(st.integers(1, 40))) == read_json(path, WANTED).columns


BAD = {
    "": "is empty",
    '[{"text": "a"}': "not JSON",
    '[{"text": "a" "label": 1}]': "not JSON: Expecting ',' delimiter",
    '[{"text": "a", "label": "b"} {"text": "a", "label": "b"}]': "not JSON",
    '[{"text": "a", "text": "b"}]': "the key 'text' occurs twice",
    '[{"text": "a", "label": "x"}, 3]': "row 2 is not an object",
    '{"text": ["a", "b"], "label": ["x"]}': "its columns have different lengths: 'text' 2, 'label' 1",
    '{"text": "a", "label": "x"}': "is one object with the keys text, label; it must be an array of objects",
    '[{"text": "a"}]': "no column 'label'",
    '[{"text": "\\ud800", "label": "x"}]': "half a character",
    '[{"text": "a", "label": "x"}] 3': "Extra data",
    '{"text": "a", "label": "x"}\n{"text": "b", "label": "y"}': "read it with dataset.use: jsonl",
}


@pytest.mark.parametrize("content", BAD)
def test_a_file_that_is_no_table_is_refused_in_one_sentence(file, content):
    path = file(content, "d.json")
    assert str(path) in told(read_json, path, WANTED) and BAD[content] in told(read_json, path, WANTED)
    assert str(path) in told(in_blocks, path, WANTED)


def test_the_error_names_the_line_of_the_file(file):
    assert "at line 3, column" in told(read_json, file('[\n{"text": "a"},\n{"text": b}]', "d.json"), None)
