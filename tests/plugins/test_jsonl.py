"""Dataset `jsonl`: what it reads, and the one sentence that each kind of bad file gets."""

import json
from functools import partial

import pytest
from conftest import refusal
from hypothesis import given, strategies as st

from textforge import DataError
from textforge_standard.datasets.jsonl import jsonl, jsonl_blocks


@pytest.fixture
def file(tmp_path):
    """Write lines, each text or an object, and give the file's path."""

    def write(*lines):
        path = tmp_path / "data.jsonl"
        path.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines))
        return path

    return write


def read(path, **options):
    return jsonl(0, train=path, **{"test_fraction": 0.0, **options}).train


refused = partial(refusal, read)


RED, GREEN = {"text": "red", "label": "x"}, {"label": "y", "more": [1, {}], "text": "green"}


def test_objects_are_read_whatever_their_order_and_other_fields(file):
    assert read(file(RED, GREEN)) == (["red", "green"], ["x", "y"])


def test_blank_lines_windows_line_ends_and_a_byte_order_mark_do_no_harm(tmp_path):
    path = tmp_path / "odd.jsonl"
    path.write_bytes(f"\ufeff\r\n{json.dumps(RED)}\r\n  \r\n{json.dumps(GREEN)}\r\n\r\n".encode())
    assert read(path) == (["red", "green"], ["x", "y"])


def test_only_newlines_end_a_line(file):
    text = "a\u2028b\x85c\x0cd\x1ee"
    assert read(file(json.dumps({"text": text, "label": "x"}, ensure_ascii=False))) == ([text], ["x"])


def test_numbers_and_truth_values_are_labels(file):
    lines = [{"text": "t", "label": label} for label in (0, 1, True, "a", 3.0)]
    assert read(file(*lines))[1] == ["0", "1", "true", "a", "3"]


def test_fields_within_fields_are_named_with_dots(file):
    row = {"post": {"body": "red", "meta": {"topic": "x"}}, "a.b": "y"}
    assert read(file(row), text="post.body", label="post.meta.topic") == (["red"], ["x"])
    assert read(file(row), text="post.body", label="a.b") == (["red"], ["y"])


def test_a_field_that_a_line_lacks_is_missing_there(file):
    path = file(RED, "", {"text": "green"}, {"label": "y"}, {"text": None, "label": "z"}, {"text": " ", "label": None})
    told = refused(path)
    assert told.startswith("3 of 5 rows have no text, 2 no label (lines 3, 4, 5, 6).")
    assert "dataset.missing: drop" in told
    dataset = jsonl(0, train=path, test_fraction=0.0, missing="drop")
    assert dataset.train == (["red"], ["x"])
    assert "(lines 3, 4, 5, 6); they were dropped." in dataset.warnings[0]


def test_a_field_that_every_line_lacks_is_reported_with_those_that_there_are(file):
    told = refused(file({"txt": "red", "meta": {"topic": "x"}}, {"txt": "b", "id": 3}), label="meta.topic")
    assert told == (
        "no column 'text'. Its columns: txt, meta.topic, id. Did you mean 'txt'? Name it with dataset.text."
    )


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        ("{'text': 'red'}", ["not JSON", "column 2"]),
        ('{"text": "red", "label": "x"', ["not JSON", "column"]),
        ('{"text": "red", "label": "x"} {"text": "b"}', ["not JSON: Extra data", "each line must be one"]),
        ('["red", "x"]', ["a list, not an object"]),
        ('"red"', ["text, not an object"]),
        ("null", ["null, not an object"]),
        ("7", ["a number or truth value, not an object"]),
        ("[" * 100_000, ["lists or objects are nested too deeply"]),
        ('{"text": "red", "label": ' + "1" * 5000 + "}", ["a whole number of 5,000 digits, too long to read"]),
        ('{"id": 1, "text": "red", "label": "x", "id": 2}', ["the key 'id' occurs twice in one object"]),
        ('{"text": "red", "label": "x", "\\u0074ext": "b"}', ["the key 'text' occurs twice in one object"]),
        ('{"text": "red", "label": "x", "meta": [{"a": {"b": 1, "c": 2, "b": 3}}]}', ["the key 'b' occurs twice"]),
        ('  {"text": "red", "label" "x"}', ["not JSON", "column 27"]),
        (r'{"text": "half \ud83d a face", "label": "x"}', ["half a character"]),
        (r'{"text": "red", "label": "\uDC00"}', ["half a character"]),
    ],
)
def test_a_line_that_is_no_object_is_reported(file, line, parts):
    told = refused(file(RED, "", line))
    assert told.startswith("line 3: ")
    assert [part for part in parts if part not in told] == []


