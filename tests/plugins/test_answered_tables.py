"""Tables that `textforge predict` gives back: columns are added, everything else keeps its bytes or its types."""

from __future__ import annotations

import gzip
import inspect
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import zstandard
from hypothesis import given, strategies as st
from written_tables import write_xlsx

from textforge import DataError
from textforge.data import AnsweredRows, TableStream
from textforge_standard.datasets.class_names import names_in_metadata
from textforge_standard.datasets.csv_reader import read_separated
from textforge_standard.datasets.table_formats import CSV, JSON, JSONL, PARQUET, SPREADSHEET, TSV
from textforge_standard.datasets.usual_names import usual_text_column

OPTIONS = {"quotes": True, "names": None, "encoding": "utf-8"}
ADDED = {"label": "text", "probability": "number"}
ANSWER = {"label": 'a "b"', "probability": 0.25}
IN_CSV = ',"a ""b""",0.2500'


class Trickle(io.BytesIO):
    """Bytes that arrive a few at a time, so that every place is the end of some block."""

    def __init__(self, data: bytes, most: int) -> None:
        super().__init__(data)
        self._most = most

    def read(self, size: int | None = -1) -> bytes:
        return super().read(self._most if size is None or size < 0 else min(size, self._most))


def given_back(
    form: Any, data: bytes, texts: Sequence[str], *, to: Any = None, most: int = 1 << 20, mark: bool = False,
    join: str = "\n", added: Mapping[str, str] = ADDED, answer: Mapping[str, Any] = ANSWER, packed: str = "",
    **options: Any,
) -> tuple[bytes, list[str | None]]:  # fmt: skip
    """The table with the same answer in each row, and the texts that were read."""
    reader = form.reader(TableStream(Trickle(data, most), "data", packed, live=most < 1000), {**OPTIONS, **options})
    read: list[str | None] = []
    target = to or form

    def answered() -> Iterator[AnsweredRows]:
        for rows in reader.rows(texts, join=join, everything=target is not form, mark=mark):
            read.extend(rows.texts)
            values = [None if text is None else answer for text in rows.texts]
            faults = [rows.faults.get(n) for n in range(len(rows.texts))]
            columns = {name: [None if v is None else v[name] for v in values] for name in added if name != "error"}
            yield AnsweredRows(rows, columns | ({"error": faults} if "error" in added else {}))

    out = io.BytesIO()
    target.write(TableStream(out, "out", packed), reader, answered(), added)
    return out.getvalue(), read


# -- delimited text ------------------------------------------------------------------------------

plain_fields = st.text(st.characters(exclude_characters='",\r\n\0', exclude_categories=["Cs"]), max_size=8)
any_texts = st.text(
    st.characters(exclude_characters="\0", exclude_categories=["Cs"]) | st.sampled_from('",\n\r '), max_size=8
)
quoted_fields = any_texts.map(lambda text: '"' + text.replace('"', '""') + '"')
fields = plain_fields | quoted_fields


@given(
    rows=st.lists(st.lists(fields, min_size=2, max_size=2), max_size=6),
    ends=st.sampled_from(["\n", "\r\n"]),
    blanks=st.sets(st.integers(0, 6)),
    mark=st.sampled_from(["", "\ufeff"]),
    ended=st.booleans(),
    most=st.sampled_from([1, 2, 7, 1 << 20]),
)
def test_rows_of_csv_keep_their_bytes(
    rows: list[list[str]], ends: str, blanks: set[int], mark: str, ended: bool, most: int
) -> None:
    written, expected, texts = [f"{mark}id,body,note"], [f"{mark}id,body,note,label,probability"], []
    for number, (body, note) in enumerate(rows):
        if number in blanks:
            written.append("")
            expected.append("")
        row = f"{number},{body},{note}"
        value = body[1:-1].replace('""', '"') if body.startswith('"') else body
        texts.append(value if value.strip() else None)
        written.append(row)
        expected.append(row + (IN_CSV if value.strip() else ",,"))
    end = ends if ended else ""
    found, read = given_back(CSV, (ends.join(written) + end).encode(), ["body"], most=most)
    assert found.decode() == ends.join(expected) + end
    assert read == texts


