"""`textforge explain`: why a text got its label, and what was learnt for a class."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import only_json, write_csv
from in_process import invoke

import textforge as library
from textforge.cli.explain import class_text, coloured, explanation_text
from textforge.insight.explanations import classes

COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture(scope="module")
def text(finished_run: Path) -> str:
    """A text whose words the run knows."""
    from textforge.insight.answers import read_run
    from textforge.insight.own_texts import OwnTexts

    return OwnTexts(read_run(finished_run)).texts()[0]


def test_a_program_reads_one_object_for_arguments_and_for_lines(finished_run: Path, text: str) -> None:
    found = only_json(invoke("explain", finished_run, text, "", "--json").stdout)
    expected = [one.as_json() for one in library.explain(finished_run, [text, ""])]
    assert found == {"labels": ["ball", "paint", "space"], "explanations": expected}
    assert only_json(invoke("explain", finished_run, "--json", stdin=f"{text}\n\n").stdout) == found
    first = found["explanations"][0]
    for number, one in enumerate(first["classes"]):
        words = sum(word["contributions"][number] for word in first["words"])
        assert one["score"] == pytest.approx(words + one["bias"] + one["rest"])
    assert all(text[word["start"] : word["end"]] == word["word"] for word in first["words"])


def test_a_person_reads_the_answer_and_the_next_class_with_words_for_and_against(finished_run: Path, text: str) -> None:
    done = invoke("explain", finished_run, text, "-n", 2)
    assert (done.returncode, done.stderr) == (0, "")
    (found,) = library.explain(finished_run, [text])
    lines = done.stdout.splitlines()
    assert lines[0] == text
    assert f"{found.predicted} {found.probabilities[0]:.3f}" in lines
    assert sum(bool(re.match(r"(ball|paint|space) \d", line)) for line in lines) == 2
    best = found.top_words(found.predicted)[0][0]
    assert any(line.startswith(f"  for      {best.word} {best.contribution:+.2f}") for line in lines)
    assert "by integrated gradients" in done.stdout
    assert "\x1b" not in done.stdout


def test_a_chosen_class_is_explained_for_texts(finished_run: Path, text: str) -> None:
    shown = invoke("explain", finished_run, text, "--class", "paint").stdout
    assert re.findall(r"^(ball|paint|space) \d", shown, re.MULTILINE) == ["paint"]


def test_a_terminal_shows_the_words_in_colours_and_nothing_else_that_it_obeys() -> None:
    marks = [
        ("\x1b[2J", 1.0),
        ("\n\t", 0.0),
        ("\u202eevil", -0.5),
        ("e\u0301", 0.1),
        (" ", 0.0),
        ("👨\u200d👩\u200d👧", 0.9),
    ]
    shown = coloured(marks, 80)
    assert COLOUR.sub("", shown) == "\\x1b[2J \\u202eevile\u0301 👨\u200d👩\u200d👧"
    assert shown.count("48;2;") == 3, "a weak word stays plain, a strong one has a colour"
    assert COLOUR.sub("", coloured([], 80)) == ""
    wide = coloured([(word, 1.0) if word.strip() else (word, 0.0) for word in ["word", " "] * 40], 30)
    assert max(len(COLOUR.sub("", line)) for line in wide.splitlines()) <= 30


def test_hostile_texts_cannot_steer_the_terminal(finished_run: Path) -> None:
    done = invoke("explain", finished_run, "\x1b[31mball\x07 \u202egame", "e\u0301 👍🏽 שלום", "")
    assert done.returncode == 0
    assert not set("\x1b\x07\u202e") & set(done.stdout)


def explanation(**changes: Any) -> library.Explanation:
    fields: dict[str, Any] = {
        "text": "good good day", "labels": ("a", "b"), "predicted": "a", "probabilities": np.array([0.75, 0.25]),
        "words": np.array([[0, 4], [5, 9], [10, 13]]),
        "contributions": np.array([[0.5, -0.5], [0.25, -0.25], [0.0, 0.0]]), "features": (),
        "bias": np.zeros(2), "rest": np.zeros(2), "method": "exact", "gap": 0.0,
    }  # fmt: skip
    return library.Explanation(**{**fields, **changes})


def test_equal_words_are_added_up_and_words_that_say_nothing_left_out() -> None:
    assert explanation_text(explanation(), ["a", "b"], 8, None) == (
        "good good day\n"
        "a 0.750\n  for      good +0.75 (2)\n"
        "b 0.250\n  against  good -0.75 (2)\n"
        "exact: the words and a constant add up to the score of each class\n\n"
    )
    nothing = explanation(contributions=np.zeros((3, 2)), method="deletion", gap=0.5)
    shown = explanation_text(nothing, ["a"], 8, None)
    assert "  no word says anything about this class\nby deletion; " in shown
    assert shown.rstrip().endswith("but for 0.5")


def test_a_terminal_gets_colours_for_the_first_class() -> None:
    shown = explanation_text(explanation(), ["b", "a"], 8, 80)
    assert COLOUR.sub("", shown).splitlines()[:2] == ["good good day", "b 0.250"]
    assert "48;2;255" in shown, "words against the class are red"


def test_several_labels_show_those_predicted(tmp_path: Path) -> None:
    from textforge.classifiers.decision import Decision
    from textforge.cli.explain import _shown

    class Several:
        decision = Decision(multi_label=True)

    found = explanation(predicted=("b", "z"))
    assert _shown(found, Several(), ()) == ("b",)  # type: ignore[arg-type]
    assert _shown(explanation(predicted=()), Several(), ()) == ("a",)  # type: ignore[arg-type]


def test_what_was_learnt_for_a_class_names_its_words_and_the_texts_with_them(
    finished_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(classes, "SAMPLE", dict.fromkeys(classes.SAMPLE, 30))
    found = only_json(invoke("explain", finished_run, "--class", "space", "-n", 4, "--json").stdout)
    (of_space,) = found["classes"]
    assert of_space == library.explain_class(finished_run, "space", limit=4)
    assert (of_space["label"], of_space["explained"], of_space["warnings"]) == ("space", 30, [])
    assert of_space["n"] == of_space["counted"] > 30
    for one in of_space["for"]:
        assert one["contribution"] > 0
        assert one["texts"] >= one["with_label"] >= 1
    best = of_space["for"][0]
    assert best["with_label"] / best["texts"] > 0.5, "the strongest word stands mostly in texts of the class"
    assert all(one["contribution"] < 0 for one in of_space["against"])
    done = invoke("explain", finished_run, "--class", "space", "--class", "ball", "-n", 4)
    assert done.stdout.startswith("space, ")
    assert "\nball, " in done.stdout
    assert re.search(
        rf"^{re.escape(best['word'])} +\+\d\.\d+ +{best['texts']} +{best['with_label']}$", done.stdout, re.MULTILINE
    )


def test_words_are_counted_as_words() -> None:
    found = classes._counts({"art", "好", ":)"}, ["Art start", "start 你好", "ART :)"], [True, True, False])
    assert found == {"art": (2, 1), "好": (1, 1), ":)": (1, 0)}


def test_changed_data_are_reported_with_the_words(
    finished_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(classes, "SAMPLE", dict.fromkeys(classes.SAMPLE, 5))
    copy = shutil.copytree(finished_run, tmp_path / "run")
    resolved = copy / "resolved.yaml"
    other = write_csv(
        tmp_path / "other.csv", ["a ball", "the space", "some paint"] * 20, ["ball", "space", "paint"] * 20
    )
    resolved.write_text(resolved.read_text().replace(str(finished_run.parent / "small.csv"), str(other)))
    done = invoke("explain", copy, "--class", "space")
    assert done.returncode == 0
    assert done.stderr == f"warning: {copy}: the data have changed since the run (by their SHA-256).\n"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (
            ["--class", "spaec"],
            "no label 'spaec' in this classifier. Did you mean 'space'? Its labels: ball, paint, space.",
        ),
        (["a text", "--class", "spaec"], "no label 'spaec' in this classifier. Did you mean 'space'?"),
        (["a text", "-n", "0"], "0 is not in the range"),
    ],
)
def test_mistakes_in_the_arguments_are_one_sentence(finished_run: Path, arguments: list[str], says: str) -> None:
    done = invoke("explain", finished_run, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr


def test_a_bundle_explains_texts_but_no_class(finished_run: Path) -> None:
    assert invoke("explain", finished_run / "model", "a ball").returncode == 0
    done = invoke("explain", finished_run / "model", "--class", "ball")
    assert (done.returncode, done.stdout) == (2, "")
    assert "a bundle has no training texts to explain a class by. Name the run folder that it is in." in done.stderr
    with pytest.raises(library.RecipeError, match="limit must be a whole number from 1, not 0"):
        library.explain_class(finished_run, "ball", limit=0)


def test_a_class_without_words_against_it_has_no_such_table() -> None:
    found = {"label": "a", "n": 2000, "explained": 1000, "counted": 500, "method": "exact", "against": []}
    one = {"word": "day\x1b", "contribution": 0.5, "texts": 1200, "with_label": 3}
    assert class_text({**found, "for": [one]}) == (
        "a, 2,000 training texts, by 1,000 of them (exact; words counted in the first 500)\n\n"
        "for      contribution  texts  with the label\nday\\x1b        +0.500  1,200               3\n"
    )


def test_a_report_shows_marked_words_and_the_words_of_each_class(
    finished_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from textforge.insight.explanations import classes, marked_run

    monkeypatch.setattr(classes, "QUICK_SAMPLE", 20)
    run = marked_run.MarkedRun(finished_run)
    text = "the ball game \x1b"
    several, none, one = run.marked([text] * 3, [["ball", "space"], None, "paint"])
    assert all("".join(piece for piece, _ in marks) == text for marks in (several, none, one))
    assert max(abs(weight) for _, weight in one) == pytest.approx(1)
    found = run.class_words(4)
    assert {*found} == {"ball", "paint", "space"}
    assert all(weight > 0 for words in found.values() for _, weight in words)
    assert all(1 <= len(words) <= 4 for words in found.values())
    page = tmp_path / "report.html"
    values = library.report(finished_run, page, reasons=run)
    assert {one["label"] for one in values["words"]} == {"ball", "paint", "space"}
    assert page.is_file()
