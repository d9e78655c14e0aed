"""YAML read into nodes with line and column, its traps closed."""

import codecs
import json
import math
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, assume, given, settings, strategies as st

from textforge.errors import RecipeError
from textforge.recipes.document import MAX_BYTES, MAX_DEPTH, MAX_NODES, Node, from_python, parse, read_document

many = settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.too_slow])


def value(text):
    return parse(text, "r.yaml").plain()


def mistake(text):
    """The one mistake in a text, as "line:column: message", and what the carets stand under."""
    with pytest.raises(RecipeError) as error:
        parse(text, "r.yaml")
    (found,) = error.value.mistakes
    return f"{str(found.place).removeprefix('r.yaml').lstrip(':')}: {found.message}"


def pointed(text):
    with pytest.raises(RecipeError) as error:
        parse(text, "r.yaml")
    (found,) = error.value.mistakes
    _, line, carets = str(found).split("\n")
    start = carets.index("^")
    return line[start : start + carets.count("^")]


# -- values ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "means"),
    [
        ("1e-3", 0.001),
        ("1E3", 1000.0),
        ("-2e+2", -200.0),
        (".5", 0.5),
        ("5.", 5.0),
        ("+1", 1),
        ("09", 9),
        ("0o17", 15),
        ("0x1F", 31),
        (".inf", math.inf),
        ("-.Inf", -math.inf),
        ("true", True),
        ("False", False),
        ("~", None),
        ("null", None),
        ("", None),
    ],
)
def test_numbers_truth_values_and_null_are_those_of_yaml_1_2(written, means):
    found = value(f"a: {written}")["a"]
    assert found == means
    assert type(found) is type(means)


def test_not_a_number_is_a_number():
    assert math.isnan(value("a: .nan")["a"])


@pytest.mark.parametrize(
    "text",
    "no on yes off y n No ON NaN inf e3 1e 1_000 1:30 2001-01-01 0b11 1.2.3 = - -a nullx trueish 0o8 0xg . .e3".split(),
)
def test_what_only_looks_like_something_stays_text(text):
    if text != "-":
        assert value(f"a: {text}") == {"a": text}


def test_quotes_make_text_of_anything():
    assert value("""{a: "1", b: 'true', c: "", d: '~', "e f": "1e-3"}""") == {
        "a": "1", "b": "true", "c": "", "d": "~", "e f": "1e-3",
    }  # fmt: skip


def test_keys_that_look_like_yaml_1_1_truth_values_stay_text():
    assert value("on: 1\nno: 2\ny: 3") == {"on": 1, "no": 2, "y": 3}


def test_an_alias_repeats_its_value():
    assert value("a: &x [1, 2]\nb: *x") == {"a": [1, 2], "b": [1, 2]}


def test_windows_and_old_mac_line_ends_are_line_ends():
    assert value("a: 1\r\nb: |\r\n  x\r\n  y\r\nc: 3\r") == {"a": 1, "b": "x\ny\n", "c": 3}
    assert mistake("a: 1\r\nb: 2\r\na: 3\r\n").startswith("3:1: ")
    assert mistake("a: 1\rb: 2\ra: 3").startswith("3:1: ")