def test_a_header_alone_gets_the_names_of_the_added_columns() -> None:
    for data in (b"id,body", b"id,body\r\n", b"\n\nid,body\n"):
        found, read = given_back(CSV, data, ["body"])
        assert found == data.replace(b"body", b"body,label,probability")
        assert read == []


def test_a_file_without_header_gets_fields_alone() -> None:
    found, read = given_back(CSV, b"1,moon\n2,bat\n", ["text"], names=["id", "text"])
    assert (found.decode(), read) == (f"1,moon{IN_CSV}\n2,bat{IN_CSV}\n", ["moon", "bat"])


def test_a_line_for_excel_is_kept_and_its_separator_is_used() -> None:
    found, _ = given_back(CSV, b"sep=;\r\nid;body\r\n1;moon, star\r\n", ["body"])
    assert found == b'sep=;\r\nid;body;label;probability\r\n1;moon, star;"a ""b""";0.2500\r\n'


def test_line_ends_of_classic_mac_os_stay() -> None:
    found, read = given_back(CSV, b"id,body\r1,moon\r2,bat", ["body"])
    assert (found.decode(), read) == (f"id,body,label,probability\r1,moon{IN_CSV}\r2,bat{IN_CSV}", ["moon", "bat"])


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16", "utf-16-be", "utf-8-sig", "gb18030"])
def test_another_encoding_is_kept(encoding: str) -> None:
    text = "id,body\n1,é mond\n"
    found, read = given_back(CSV, text.encode(encoding), ["body"], encoding=encoding)
    assert found == f"id,body,label,probability\n1,é mond{IN_CSV}\n".encode(encoding)
    assert read == ["é mond"]


def test_a_label_that_the_encoding_lacks_is_an_error() -> None:
    with pytest.raises(DataError, match="a label has '→', which does not exist in cp1252"):
        given_back(CSV, b"id,body\n1,moon\n", ["body"], encoding="cp1252", answer={"label": "→", "probability": 1.0})


def test_where_quotes_are_text_rows_keep_their_bytes_and_labels_need_none() -> None:
    plain = {"label": 'a "b"', "probability": 0.25}
    found, read = given_back(TSV, b'id\tbody\n1\t"moon\n', ["body"], quotes=False, answer=plain)
    assert (found, read) == (b'id\tbody\tlabel\tprobability\n1\t"moon\ta "b"\t0.2500\n', ['"moon'])
    with pytest.raises(DataError, match="needs quotes, which are plain text in this table"):
        given_back(TSV, b"id\tbody\n1\tmoon\n", ["body"], quotes=False, answer={**plain, "label": "a\tb"})


def test_several_labels_are_one_field_and_their_separator_is_escaped() -> None:
    added = {"label": "texts", "probability": "numbers"}
    answer = {"label": ["a|b", "c,d"], "probability": [0.75, 0.5]}
    found, _ = given_back(CSV, b"body\nmoon\n", ["body"], added=added, answer=answer)
    assert found == b'body,label,probability\nmoon,"a\\x7cb|c,d",0.7500|0.5000\n'
    found, _ = given_back(CSV, b"body\nmoon\n", ["body"], added=added, answer=answer, to=JSONL)
    assert json.loads(found) == {"body": "moon", **answer}
    found, _ = given_back(CSV, b"body\nmoon\n", ["body"], added=added, answer=answer, to=PARQUET)
    assert pl.read_parquet(found).to_dicts() == [{"body": "moon", **answer}]


