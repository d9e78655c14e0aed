"""Which columns `textforge init` takes for texts and labels."""

import random

import pytest

from textforge import DataError
from textforge_standard.datasets.columns import Columns, Table, examples
from textforge_standard.datasets.guess import guess

RNG = random.Random(0)
WORDS = [f"word{n}" for n in range(300)]
N = 60
LONG = [" ".join(RNG.choices(WORDS, k=20)) for _ in range(N)]
SHORT = [" ".join(RNG.choices(WORDS, k=4)) for _ in range(N)]
IDS = [str(1000 + n) for n in range(N)]


def cycle(*values):
    return [values[n % len(values)] for n in range(N)]


def flags(*steps):
    return {f"kind {step}": cycle("1", *["0"] * (step - 1)) for step in steps}


@pytest.mark.parametrize(
    ("columns", "text", "label"),
    [
        ({"id": IDS, "text": LONG, "label": cycle("x", "y")}, "text", "label"),
        ({"sentiment": cycle("pos", "neg"), "review": LONG}, "review", "sentiment"),
        ({"a": IDS, "b": cycle("x", "y", "z"), "c": LONG}, "c", "b"),
        ({"reviewText": LONG, "Product Category": cycle("x", "y", "z"), "vote": cycle("u", "d")},
         "reviewText", "Product Category"),
        ({"title": SHORT, "body": LONG, "topic": cycle("x", "y")}, ["title", "body"], "topic"),
        ({"body": LONG, "Subject": SHORT, "topic": cycle("x", "y")}, ["Subject", "body"], "topic"),
        ({"reviewTitle": SHORT, "reviewText": LONG, "stars": cycle(1, 2)}, ["reviewTitle", "reviewText"], "stars"),
        ({"column_1": cycle("x", "y"), "column_2": SHORT, "column_3": LONG}, ["column_2", "column_3"], "column_1"),
        ({"column_1": LONG, "column_2": SHORT, "column_3": cycle("x", "y")}, "column_1", "column_3"),
        ({"title": SHORT, "topic": cycle("x", "y")}, "title", "topic"),
        ({"title": SHORT, "abstract": LONG, "notes": LONG, "class": cycle("1", "2", "3")}, ["title", "abstract"],
         "class"),
        ({"text": LONG, "lang": cycle("en", "de"), "category": cycle("x", "y", "z")}, "text", "category"),
        ({"text": LONG, "label": cycle(0, 1), "retweet": cycle(True, False, False)}, "text", "label"),
        ({"text": LONG, "spam": cycle(0, 1)}, "text", "spam"),
        ({"text": LONG, "stars": cycle(1, 2, 3, 4, 5), "date": IDS}, "text", "stars"),
        ({"text": LONG, "label": cycle("x", "", "y", None)}, "text", "label"),
        ({"text": SHORT, "tags": cycle(["a", "b"], [], ["c"]), "source": cycle("s", "t")}, "text", "tags"),
        ({"comment": LONG, **flags(2, 3, 4)}, "comment", ["kind 2", "kind 3", "kind 4"]),
        ({"comment": LONG, "toxic": cycle("0", "1"), "severe_toxic": cycle("0", "0", "1")},
         "comment", ["toxic", "severe_toxic"]),
        ({"comment": LONG, "unclear": cycle("True", "False", "False"), **flags(2, 3)}, "comment", ["kind 2", "kind 3"]),
        ({"comment": LONG, "toxic": cycle("TRUE", "FALSE"), "rude": cycle("FALSE", "FALSE", "TRUE")},
         "comment", ["toxic", "rude"]),
        ({"comment": LONG, "toxic": cycle("Yes", "No"), "rude": cycle("no", "yes")}, "comment", ["toxic", "rude"]),
        ({"comment": LONG, "toxic": cycle("0", "1", "-1"), "rude": cycle("0", "-1")}, "comment", ["toxic", "rude"]),
        ({"comment": LONG, **flags(2, 3), "topic": cycle("x", "y", "z")}, "comment", "topic"),
        ({"store": cycle(1, 2), "comment": LONG, "mood": cycle("a", "b", "c")}, "comment", "mood"),
        ({"store_id": cycle("a", "b"), "comment": LONG, "mood": cycle("a", "b", "c")}, "comment", "mood"),
        ({"comment": LONG, "rating": cycle(0.5, 1.5, None), "mood": cycle("a", "b", "c")}, "comment", "mood"),
        ({"comment": LONG, "rating": cycle(1.0, 2.0, None), "mood": cycle("a", "b", "c")}, "comment", "rating"),
        ({"place": cycle("a", "b", "c"), "comment": LONG, "bad": cycle(0, 1)}, "comment", "bad"),
        ({"day": cycle("2020-01-01", "2020-01-02"), "comment": LONG, "mood": cycle("a", "b", "c")}, "comment", "mood"),
        ({"day": cycle("1/5/2020 10:00", "2/5/2020"), "comment": LONG, "n": cycle(1, 2, 3)}, "comment", "n"),
        ({"Priority": cycle("x", "y"), "Ticket Type": cycle("a", "b", "c"), "body": LONG}, "body", "Ticket Type"),
        ({"v1": cycle("ham", "spam"), "v2": LONG, "": [None] * N}, "v2", "v1"),
        ({"tweet_id": IDS, "airline": cycle("d", "u"), "airline_sentiment": cycle("p", "q", "r"), "text": LONG,
          "tweet_created": cycle("2015-02-24 11:35:52 -0800", "2015-02-25 11:35:52 -0800")},
         "text", "airline_sentiment"),
    ],
)  # fmt: skip
def test_columns_are_found_by_name_and_by_what_they_hold(columns, text, label):
    found = guess(Table("table", columns))
    assert (found.options["text"], found.options["label"]) == (text, label)
    assert set(found.why) == set(found.options)
    assert examples(Table("table", columns), Columns(**found.options, missing="drop")).texts