# -- mistakes with their place ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: 1\nb: 2\na: 3", "3:1: the key 'a' occurs twice; first in line 1."),
        ("a: {x: 1, x: 2}", "1:11: the key 'x' occurs twice; first in line 1."),
        ('"a": 1\na: 2', "2:1: the key 'a' occurs twice; first in line 1."),
        ("a: &x 1\n<<: {b: 1}", "2:1: merge keys (<<) are not supported in recipes; use 'extends' instead."),
        ("a: &x [1, *x]", "1:4: an alias refers to a value that contains it."),
        ("&x a: {b: *y}", "1:11: invalid YAML: found undefined alias 'y'."),
        ("a: !!python/object:os.system x", "1:4: the tag 'tag:yaml.org,2002:python/object:os.system' is not supported "
         "in recipes; remove it."),
        ("a: !mine x", "1:4: the tag '!mine' is not supported in recipes; remove it."),
        ("a: ! 3", "1:4: the tag '!' is not supported in recipes; remove it."),
        ("a: !!null b", "1:4: the tag 'tag:yaml.org,2002:null' is not supported in recipes; remove it."),
        ("a: !!str [1]", "1:4: the tag 'tag:yaml.org,2002:str' is not supported in recipes; remove it."),
        ("!!str a: 1", "1:1: the tag 'tag:yaml.org,2002:str' is not supported in recipes; remove it."),
        ("1: a", "1:1: the key 1 is not text; put it in quotes."),
        ("x:\n  true: a", "2:3: the key true is not text; put it in quotes."),
        ("~: a", "1:1: the key ~ is not text; put it in quotes."),
        ("? [a]\n: 1", "1:3: a key must be text, not a list or a mapping."),
        ("{a: 1}: 1", "1:1: a key must be text, not a list or a mapping."),
        ("a: 1\n---\nb: 2", "2:1: a second document begins here; a recipe has only one document."),
        ("a:\n\tb: 1", "2:1: a tab is not allowed here; use spaces."),
        ("a: x\n\tb: 1", "2:1: a tab is not allowed here; use spaces."),
        ("a: 1\t# why", "1:5: a tab is not allowed here; use spaces."),
        ("a:\n  \tb: 1", "2:3: a tab is not allowed here; use spaces."),
        ("a: b: c", "1:5: invalid YAML: mapping values are not allowed here. Put a text that contains ': ' in quotes."),
        ("a: 'x\ty' z: w", "1:10: invalid YAML: expected <block end>, but found '<scalar>' (while parsing a block "
         "mapping)."),
        ("a: @x", "1:4: invalid YAML: found character '@' that cannot start any token (while scanning for the next "
         "token)."),
        ('a: "\\ud800"', "1:4: '\\ud800' contains half a character (a lone surrogate), which cannot be written to a "
         "file."),
        ("x: 1\na: 0x" + "f" * 5000, "2:4: a whole number of 5,002 digits is too large."),
        ("x: 1\na: " + "9" * 5000, "2:4: a whole number of 5,000 digits is too large."),
        ("a: 1" + "0" * 400, "1:4: a whole number of 1,329 bits is too large."),
        ("a: b\nc: \x07", "2:4: the character U+0007 is not allowed in YAML."),
        ("a: b\nc\x00", "2:2: the character U+0000 is not allowed in YAML."),
    ],
)  # fmt: skip
def test_a_mistake_is_reported_with_its_line_and_column(text, says):
    assert mistake(text) == says


@pytest.mark.parametrize(("bracket", "text"), [("[", "a: [1, 2"), ("{", "a: {b: 1")])
def test_an_unclosed_bracket_is_named(bracket, text):
    assert mistake(text).endswith(f" A '{bracket}' is not closed.")


@pytest.mark.parametrize(
    ("text", "under"),
    [
        ("a: {bcd: 1, bcd: 2}", "bcd"),
        ("ä: 1\nöü: {x: 1, x: 2}", "x"),
        ("a: &x [1, *x]  # why", "&x [1, *x]"),
        ("a: !t |\n  one\n  two", "!t |"),
        ("a: 1\nlonger_key: !t b", "!t b"),
    ],
)
def test_carets_stand_under_what_is_wrong(text, under):
    assert pointed(text) == under


@pytest.mark.parametrize("separator", ["\u2028", "\u2029", "\x85"])
def test_lines_are_counted_as_editors_count_them(separator):
    """PyYAML ends a line at these characters too, editors do not."""
    text = f"a: 'x{separator}y'\nb: 1\nlong: {{c: 1, c: 2}}"
    assert mistake(text).startswith("3:14: the key 'c'")
    assert pointed(text) == "c"


@pytest.mark.parametrize("text", ["", "   \n\n", "# only a comment\n"])
def test_an_empty_text_says_what_a_recipe_has(text):
    assert mistake(text) == ": is empty. A recipe has the sections dataset, vectorizer, model and optimizer."