RAGGED = b'id,body\n1,moon\n2\n3,a,b,c\n4,"ba\xfft"\n5,sun\x00\n6,bat\n'


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (RAGGED, "data: line 3: 1 column, but the header has 2."),
        (b'id,body\n1,moon\n2,"ba\n\xfft"\n', "data: line 4 is not UTF-8: byte 0xff"),
        (b"id,body\n1,mo\0on\n", "data: line 2 has a NUL byte"),
        (b'id,body\n0,"a\nb"\n1,5" wide, 6" high\n', "data: line 4: 3 columns, but the header has 2."),
        (b'id,body\n1,"5, wide\n2,moon\n', "data: line 2: 3 columns, but the header has 2."),
        (b"", "data: is empty"),
        (b"\n\n", "data: is empty"),
    ],
)
@pytest.mark.parametrize("most", [3, 1 << 20])
def test_a_row_that_cannot_be_read_stops_with_its_line(data: bytes, told: str, most: int) -> None:
    with pytest.raises(DataError) as error:
        given_back(CSV, data, ["body"], most=most)
    assert told in str(error.value)


def test_a_first_line_that_is_no_header_is_explained() -> None:
    with pytest.raises(DataError, match="Are the columns separated by ';'"):
        given_back(CSV, b"id;body\n1;moon\n", ["body"])
    with pytest.raises(DataError, match="line 1 seems to be a title"):
        given_back(CSV, b"report,,\nid,body,n\n1,moon,2\n", ["body"])


@pytest.mark.parametrize("most", [3, 1 << 20])
def test_a_misplaced_quote_is_text_and_its_row_is_written_with_valid_quotes(most: int) -> None:
    data = b'id,body\n0,"a\nb"\n1,5" wide\n2,"moon\n3,"c, d"\n4,"bat'
    found, read = given_back(CSV, data, ["body"], most=most)
    assert read == ["a\nb", '5" wide', '"moon', "c, d", '"bat']
    bodies = ['0,"a\nb"', '"1","5"" wide"', '"2","""moon"', '3,"c, d"', '"4","""bat"']
    assert found.decode() == "\n".join(["id,body,label,probability", *(f"{body}{IN_CSV}" for body in bodies)])
    windows, _ = given_back(CSV, data.replace(b"\n", b"\r\n"), ["body"], most=most)
    assert windows == found.replace(b"\n", b"\r\n")
    reader = CSV.reader(TableStream(Trickle(data, most), "data"), OPTIONS)
    assert sum(len(rows.texts) for rows in reader.rows(["body"], join="", everything=False, mark=False)) == 5
    (warning,) = reader.warnings
    assert warning.startswith("lines 4, 5, 7 have a misplaced quote, which is read as text.")


@given(
    bodies=st.lists(st.text(st.sampled_from('"ab \n,'), min_size=1, max_size=8), min_size=1, max_size=6),
    stray=st.booleans(),
    most=st.sampled_from([1, 5, 1 << 20]),
)
def test_texts_are_those_that_a_dataset_reads(
    tmp_path_factory: pytest.TempPathFactory, bodies: list[str], stray: bool, most: int
) -> None:
    written = [
        body.replace("\n", "").replace(",", "") if stray else '"' + body.replace('"', '""') + '"' for body in bodies
    ]
    data = "".join(f"{n},{body}\n" for n, body in enumerate(["x", *written])).encode()
    path = tmp_path_factory.mktemp("t") / "t.csv"
    path.write_bytes(b"id,body\n" + data)
    try:
        expected = read_separated(path, None).columns["body"]
    except DataError:
        with pytest.raises(DataError):
            given_back(CSV, path.read_bytes(), ["body"], most=most)
        return
    _, read = given_back(CSV, path.read_bytes(), ["body"], most=most)
    assert read == [body if body and body.strip() else None for body in expected]


@pytest.mark.parametrize("most", [3, 1 << 20])
def test_marked_rows_keep_their_place_and_their_bytes_but_for_surplus_fields(most: int) -> None:
    found, read = given_back(CSV, RAGGED, ["body"], mark=True, added={**ADDED, "error": "text"}, most=most)
    assert read == ["moon", None, None, None, None, "bat"]
    assert found.splitlines() == [
        b"id,body,label,probability,error",
        b'1,moon,"a ""b""",0.2500,',
        b"2,,,,line 3 has 1 column instead of 2.",
        b"3,a,,,line 4 has 4 columns instead of 2.",
        b'4,"ba\xfft",,,line 5 is not UTF-8: byte 0xff.',
        b"5,sun\x00,,,line 6 has a NUL byte.",
        b'6,bat,"a ""b""",0.2500,',
    ]


