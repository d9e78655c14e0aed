"""Bundles that earlier code wrote load, and answer as they did."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import ROOT

import textforge

KEPT = ROOT / "tests" / "classifiers" / "kept_bundles"
NAMES = sorted(folder.name for folder in KEPT.iterdir() if folder.is_dir() and folder.name != "__pycache__")


def expected_of(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((KEPT / name / "expected.json").read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize("name", NAMES)
def test_a_bundle_of_an_earlier_version_answers_as_it_did(name: str) -> None:
    if name.startswith("subword"):
        pytest.importorskip("tokenizers")
    expected, classifier = expected_of(name), textforge.load(KEPT / name)
    np.testing.assert_allclose(
        classifier.predict_proba(expected["texts"]), np.array(expected["probabilities"]), rtol=0, atol=1e-6
    )
    answers = [list(one) if isinstance(one, tuple) else one for one in classifier.predict(expected["texts"])]
    assert answers == expected["answers"]


def test_every_vectorizer_and_model_that_ships_is_among_them() -> None:
    from conftest import shipped

    described = [json.loads((KEPT / name / "bundle.json").read_text(encoding="utf-8")) for name in NAMES]
    for kind in ("vectorizer", "model"):
        assert {one[kind]["use"] for one in described} == set(shipped().names(kind))


def test_they_hold_decisions_of_each_sort_and_every_format() -> None:
    described = [json.loads((KEPT / name / "bundle.json").read_text(encoding="utf-8")) for name in NAMES]
    decisions = [one.get("decision", {}) for one in described]
    assert {one["format"] for one in described} == {1, 2, 3, 4, 5}
    assert {one.get("multi_label") for one in decisions} == {None, False, True}
    assert any(one.get("temperature", 1.0) != 1.0 for one in decisions)
    assert any(one.get("abstain") for one in decisions)
    assert {len(one["thresholds"]) for one in decisions if one.get("thresholds")} == {2, 3}


def test_they_tell_classes_apart() -> None:
    """Else a change to how texts are cut would go unnoticed."""
    for name in NAMES:
        probabilities = np.array(expected_of(name)["probabilities"])
        assert np.ptp(probabilities, axis=0).max() > 0.05, name


def test_they_are_small() -> None:
    assert sum(file.stat().st_size for file in KEPT.rglob("*") if isinstance(file, Path)) < 500_000