def test_whole_characters_written_as_escapes_are_read(file):
    assert read(file(r'{"text": "a \ud83d\ude00 face", "label": "\\ud"}')) == (["a 😀 face"], ["\\ud"])


def test_json_over_several_lines_is_recognised(tmp_path):
    path = tmp_path / "data.jsonl"
    path.write_text(json.dumps([RED, GREEN], indent=2))
    assert refused(path).startswith("line 1: JSON over several lines. JSON Lines has one object per line")


@pytest.mark.parametrize(
    ("data", "part"),
    [
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (b'{"text": "caf\xe9"}', "byte 0xe9 is not utf-8"),
        (b"\0", "a NUL byte"),
    ],
)
def test_a_file_that_holds_no_lines_of_text_is_reported(tmp_path, data, part):
    path = tmp_path / "data.jsonl"
    path.write_bytes(data)
    assert part in refused(path)


def test_a_nan_is_missing(file):
    assert "1 no label (lines 2)" in refused(file(RED, '{"text": "a", "label": NaN}'))


VALUES = st.recursive(
    st.text("a:\"' {", max_size=3) | st.integers(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text('a":', max_size=2), inner, max_size=3),
)


@given(VALUES, VALUES, st.sampled_from(["{}", '{"in": {}}', "[1, {}]", '{"a": 1, "in": [{}]}']))
def test_a_repeated_key_is_refused_wherever_it_stands(tmp_path_factory, one, other, around):
    path = tmp_path_factory.getbasetemp() / "repeated.jsonl"
    for key, repeated in (("j", False), ("k", True)):
        inner = f'{{"k": {json.dumps(one)}, "l": 1, "{key}" : {json.dumps(other)}}}'
        row = json.dumps({"text": "b", "label": "y", "more": "…"}, ensure_ascii=False)
        row = row.replace('"…"', around.replace("{}", inner))
        path.write_text(f"{json.dumps(RED)}\n{row}\n")
        for lines in (read, lambda path: list(jsonl_blocks(path, {"text": "text"}))):
            if repeated:
                with pytest.raises(DataError, match=r"line 2: the key 'k' occurs twice in one object"):
                    lines(path)
            else:
                assert lines(path)


TEXT = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12).filter(str.strip)
PLAIN = TEXT | st.integers() | st.booleans()


@given(rows=st.lists(st.tuples(TEXT, PLAIN, st.lists(PLAIN)), min_size=1, max_size=6), escaped=st.booleans())
def test_what_the_standard_library_writes_is_read_back_exactly(tmp_path_factory, rows, escaped):
    path = tmp_path_factory.getbasetemp() / "property.jsonl"
    objects = [{"text": text, "deep": {"label": label}, "tags": tags} for text, label, tags in rows]
    path.write_text("\n".join(json.dumps(o, ensure_ascii=escaped) for o in objects), encoding="utf-8", newline="")

    def name(value):
        return value if isinstance(value, str) else json.dumps(value)

    texts = [text for text, *_ in rows]
    assert read(path, label="deep.label") == (texts, [name(label) for _, label, _ in rows])
    assert read(path, label="tags") == (texts, [tuple(dict.fromkeys(map(name, tags))) for *_, tags in rows])