# -- JSON Lines ----------------------------------------------------------------------------------

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | any_texts,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(any_texts, inner, max_size=2),
    max_leaves=4,
)
json_lines = st.tuples(
    st.dictionaries(any_texts.filter(lambda key: key not in ("body", "label", "probability")), json_values, max_size=3),
    any_texts.filter(str.strip),
    st.booleans(),
    st.sampled_from([(",", ":"), (", ", ": "), (" ,\t", " : ")]),
    st.sampled_from(["", " ", "\t "]),
)


@given(st.lists(json_lines, max_size=5), st.sampled_from(["\n", "\r\n", "\n\n"]), st.booleans(),
       st.sampled_from([1, 5, 1 << 20]))  # fmt: skip
def test_objects_of_json_keep_their_bytes(lines: list[Any], end: str, ended: bool, most: int) -> None:
    written, expected = [], []
    for value, body, ascii_only, separators, space in lines:
        text = json.dumps({**value, "body": body}, ensure_ascii=ascii_only, separators=separators)
        written.append(space + text[:-1] + space + "}" + space)
        expected.append(f'{space}{text[:-1]}, "label": "a \\"b\\"", "probability": 0.25{space}}}{space}')
    last = end if ended and lines else ""
    found, read = given_back(JSONL, (end.join(written) + last).encode(), ["body"], most=most)
    assert found.decode() == end.join(expected) + last
    assert read == [body for _, body, *_ in lines]


def test_numbers_keep_their_format_and_nested_fields_can_be_texts() -> None:
    line = b'{"n": 1.50e+07, "big": 123456789012345678901234567890, "a": {"b": "moon"}, "c": 7}\n'
    found, read = given_back(JSONL, line, ["a.b", "c"], join=" / ")
    assert found == line.replace(b"}\n", b', "label": "a \\"b\\"", "probability": 0.25}\n')
    assert read == ["moon / 7"]


def test_a_key_that_is_there_already_is_an_error_with_its_line() -> None:
    with pytest.raises(DataError, match="line 2 has the key 'label' already"):
        given_back(JSONL, b'{"body": "a"}\n{"body": "b", "label": 1}\n', ["body"])


BROKEN = ["{", "[1]", '{"body": "a", "body": "b"}', '{"body": ["a"]}', '{"body": "\\ud800"}', "[" * 9999]


@pytest.mark.parametrize("line", BROKEN)
def test_a_line_that_cannot_be_read_stops_or_is_marked(line: str) -> None:
    data = f'{{"body": "moon"}}\n\n{line}\n{{"body": "bat"}}\n'.encode()
    with pytest.raises(DataError, match="data: line 3"):
        given_back(JSONL, data, ["body"])
    found, read = given_back(JSONL, data, ["body"], mark=True, added={**ADDED, "error": "text"})
    assert read == ["moon", None, "bat"]
    marked = json.loads(found.splitlines()[2])
    assert marked["error"].startswith("line 3") and marked["label"] is None


# -- Parquet -------------------------------------------------------------------------------------

FRAME = pl.DataFrame(
    {
        "body": ["moon", None, "  ", "bat"],
        "small": pl.Series([1, 2, 3, None], dtype=pl.Int8),
        "kind": pl.Series(["x", "y", "x", None], dtype=pl.Enum(["x", "y"])),
        "when": pl.Series([0, 1, 2, 3], dtype=pl.Datetime("ms", "UTC")),
        "nested": [{"a": [1]}, {"a": []}, None, {"a": None}],
        "money": pl.Series(["1.50", "2.00", "3.25", None]).str.to_decimal(scale=2),
        "raw": [b"\xff", b"", None, b"ab"],
    }
)


