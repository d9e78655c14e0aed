"""Labels that look alike: which those are, how they are told, and the form that joins them."""

from __future__ import annotations

import unicodedata
from collections import Counter

import pytest
from conftest import make_texts, write_csv
from hypothesis import given, strategies as st
from in_process import invoke

import textforge as library
from textforge import DataError, Dataset, Progress, Stream
from textforge.data.dataset import encode_labels, normal_label
from textforge.data.similar_labels import similar_label_warnings

ALIKE = {
    "a space at the end": ("ball", "ball "),
    "a tab before it": ("ball", "\tball"),
    "two spaces": ("home run", "home  run"),
    "a no-break space": ("home run", "home\u00a0run"),
    "a narrow space": ("home run", "home\u202frun"),
    "decomposed": ("caf\u00e9", "cafe\u0301"),
    "composed Hangul": ("\ud55c", "\u1112\u1161\u11ab"),
    "a zero-width space": ("ball", "ba\u200bll"),
    "a byte-order mark": ("ball", "\ufeffball"),
    "a soft hyphen": ("football", "foot\u00adball"),
    "a mark of direction": ("ball", "ball\u200e"),
    "a word joiner": ("ball", "ball\u2060"),
    "a joiner without effect": ("ball", "ball\u200d"),
    "a control": ("ball", "ball\x7f"),
    "full width": ("NASA", "\uff2e\uff21\uff33\uff21"),
    "a ligature": ("finance", "\ufb01nance"),
    "an emoji's style": ("\u2764", "\u2764\ufe0f"),
    "all at once": ("caf\u00e9 au lait", " cafe\u200b\u0301\u00a0\u3000au lait\ufeff"),
}
APART = [
    ("ball", "bat"), ("1", "01"), ("a.", "a"), ("-1", "1"), ("c++", "c"), ("caf\u00e9", "cafe"), ("a b", "ab"),
    ("\U0001f468\u200d\U0001f469", "\U0001f468\U0001f469"), ("\u0645\u06cc\u200c\u062e", "\u0645\u06cc\u062e"),
    ("\U0001f3f4\U000e0067\U000e0062", "\U0001f3f4"),
]  # fmt: skip


@pytest.mark.parametrize(("one", "other"), ALIKE.values(), ids=ALIKE)
def test_labels_that_look_alike_have_one_form_and_are_reported_with_their_counts(one: str, other: str) -> None:
    assert normal_label(one) == normal_label(other) == one
    (warning,) = similar_label_warnings({one: 20, other: 10, "space": 5})
    assert warning.startswith("labels that look alike are separate classes (texts of each): '")
    assert "(20) and '" in warning and "(10). Join them with dataset.similar_labels: join" in warning
    first, second = warning.partition("each): ")[2].partition(" (20) and ")[::2]
    assert first != second.partition(" (10)")[0]
    assert unicodedata.is_normalized("NFKC", warning) and warning.isprintable()


@pytest.mark.parametrize(("one", "other"), APART)
def test_labels_that_look_different_stay_so(one: str, other: str) -> None:
    assert normal_label(one) != normal_label(other)
    assert similar_label_warnings({one: 1, other: 1}) == []


def test_labels_that_differ_in_case_are_reported_by_themselves() -> None:
    (warning,) = similar_label_warnings({"Spam": 3, "spam": 4, "SPAM": 1, "stra\u00dfe": 1, "STRASSE": 1})
    assert "differ only in upper and lower case" in warning and "similar_labels: ignore_case" in warning
    assert "'spam' (4) and 'Spam' (3) and 'SPAM' (1)" in warning and "'STRASSE' (1) and 'stra\u00dfe' (1)" in warning


def test_labels_that_differ_in_spaces_and_case_are_one_sentence_and_one_option_joins_them() -> None:
    (warning,) = similar_label_warnings({"pos": 30, "pos ": 4, "Pos": 3, "neg": 9})
    assert "'pos' (30) and 'pos ' (4) and 'Pos' (3)" in warning and "similar_labels: ignore_case" in warning
    assert {normal_label(one, ignore_case=True) for one in ("pos", "pos ", "Pos")} == {"pos"}


