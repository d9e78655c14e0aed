"""Sheets of Excel and OpenDocument."""

from __future__ import annotations

import sys

import pytest
from written_tables import write_ods, write_xlsx

from textforge import DataError, PluginError
from textforge_standard.datasets.excel import excel

TABLE = [("text", "label"), ("red", 1), ('a, "b"', True), (None, None), ("x < y", 2.5)]
WRITERS = {".xlsx": write_xlsx, ".ods": write_ods}


@pytest.fixture(autouse=True)
def _library():
    pytest.importorskip("fastexcel", reason="needs the extra textforge[excel]")


def refused(**options):
    with pytest.raises(DataError) as told:
        excel(0, **options)
    assert "\n" not in str(told.value)
    return str(told.value)


@pytest.mark.parametrize("suffix", WRITERS)
@pytest.mark.parametrize("stream", [False, True])
def test_numbers_and_truth_values_become_text_and_blank_rows_are_skipped(tmp_path, monkeypatch, suffix, stream):
    monkeypatch.setenv("TEXTFORGE_CACHE", str(tmp_path / "cache"))
    rows = [(text, label if label is not True or suffix == ".xlsx" else "true") for text, label in TABLE]
    path = WRITERS[suffix](tmp_path / f"d{suffix}", rows)
    dataset = excel(0, train=path, test_fraction=0.0, stream=stream)
    texts, labels = next(iter(dataset.train.chunks())) if stream else dataset.train
    assert dict(zip(texts, labels, strict=True)) == {"red": "1", 'a, "b"': "true", "x < y": "2.5"}
    assert dataset.warnings == ()


def test_rows_above_the_header_are_left_out_with_a_warning(tmp_path):
    path = write_xlsx(tmp_path / "d.xlsx", [("Our reviews", None), (None, None), *TABLE[:3]])
    dataset = excel(0, train=path, test_fraction=0.0)
    assert dataset.train == (["red", 'a, "b"'], ["1", "true"])
    assert dataset.warnings == (f"{path}: row 1 is above the header and was skipped.",)


def test_a_row_without_a_label_is_refused_with_its_number_in_the_sheet(tmp_path):
    path = write_xlsx(tmp_path / "d.xlsx", [*TABLE, ("no label", None)])
    assert "0 of 4 rows have no text, 1 no label (rows 6 of the sheet 'One')" in refused(train=path)


def test_a_sheet_is_chosen_by_name_and_others_are_mentioned(tmp_path):
    path = write_xlsx(tmp_path / "d.xlsx", TABLE, Two=[("text", "label"), ("blue", "x"), ("grey", "y")])
    assert excel(0, train=path, test_fraction=0.0, sheet="Two").train == (["blue", "grey"], ["x", "y"])
    (warning,) = excel(0, train=path, test_fraction=0.0).warnings
    assert "has 2 sheets; the first, 'One', is read. Choose another with dataset.sheet: Two." in warning
    assert "no sheet 'Tow'. Its sheets: One, Two. Did you mean 'Two'?" in refused(train=path, sheet="Tow")


def test_a_file_that_is_no_sheet_is_refused_in_one_sentence(tmp_path):
    path = tmp_path / "d.xlsx"
    path.write_bytes(b"PK\x03\x04 broken")
    assert "is not a readable spreadsheet, or is damaged" in refused(train=path)
    assert "No such file" in refused(train=tmp_path / "nowhere.xlsx")
    assert "the sheet 'One' is empty" in refused(train=write_xlsx(path, []))
    assert "no column 'label'. Its columns: text, verdict." in refused(
        train=write_xlsx(path, [("text", "verdict"), ("a", "b")])
    )


def test_the_error_for_a_missing_library_has_the_command_that_installs_it(tmp_path, monkeypatch):
    path = write_xlsx(tmp_path / "d.xlsx", TABLE)
    monkeypatch.setitem(sys.modules, "fastexcel", None)
    with pytest.raises(PluginError, match=r"pip install 'textforge\[excel\]'"):
        excel(0, train=path)


def test_a_column_gives_the_weights_of_the_rows(tmp_path):
    rows = [("text", "label", "w"), ("red", "x", 0.5), ("blue", "y", 2), ("grey", "x", "1.5")]
    found = excel(0, train=write_xlsx(tmp_path / "d.xlsx", rows), test_fraction=0.0, weight="w")
    assert found.weights == {"train": [0.5, 2, 1.5]}
    path = write_xlsx(tmp_path / "bad.xlsx", [*rows, ("pink", "x", "much")])
    assert "rows 5 of the sheet 'One': column 'w' holds 'much', which is not a weight" in refused(
        train=path, weight="w"
    )