def parquet(frame: pl.DataFrame, **options: Any) -> bytes:
    out = io.BytesIO()
    frame.write_parquet(out, **options)
    return out.getvalue()


def test_types_of_parquet_stay() -> None:
    found, read = given_back(PARQUET, parquet(FRAME, row_group_size=2), ["body"])
    table = pl.read_parquet(found)
    assert table.drop("label", "probability").equals(FRAME, null_equal=True)
    assert table.schema == {**FRAME.schema, "label": pl.String, "probability": pl.Float32}
    assert read == ["moon", None, None, "bat"]
    assert table["label"].to_list() == ['a "b"', None, None, 'a "b"']


def test_parquet_without_rows_keeps_its_columns() -> None:
    found, read = given_back(PARQUET, parquet(FRAME.clear()), ["body"])
    assert pl.read_parquet(found).schema == {**FRAME.schema, "label": pl.String, "probability": pl.Float32}
    assert read == []


def test_rows_of_many_groups_stay_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ROWS", "CHUNK"):
        monkeypatch.setattr(f"textforge_standard.datasets.parquet_tables.{name}", 3)
    frame = pl.DataFrame({"n": range(20), "body": [f"text {n}" for n in range(20)]})
    found, read = given_back(PARQUET, parquet(frame, row_group_size=7), ["body"])
    assert pl.read_parquet(found).select("n", "body").equals(frame)
    assert read == frame["body"].to_list()


def test_a_column_without_texts_is_an_error() -> None:
    with pytest.raises(DataError, match="column 'when' holds Datetime"):
        given_back(PARQUET, parquet(FRAME), ["when"])
    with pytest.raises(DataError, match="is no Parquet file, or damaged"):
        given_back(PARQUET, b"id,body\n", ["body"])


def test_metadata_of_parquet_stay_for_textforge_and_for_arrow() -> None:
    features = {"text": {"_type": "Value"}, "gold": {"names": ["ball", "space"], "_type": "ClassLabel"}}
    metadata = {"huggingface": json.dumps({"info": {"features": features}}), "origin": "a café"}
    frame = pl.DataFrame({"text": ["moon", "bat"], "gold": [1, 0]})
    found, _ = given_back(PARQUET, parquet(frame, metadata=metadata), ["text"])
    assert metadata.items() <= pl.read_parquet_metadata(io.BytesIO(found)).items()
    assert names_in_metadata(pl.read_parquet_metadata(io.BytesIO(found))) == {"gold": ["ball", "space"]}
    if "arrow_schema" in inspect.signature(pl.DataFrame.write_parquet).parameters:
        arrow = pytest.importorskip("pyarrow.parquet")
        kept = arrow.ParquetFile(io.BytesIO(found)).schema_arrow.metadata
        assert kept == {key.encode(): value.encode() for key, value in metadata.items()}


def test_metadata_stay_with_types_that_arrow_lacks() -> None:
    frame = pl.DataFrame({"body": ["moon"], "big": pl.Series([1], dtype=pl.Int128)})
    found, _ = given_back(PARQUET, parquet(frame, metadata={"origin": "here"}), ["body"])
    assert pl.read_parquet_metadata(io.BytesIO(found))["origin"] == "here"


# -- JSON arrays and spreadsheets ----------------------------------------------------------------