# -- bombs -----------------------------------------------------------------------------------------


def test_aliases_cannot_explode():
    levels = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    levels += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 30)]
    assert f"holds more than {MAX_NODES:,} values, counting those that aliases repeat" in mistake("\n".join(levels))


def test_a_value_may_be_as_deep_as_allowed_and_no_deeper():
    assert value("[" * MAX_DEPTH + "1" + "]" * MAX_DEPTH)
    place = f"1:{MAX_DEPTH + 2}"
    assert mistake("[" * (MAX_DEPTH + 1) + "1" + "]" * (MAX_DEPTH + 1)) == f"{place}: nested deeper than 50 levels."


def test_absurd_depth_is_a_mistake_not_a_crash():
    assert mistake("[" * 100_000).endswith("nested deeper than 50 levels.")


# -- files -----------------------------------------------------------------------------------------


def refused(path):
    with pytest.raises(RecipeError) as error:
        read_document(path)
    return str(error.value).replace(str(path), "FILE")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path, encoding):
    mark = {"utf-16-le": codecs.BOM_UTF16_LE, "utf-16-be": codecs.BOM_UTF16_BE}.get(encoding, b"")
    file = tmp_path / "r.yaml"
    file.write_bytes(mark + "ä: ö\na: 1\n".encode(encoding))
    text, root = read_document(file)
    assert root.plain() == {"ä": "ö", "a": 1}
    assert text == "ä: ö\na: 1\n"


def test_a_mark_before_the_text_moves_no_column():
    assert mistake("\ufeffa: {b: 1, b: 2}").split(":")[0] == "1"


def test_broken_utf_8_is_reported_with_line_and_column(tmp_path):
    file = tmp_path / "r.yaml"
    file.write_bytes("a: 1\nää: x".encode() + b"\xff\n")
    assert refused(file) == "FILE:2:6: byte 0xff is not UTF-8. Save the file as UTF-8."


def test_an_unfinished_character_at_the_end_is_reported_with_its_place(tmp_path):
    file = tmp_path / "r.yaml"
    file.write_bytes(b"a: 1\nb: \xc3")
    assert refused(file) == "FILE:2:4: byte 0xc3 is not UTF-8. Save the file as UTF-8."


def test_a_directory_is_no_recipe(tmp_path):
    assert refused(tmp_path).startswith("FILE: cannot be read: Is a directory.")


def test_a_missing_file_suggests_the_one_beside_it(tmp_path):
    (tmp_path / "newsgroups.yaml").touch()
    (tmp_path / "newsgroup.txt").touch()
    assert refused(tmp_path / "newsgroup.yaml") == (
        "FILE: cannot be read: No such file or directory. Did you mean 'newsgroups.yaml'?"
    )
    assert refused(tmp_path / "no" / "such.yaml") == "FILE: cannot be read: No such file or directory."


@pytest.mark.parametrize("name", ["a" * 300, "a\0b"])
def test_a_path_that_no_file_can_have_is_refused(tmp_path, name):
    assert refused(tmp_path / name).startswith("FILE: cannot be read: ")


def test_a_file_larger_than_any_recipe_is_refused(tmp_path):
    file = tmp_path / "r.yaml"
    file.write_bytes(b"a: 1\n" + b"#" * (MAX_BYTES - 5))
    assert read_document(file)[1].plain() == {"a": 1}
    file.write_bytes(b"a: 1\n" + b"#" * (MAX_BYTES - 4))
    assert refused(file) == "FILE: larger than 1,000,000 bytes; this is not a recipe."


def test_a_device_without_end_is_refused():
    assert "this is not a recipe" in refused(Path("/dev/zero"))


# -- nodes -----------------------------------------------------------------------------------------


