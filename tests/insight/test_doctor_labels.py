"""The doctor finds doubtful labels, words and headers that give labels away, and strange classes."""

from __future__ import annotations

import numpy as np
import pytest
import yaml
from conftest import ROOT
from examined_texts import by_kind, distinct, found
from sklearn.metrics import roc_auc_score

from textforge import PluginManager
from textforge.insight.doctor.out_of_fold import auc, out_of_fold, recommended


def test_flipped_labels_come_first_among_the_doubtful_ones() -> None:
    pytest.importorskip("cleanlab")
    texts, labels = distinct(150)
    flipped = {10, 60, 110}
    for row in flipped:
        labels[row] = {"ball": "paint", "paint": "space", "space": "ball"}[labels[row]]
    (finding,) = found("wrong labels", (texts, labels))
    assert {place.row for place in finding.rows[:3]} == flipped
    assert finding.examples[0].startswith(f"[{labels[finding.rows[0].row]}, rather ")


def test_right_labels_are_not_doubtful() -> None:
    pytest.importorskip("cleanlab")
    assert found("wrong labels", distinct(150)) == []


def test_classes_too_small_to_judge_are_left_out() -> None:
    pytest.importorskip("cleanlab")
    texts, labels = distinct(150)
    assert found("wrong labels", ([*texts, "lonely words"], [*labels, "rare"])) == []
    assert found("wrong labels", (texts[:12], labels[:12])) == []


def test_labels_are_judged_by_the_parts_of_the_recommended_recipe() -> None:
    own = yaml.safe_load((ROOT / "textforge" / "insight" / "doctor" / "classifier.yaml").read_text())
    recommended = yaml.safe_load((ROOT / "recipes" / "strong.yaml").read_text())
    assert own["vectorizer"] == recommended["vectorizer"]
    assert {**own["model"], "tol": None} == {**recommended["model"]["of"], "tol": None}


def test_probabilities_out_of_fold_are_calibrated_and_know_nothing_of_a_texts_own_label() -> None:
    texts, labels = distinct(150)
    classes = np.unique(labels, return_inverse=True)[1]
    flipped = classes.copy()
    flipped[7] = (classes[7] + 1) % 3
    found = out_of_fold(texts, flipped, recommended(PluginManager()))
    assert found.sum(axis=1) == pytest.approx(1)
    assert found[7].argmax() == classes[7]
    right = float((found.argmax(axis=1) == flipped).mean())
    assert found.max(axis=1).mean() == pytest.approx(right, abs=0.1)


def test_the_area_under_the_curve_is_that_of_scikit_learn() -> None:
    draw = np.random.default_rng(0)
    for digits in (1, 3):  # with ties, and nearly without
        positive, scores = draw.random(200) < 0.3, draw.random(200).round(digits)
        assert auc(positive, scores) == pytest.approx(roc_auc_score(positive, scores))


def test_a_tag_in_nearly_all_texts_of_a_label_is_a_leak() -> None:
    texts, labels = distinct(150)
    tagged = [f"SRC_{row} {text}" if label == "ball" else text for row, (text, label) in
              enumerate(zip(texts, labels, strict=True))]  # fmt: skip
    findings = by_kind(found("words that give the label away", (tagged, labels)))
    assert findings["leaking-words"].severity == "high"
    assert findings["leaking-words"].examples == ("src_0 -> ball",)  # ids of one form are one word
    assert {labels[place.row] for place in findings["leaking-words"].rows} == {"ball"}
    assert "any digits" in findings["leaking-words"].what
    assert found("words that give the label away", (texts, labels)) == []


def test_a_word_of_most_texts_of_a_label_is_a_telling_word_only() -> None:
    texts, labels = distinct(150)
    texts = [f"umpire {text}" if label == "ball" and row % 3 else text for row, (text, label) in
             enumerate(zip(texts, labels, strict=True))]  # fmt: skip
    findings = by_kind(found("words that give the label away", (texts, labels)))
    assert {kind: one.severity for kind, one in findings.items()} == {"telling-words": "medium"}
    assert findings["telling-words"].examples == ("umpire -> ball",)


def test_the_name_of_the_label_in_its_texts_is_found() -> None:
    texts, labels = distinct(150)
    labels = [f"my_{label}" for label in labels]
    texts = [f"{text} my-{label[3:]}" if label == "my_ball" and row % 3 == 0 else text for row, (text, label) in
             enumerate(zip(texts, labels, strict=True))]  # fmt: skip
    findings = by_kind(found("words that give the label away", (texts, labels)))
    assert findings.keys() == {"label-in-text"}
    assert findings["label-in-text"].examples[0].startswith("my_ball: ")


def with_headers(texts: list[str], labels: list[str], *, leak: bool) -> list[str]:
    return [f"From: {label if leak else 'someone'}@example.org\nSubject: Re: topic {row % 7}\n\n{text}"
            for row, (text, label) in enumerate(zip(texts, labels, strict=True))]  # fmt: skip


def test_headers_that_predict_the_label_leak_and_others_do_not() -> None:
    texts, labels = distinct(90)
    (leaking,) = found("header lines", (with_headers(texts, labels, leak=True), labels))
    assert (leaking.kind, leaking.severity, leaking.count) == ("leaking-headers", "high", 90)
    assert "From, Subject" in leaking.what or "Subject, From" in leaking.what
    (harmless,) = found("header lines", (with_headers(texts, labels, leak=False), labels))
    assert (harmless.kind, harmless.severity) == ("headers", "low")
    assert found("header lines", (texts, labels)) == []


def test_a_colon_in_the_first_line_makes_no_header() -> None:
    texts, labels = distinct(90)
    assert found("header lines", ([f"Note: {text}" for text in texts], labels)) == []


def test_tiny_and_unequal_classes_are_found() -> None:
    texts, labels = [f"text {row}" for row in range(120)], ["large"] * 117 + ["tiny"] * 3
    findings = by_kind(found("unequal classes", (texts, labels)))
    assert findings["tiny-classes"].examples == ("tiny (3 texts)",)
    assert [place.row for place in findings["tiny-classes"].rows] == [117, 118, 119]
    assert "39 times" in findings["unequal-classes"].what
    assert found("unequal classes", distinct(150)) == []


def test_labels_alike_but_for_spaces_or_case_are_found_with_their_rows() -> None:
    texts, labels = distinct(60)
    labels[5], labels[6] = f"{labels[5]} ", labels[6].upper()
    findings = found("labels that look alike", (texts, labels))
    assert findings
    assert {place.row for one in findings for place in one.rows} == {5, 6}
    assert all(one.advice.startswith("Join them") for one in findings)
    assert found("labels that look alike", distinct(60)) == []


def test_labels_in_letters_of_other_alphabets_are_found() -> None:
    texts, labels = distinct(60)
    labels[5] = "b\u0430ll"  # Cyrillic a
    (finding,) = found("labels that look alike", (texts, labels))
    assert "letters of other alphabets" in finding.what
    assert finding.advice == "Correct the data."


def test_several_labels_a_text_are_counted_one_by_one() -> None:
    sets = [["a", "b"], ["a"], ["b"], ["c"]] * 10 + [["a", "d"]]
    findings = by_kind(found("unequal classes", ([f"text {n}" for n in range(41)], sets)))
    assert findings["tiny-classes"].examples == ("d (1 text)",)