ROWS = [{"id": 1, "body": "moon"}, {"id": 2, "body": " "}, {"id": 3, "body": "bat"}]
WITH = [{**row, **(ANSWER if row["body"].strip() else dict.fromkeys(ANSWER))} for row in ROWS]
LAYOUTS = {
    "array": json.dumps(ROWS),
    "indented array": "\ufeff\n " + json.dumps(ROWS, indent=2),
    "key of an object": json.dumps({"data": ROWS}),
    "columns": json.dumps({key: [row[key] for row in ROWS] for key in ROWS[0]}),
    "columns over several lines": json.dumps({key: [row[key] for row in ROWS] for key in ROWS[0]}, indent=1),
    "columns by row (pandas)": json.dumps({key: {str(n): row[key] for n, row in enumerate(ROWS)} for key in ROWS[0]}),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("most", [1, 1 << 20])
def test_every_layout_of_a_json_file_becomes_an_array(layout: str, most: int) -> None:
    found, read = given_back(JSON, LAYOUTS[layout].encode(), ["body"], most=most)
    assert json.loads(found) == WITH
    assert read == ["moon", None, "bat"]


@pytest.mark.parametrize("most", [1, 1 << 20])
def test_json_lines_in_a_json_file_stay_lines(most: int) -> None:
    lines = b'{"body":"moon", "n": 1e3}\n{"body":"bat"}'
    assert given_back(JSON, lines, ["body"], most=most) == given_back(JSONL, lines, ["body"], most=most)
    assert given_back(JSON, lines, ["body"], to=JSONL, most=most) == given_back(JSONL, lines, ["body"])
    assert given_back(JSON, b'{"body":"moon"}', ["body"])[0].startswith(b'{"body":"moon", "label"')
    assert given_back(JSON, b"", ["body"])[0] == b""


def test_objects_of_an_array_keep_their_numbers() -> None:
    found, _ = given_back(JSON, b'[{"n":1.50, "body": "moon"} , {"n": 1e3,"body":"bat"}]', ["body"])
    answer = json.dumps(ANSWER)[1:]
    assert found.decode() == f'[\n{{"n":1.50, "body": "moon", {answer},\n{{"n": 1e3,"body":"bat", {answer}\n]\n'


def test_arrays_become_other_formats_and_others_become_arrays() -> None:
    data = LAYOUTS["array"].encode()
    for form in (CSV, JSONL, PARQUET):
        there, _ = given_back(JSON, data, ["body"], to=form)
        back, _ = given_back(form, there, ["body"], to=JSON, added={"again": "text"}, answer={"again": "x"})
        rows = json.loads(back)
        assert [row["label"] for row in rows] == [ANSWER["label"], None, ANSWER["label"]]
        assert [str(row["id"]) for row in rows] == ["1", "2", "3"]
    assert given_back(CSV, b"id,body\n", ["body"], to=JSON)[0] == b"[]\n"


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ('[{"body": "moon"}, {"body": "bat"', "data: row 2: not JSON"),
        ('[{"body": "moon"}, 3]', "data: row 2 is not an object"),
        ('[{"body": ["moon"]}]', "row 1: 'body' holds a list, which is not text. Correct the row"),
        ('[{"body": "moon", "label": "x"}]', "row 1 has the key 'label' already"),
        ('{"body": ["moon"], "id": [1, 2]}\n', "have different lengths"),
        ('{"body":\n"moon"}', "one object with the keys body"),
        ("[1, 2", "data: row 1 is not an object"),
    ],
)
def test_a_json_file_that_cannot_be_read_is_explained(data: str, told: str) -> None:
    with pytest.raises(DataError, match=told):
        given_back(JSON, data.encode(), ["body"])


def sheet(tmp_path: Path, *rows: Sequence[Any], **others: Any) -> bytes:
    pytest.importorskip("fastexcel", reason="needs the extra textforge[excel]")
    return write_xlsx(tmp_path / "written.xlsx", rows, **others).read_bytes()


def test_a_sheet_becomes_another_format(tmp_path: Path) -> None:
    data = sheet(tmp_path, ["Our reviews"], ["id", "body", "n"], [1, "moon", 2.5], ["02", None, None], [None, "bat"])
    found, read = given_back(SPREADSHEET, data, ["body"], to=CSV)
    assert found.decode() == f"id,body,n,label,probability\n1,moon,2.5{IN_CSV}\n02,,,,\n,bat,{IN_CSV}\n"
    assert read == ["moon", None, "bat"]
    assert json.loads(given_back(SPREADSHEET, data, ["body"], to=JSON)[0])[1] == {"id": "02"} | dict.fromkeys(
        ["body", "n", *ANSWER]
    )
    assert given_back(SPREADSHEET, sheet(tmp_path, ["id", "body"]), ["body"], to=TSV)[0].count(b"\n") == 1