@pytest.mark.parametrize("separator", ["|", ";", ",", ", "])
def test_several_labels_in_one_text_are_seen(separator):
    sets = [[name for name, step in (("a", 2), ("b", 3), ("c", 5), ("d", 7)) if n % step == 0] for n in range(N)]
    columns = {"text": LONG, "genre": [separator.join(RNG.sample(names, len(names))) for names in sets]}
    found = guess(Table("table", columns))
    assert found.options == {"text": "text", "label": "genre", "label_separator": separator.strip()}


@pytest.mark.parametrize("separator", "|;")
def test_a_separator_is_seen_even_where_few_sets_of_labels_occur(separator):
    columns = {"text": LONG, "tags": [separator.join(row) for row in cycle(["a", "b"], ["a"], ["c"], [], ["c", "b"])]}
    found = guess(Table("table", columns))
    assert found.options["label_separator"] == separator


def test_a_comma_within_labels_is_no_separator():
    columns = {"text": LONG, "label": cycle("Paris, France", "Lyon, France", "Rome, Italy", "Bonn, Germany")}
    assert guess(Table("table", columns)).options == {"text": "text", "label": "label"}


def test_that_a_title_is_joined_to_its_text_is_said():
    remarks = guess(Table("table", {"title": SHORT, "body": LONG, "topic": cycle("x", "y")})).remarks
    assert remarks[1:] == [
        "'title' and 'body' look like a title and its text, so they are joined. "
        "Set 'text: body' to read the text alone."
    ]


def test_what_else_could_be_meant_is_said_with_what_to_write():
    columns = {"hint": SHORT, "body": LONG, "topic": cycle("x", "y"), "tone": cycle("p", "q", "r"),
               "author": cycle("Eve", "Tom", "Ann", "Bob"), "user_timezone": cycle("GMT", "CET")}  # fmt: skip
    told = guess(Table("table", columns)).remarks
    assert told[0] == "60 rows; columns: hint, body, topic, tone, author, user_timezone."
    assert "'hint' holds text too: 'text: [hint, body]' would join the two." in told
    other = "'tone' (3 distinct values) or 'user_timezone' (2 distinct values)"
    assert f"The labels could also be {other}: then set 'label: tone'." in told
    assert [one for one in told if "group: " in one] == [
        "Rows with the same 'author' may belong together; 'group: author' keeps them so."
    ]
    dates = guess(Table("table", {"body": LONG, "topic": cycle("x", "y"), "day": cycle("2020-01-01", "2020-01-02")}))
    assert not [one for one in dates.remarks if "could also be" in one]
    several = guess(Table("table", {"comment": LONG, **flags(2, 3)})).remarks
    assert "If only one of these columns holds labels, set 'label: kind 2'." in several


@pytest.mark.parametrize(
    ("columns", "what"),
    [
        ({"id": IDS, "text": LONG}, "labels (few distinct short values)"),
        ({"id": IDS, "label": cycle("x", "y")}, "texts"),
        ({"text": [None] * N, "label": cycle("x", "y")}, "texts"),
    ],
)
def test_where_nothing_fits_every_column_is_named(columns, what):
    with pytest.raises(DataError) as told:
        guess(Table("table", columns))
    assert str(told.value).startswith(f"table: no column looks like {what}. Columns: ")
    assert all(f"'{name}'" in str(told.value) for name in columns)


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"text": ["a text"] * N, "label": cycle("x", "y")}, "the column 'text' has the same text in every row"),
        ({"text": LONG, "label": ["x"] * N}, "the column 'label' has one label only"),
        (
            {"text": LONG * 100, "label": [f"{n % 1500}" for n in range(N * 100)]},
            "the column 'label' has 1,500 distinct labels, and init writes recipes for at most 1,000 classes",
        ),
    ],
)
def test_a_column_with_a_usual_name_that_cannot_serve_is_explained(columns, reason):
    with pytest.raises(DataError, match=f"^table: {reason}"):
        guess(Table("table", columns))