def test_a_node_knows_where_it_and_its_key_stand():
    root = parse("model:\n  hidden: [10, 200]\n", "r.yaml")
    item = root.at(("model", "hidden", 1))
    assert (item.value, str(item.place)) == (200, "r.yaml:2:16")
    hidden = root.at(("model", "hidden"))
    assert (str(hidden.place), str(hidden.key_place)) == ("r.yaml:2:11", "r.yaml:2:3")


def test_the_innermost_node_that_exists_stands_for_one_that_does_not():
    root = parse("model:\n  hidden: [10]\n", "r.yaml")
    assert root.at(("model", "hidden", 5)) is root.at(("model", "hidden"))
    assert root.at(("model", "nothing", "more")) is root.at(("model",))


# -- Python values ---------------------------------------------------------------------------------


def test_numpy_numbers_and_text_become_pythons():
    import numpy as np

    given_ = {"a": np.float64(0.5), "b": [np.int64(3), np.float32(0.25)], "c": np.str_("x"), "d": (1, None, True)}
    plain = from_python(given_, "recipe").plain()
    assert plain == {"a": 0.5, "b": [3, 0.25], "c": "x", "d": [1, None, True]}
    assert [type(v) for v in (plain["a"], *plain["b"], plain["c"])] == [float, int, float, str]


ENDLESS: list = []
ENDLESS.append(ENDLESS)


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ({1, 2}, "recipe.a: set is not allowed in a recipe; use numbers, text, lists and mappings."),
        (object(), "recipe.a: object is not allowed in a recipe; use numbers, text, lists and mappings."),
        (1j, "recipe.a: complex is not allowed in a recipe; use numbers, text, lists and mappings."),
        (
            "\ud800",
            "recipe.a: '\\ud800' contains half a character (a lone surrogate), which cannot be written to a file.",
        ),
        (10**400, "recipe.a: a whole number of 1,329 bits is too large."),
        ({"b": {1: 2}}, "recipe.a.b: the key 1 is not text."),
        (ENDLESS, f"recipe.a{'[0]' * MAX_DEPTH}: nested deeper than 50 levels."),
    ],
)
def test_a_python_value_that_yaml_could_not_hold_is_a_mistake(value, says):
    with pytest.raises(RecipeError) as error:
        from_python({"a": value}, "recipe")
    assert str(error.value) == says


# -- anything --------------------------------------------------------------------------------------

YAMLISH = st.text(
    st.sampled_from(list("ab1e.-+:?,[]{}&*!|>'\"%@`#~<= \n\t\r\\x0\ufeff\u2028\x85é\x00\ud800")), max_size=40
)


@many
@given(YAMLISH | st.text())
def test_any_text_is_read_or_refused_with_a_place_in_it(text):
    try:
        root = parse(text, "r.yaml")
    except RecipeError as error:
        (found,) = error.mistakes
        lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        if found.place.line is not None:
            assert 1 <= found.place.line <= len(lines)
            assert 1 <= found.place.column <= len(lines[found.place.line - 1]) + 1
        str(error).encode()
    else:
        assert isinstance(root, Node)


@many
@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(tmp_path_factory, data):
    file = tmp_path_factory.getbasetemp() / "any.yaml"
    file.write_bytes(data)
    try:
        _, root = read_document(file)
    except RecipeError as error:
        told = str(error)
    else:
        told = f"{root.place}"
    assert told.startswith(str(file))


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=100),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=100), inner, max_size=4),
    max_leaves=10,
)


@many
@given(PLAIN)
def test_what_json_writes_is_read_alike(value_):
    """JSON is a subset of YAML 1.2, but for the control character that JSON does not escape."""
    text = json.dumps({"a": value_})
    assume("\x7f" not in text and "Infinity" not in text)
    assert value(text) == {"a": value_}


@many
@given(PLAIN)
def test_what_the_recipe_dumper_writes_reads_back_alike(value_):
    from textforge.recipes.yaml12 import to_yaml

    text = to_yaml({"a": value_})
    assert repr(value(text)) == repr({"a": value_})
    assert repr(yaml.safe_load(text)) == repr({"a": value_}), "YAML 1.1 readers read it alike too"