def test_what_a_sheet_leaves_out_is_said(tmp_path: Path) -> None:
    data = sheet(tmp_path, ["From a tool"], ["body", None, "id"], ["moon", "x", 1], Two=[["body"], ["bat"]])
    reader = SPREADSHEET.reader(TableStream(io.BytesIO(data), "data"), {})
    assert reader.columns == ["body", "id"]
    assert reader.warnings == [
        "row 1 is above the header and was skipped.",
        "has 2 sheets; the first, 'One', is read. Choose another with --set sheet=Two.",
        "column 2 has no name and is left out.",
    ]
    assert given_back(SPREADSHEET, data, ["body"], to=TSV, sheet="Two")[1] == ["bat"]
    for wrong, told in ((sheet(tmp_path, ["body", "body"]), "2 columns are named 'body'"), (b"id,body", "^data: .*")):
        with pytest.raises(DataError, match=told):
            given_back(SPREADSHEET, wrong, ["body"], to=CSV)


# -- lines above the header ----------------------------------------------------------------------


@pytest.mark.parametrize("most", [1, 7, 1 << 20])
@pytest.mark.parametrize(
    ("above", "options", "said"),
    [
        ('# from a "tool"\n// it\'s "new\n', {}, ["lines 1 to 2 are above the header and were skipped."]),
        ("# old\r\n\r\n", {}, ["lines 1 to 2 are above the header and were skipped."]),
        ("Reviews of May\n", {"text": "body"}, ["line 1 is above the header and was skipped."]),
        ("sep=,\n# old\n", {}, ["line 2 is above the header and was skipped."]),
        ("\n\n", {}, ["lines 1 to 2 are above the header and were skipped."]),
        ("# old\n", {"names": ["id", "body"]}, ["line 1 is above the rows and was skipped."]),
    ],
)
def test_lines_above_a_header_are_kept_and_skipped(
    above: str, options: dict[str, Any], said: list[str], most: int
) -> None:
    header = "" if "names" in options else "id,body\n"
    data = f"{above}{header}1,moon\n".encode()
    reader = CSV.reader(TableStream(Trickle(data, most), "data"), {**OPTIONS, **options})
    assert reader.warnings == said
    found, read = given_back(CSV, data, ["body"], most=1 << 20, **options)
    with_names = header.replace("\n", ",label,probability\n")
    assert (found.decode(), read) == (f"{above}{with_names}1,moon{IN_CSV}\n", ["moon"])


def test_a_comment_does_not_move_the_number_of_a_line() -> None:
    with pytest.raises(DataError, match="line 4: 1 column"):
        given_back(CSV, b"# old\nid,body\n1,moon\nbat\n", ["body"])


@pytest.mark.parametrize("data", [b"text\nhello, world\nmoon\n", b"a title\n1,moon\n"])
def test_a_first_line_is_no_title_unless_the_header_is_known(data: bytes) -> None:
    with pytest.raises(DataError, match="line 1 seems to be a title"):
        CSV.reader(TableStream(io.BytesIO(data), "data"), OPTIONS)


# -- from one format to another ------------------------------------------------------------------


def test_csv_becomes_each_other_format_and_no_value_is_converted() -> None:
    data = b'id,body,note\n01,"moon\nstar",\n1e3,bat,"a\tb"\n'
    rows = [{"id": "01", "body": "moon\nstar", "note": None}, {"id": "1e3", "body": "bat", "note": "a\tb"}]
    expected = [{**row, **ANSWER} for row in rows]
    found, _ = given_back(CSV, data, ["body"], to=JSONL)
    assert [json.loads(line) for line in found.splitlines()] == expected
    assert list(json.loads(found.splitlines()[0])) == ["id", "body", "note", "label", "probability"]
    found, _ = given_back(CSV, data, ["body"], to=PARQUET)
    assert pl.read_parquet(found).to_dicts() == expected
    found, _ = given_back(CSV, data, ["body"], to=TSV)
    first, second = '01\t"moon\nstar"\t', '1e3\tbat\t"a\tb"'
    answer = '"a ""b"""\t0.2500'
    assert found.decode() == f"id\tbody\tnote\tlabel\tprobability\n{first}\t{answer}\n{second}\t{answer}\n"