@pytest.mark.parametrize("other", ["sp\u0430m", "s\u0440\u0430m", "sci\u2010fi", "sci\u2013fi", "don\u2019t"])
def test_letters_of_other_alphabets_dashes_and_quotes_are_reported(other: str) -> None:
    plain = {"m": "spam", "i": "sci-fi", "t": "don't"}[other[-1]]
    (warning,) = similar_label_warnings({plain: 2, other: 1})
    assert "letters of other alphabets, in dashes or in quotes" in warning and f"'{plain}' (2) and '" in warning
    assert "<U+" in warning


def test_a_label_that_shows_nothing_is_reported() -> None:
    assert similar_label_warnings({"a": 1, "b": 1, "\u200b": 1}) == ["a label has no visible character: '<U+200B>'."]


def test_many_pairs_are_cut() -> None:
    counts = {f"label {n}{end}": 1 for n in range(40) for end in ("", " ")}
    (warning,) = similar_label_warnings(counts)
    assert warning.count(" and '") == 8 and "; 32 more." in warning


@given(st.text(st.characters(codec="utf-8")), st.booleans())
def test_the_common_form_is_its_own_form(label: str, ignore_case: bool) -> None:
    form = normal_label(label, ignore_case=ignore_case)
    assert normal_label(form, ignore_case=ignore_case) == form
    assert form == form.strip() and unicodedata.is_normalized("NFKC", form)


@given(st.lists(st.text("ab \u200b\u0301\u00e9eAB\uff21", max_size=3), max_size=12))
def test_nothing_is_reported_of_labels_in_their_common_form(labels: list[str]) -> None:
    counts = Counter(filter(None, (normal_label(label, ignore_case=True) for label in labels)))
    assert similar_label_warnings(counts) == []
    messy = Counter(labels)
    forms = {normal_label(label, ignore_case=True) for label in messy}
    assert bool(similar_label_warnings(messy)) == (len(forms) < len(messy) or "" in forms)


# -- where they are told -----------------------------------------------------------------------

TEXTS, LABELS = make_texts(60)
MIXED = [f"{label} " if n % 3 == 0 else label for n, label in enumerate(LABELS)]


class Kept(Progress):
    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warning(self, text: str) -> None:
        self.warnings.append(text)


def test_datasets_in_code_tell_of_them_also_with_several_labels_and_in_streams() -> None:
    for dataset in (
        Dataset((TEXTS, MIXED)),
        Dataset((TEXTS, [[label] for label in MIXED])),
        Dataset(Stream(1, lambda _: (TEXTS, MIXED))),
    ):
        (warning,) = dataset.similar_labels()
        assert "'ball' (" in warning and "'ball ' (" in warning


def test_run_cross_validate_and_init_tell_of_them(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_csv(tmp_path / "data.csv", TEXTS, MIXED)
    recipe = {
        "dataset": {"use": "csv", "train": "data.csv"}, "vectorizer": "bow", "model": "linear", "optimizer": "adam",
        "trainer": {"epochs": 1},
    }  # fmt: skip
    for go in (library.run, lambda *a, **options: library.cross_validate(*a, folds=2, **options)):
        kept = Kept()
        done = go(recipe, progress=kept)
        told = [warning for warning in kept.warnings if "look alike" in warning]
        assert len(told) == 1 and told[0] in done.result["warnings"]
    shown = invoke("init", "data.csv").stdout
    assert "look alike are separate classes" in shown and "ball" in shown


def test_an_unknown_label_of_test_that_looks_like_a_known_one_is_reported_so() -> None:
    with pytest.raises(DataError, match=r"'ball ' looks like 'ball': dataset.similar_labels: join"):
        encode_labels(["ball "], ["ball", "space"], "test")