def test_typed_values_become_text_in_csv_and_json() -> None:
    found, _ = given_back(PARQUET, parquet(FRAME), ["body"], to=CSV)
    lines = found.decode().splitlines()
    assert lines[0] == "body,small,kind,when,nested,money,raw,label,probability"
    assert lines[1] == 'moon,1,x,1970-01-01T00:00:00+00:00,"{""a"": [1]}",1.50,/w==' + IN_CSV
    assert lines[2] == ',2,y,1970-01-01T00:00:00.001000+00:00,"{""a"": []}",2.00,,,'
    found, _ = given_back(PARQUET, parquet(FRAME), ["body"], to=JSONL)
    assert json.loads(found.splitlines()[3]) == {
        "body": "bat", "small": None, "kind": None, "when": "1970-01-01T00:00:00.003000+00:00",
        "nested": {"a": None}, "money": None, "raw": "YWI=", **ANSWER,
    }  # fmt: skip


def test_keys_that_come_late_and_types_that_differ_stop_a_conversion() -> None:
    many = b"".join(b'{"body": "moon", "n": %d}\n' % n for n in range(50_000))
    with pytest.raises(DataError, match="line 50001: the key 'late' is in none of the first lines"):
        given_back(JSONL, many + b'{"body": "bat", "late": 1}\n', ["body"], to=CSV)
    with pytest.raises(DataError, match="have one type"):
        given_back(JSONL, many + b'{"body": "bat", "n": "many"}\n', ["body"], to=PARQUET)


def test_an_empty_table_becomes_a_header_or_nothing() -> None:
    assert given_back(CSV, b"id,body\n", ["body"], to=JSONL)[0] == b""
    assert given_back(CSV, b"id,body\n", ["body"], to=TSV)[0] == b"id\tbody\tlabel\tprobability\n"
    assert pl.read_parquet(given_back(CSV, b"id,body\n", ["body"], to=PARQUET)[0]).columns[:2] == ["id", "body"]
    assert given_back(JSONL, b"", ["body"])[0] == b""


@pytest.mark.parametrize(
    ("suffix", "pack", "unpack"),
    [(".gz", gzip.compress, gzip.decompress), (".zst", zstandard.compress, zstandard.ZstdDecompressor().stream_reader)],
)
def test_compressed_tables_are_read_and_written(suffix: str, pack: Any, unpack: Any) -> None:
    found, _ = given_back(CSV, pack(b"id,body\n1,moon\n"), ["body"], packed=suffix)
    plain = unpack(found)
    assert (
        plain if isinstance(plain, bytes) else plain.read()
    ).decode() == f"id,body,label,probability\n1,moon{IN_CSV}\n"
    with pytest.raises(DataError, match="cannot be decompressed"):
        given_back(CSV, pack(b"id,body\n1,moon\n")[:-6], ["body"], packed=suffix)


# -- text columns by name ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("columns", "found"),
    [
        (["id", "text"], "text"),
        (["id", "Body", "title"], "Body"),
        (["text", "review_text"], "text"),
        (["id", "reviewText", "text_id"], "reviewText"),
        (["anything"], "anything"),
        (["id", "name"], None),
        (["review_text", "reply_text"], None),
        ([], None),
    ],
)
def test_a_text_column_is_known_by_its_name(columns: list[str], found: str | None) -> None:
    assert usual_text_column(columns) == found


def test_a_plain_parquet_file_is_read_in_place(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    FRAME.write_parquet(path)
    with path.open("rb") as stream:
        reader = PARQUET.reader(TableStream(stream, str(path)), {})
        assert reader.columns[:2] == ["body", "small"] and "nested.a" in reader.columns
