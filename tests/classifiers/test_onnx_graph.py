"""Graphs of ONNX: texts of any number and length, in bounded batches, and files that were changed.

The graphs are those of kept bundles, so that no test here waits for an export.
"""

from __future__ import annotations

import random
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

import bundle_edits as edits
import numpy as np
import pytest
from conftest import ROOT

import textforge
from textforge import BundleError, ComponentError, OnnxGraph, Ragged
from textforge.classifiers.engines import onnx_graph
from textforge.classifiers.storage import sha256

KEPT = ROOT / "tests" / "classifiers" / "kept_bundles"
BAGS, SEQUENCES = KEPT / "bow-mlp-onnx-int8", KEPT / "tokens-rnn-lstm-onnx"


def rows(lengths: list[int], n_features: int, *, weights: bool) -> Ragged:
    draw = np.random.default_rng(0)
    offsets = np.cumsum([0, *lengths])
    indices = draw.integers(2, n_features, offsets[-1])
    return Ragged(indices, offsets, n_features, draw.random(len(indices), dtype=np.float32) if weights else None)


@pytest.mark.parametrize("bundle", [BAGS, SEQUENCES], ids=lambda path: path.name)
def test_batches_are_bounded_and_change_nothing(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    graph = OnnxGraph((bundle / "model.onnx").read_bytes(), "the graph")
    classifier = textforge.load(bundle)
    weights = bundle == BAGS
    n_features = classifier.features(["a"]).n_features
    given = rows([3, 0, 40, 1, 7, 40, 2, 0], n_features, weights=weights)
    whole = graph(given)
    sizes: list[tuple[int, int]] = []
    run = graph._session.run

    class Watched:
        def run(self, names: Any, feed: dict[str, Any]) -> Any:
            sizes.append(feed["ids"].shape if "ids" in feed else (1, len(feed["indices"])))
            return run(names, feed)

    graph._session = Watched()
    monkeypatch.setattr(onnx_graph, "MOST_ENTRIES", 20)
    graph._most_padded = 20
    np.testing.assert_allclose(graph(given), whole, atol=1e-6)
    assert len(sizes) > 2
    assert max(n * length for n, length in sizes) <= 40  # the longest row alone
    assert graph(given.take(np.zeros(0, dtype=np.int64))).shape == (0, whole.shape[1])


def test_features_of_another_kind_are_refused() -> None:
    graph = OnnxGraph((BAGS / "model.onnx").read_bytes(), "model 'mlp'")
    with pytest.raises(ComponentError, match=r"model 'mlp' was exported for features of another kind.*given vectors"):
        graph(textforge.Dense(np.zeros((2, 3), dtype=np.float32)))
    with pytest.raises(ComponentError, match=r"model 'mlp' from|model 'mlp' failed while computing texts"):
        graph(Ragged(np.array([10**6]), np.array([0, 1]), 10**7, np.ones(1, dtype=np.float32)))


@pytest.mark.parametrize("stated", [("2", 2), ("3,1", 3), ("", None), ("many", None), ("0", None)])
def test_threads_follow_the_rules_of_openmp(stated: tuple[str, int | None], monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    monkeypatch.setenv("OMP_NUM_THREADS", stated[0])
    assert onnx_graph._threads() == (stated[1] or len(os.sched_getaffinity(0)))


def test_a_changed_graph_is_refused(tmp_path: Path) -> None:
    bundle = shutil.copytree(BAGS, tmp_path / "x")
    graph = bytearray((bundle / "model.onnx").read_bytes())
    graph[len(graph) // 2] ^= 1
    (bundle / "model.onnx").write_bytes(graph)
    with pytest.raises(BundleError, match=r"'model\.onnx' was changed after it was written"):
        textforge.load(bundle)
    (bundle / "model.onnx").unlink()
    with pytest.raises(BundleError, match=r"the file 'model\.onnx' is missing"):
        textforge.load(bundle)


def test_a_graph_that_was_changed_and_signed_again_is_refused(tmp_path: Path) -> None:
    """The seal in the vectorizer's file vouches for the graph; a bundle of a graph without one is refused, too."""
    bundle = shutil.copytree(SEQUENCES, tmp_path / "x")
    shutil.copy(BAGS / "model.onnx", bundle)
    described = edits.described(bundle)
    described["files"]["model.onnx"] = sha256(bundle / "model.onnx")
    edits.sign(bundle, described)
    for folder in (bundle, edits.unsealed(bundle)):
        with pytest.raises(BundleError, match="its files were changed after they were written"):
            textforge.load(folder)


@pytest.mark.parametrize("seed", range(60))
def test_a_damaged_graph_gives_one_error_or_an_answer_and_prints_nothing(
    seed: int, capfd: pytest.CaptureFixture[str]
) -> None:
    draw = random.Random(seed)
    weights = draw.random() < 0.5
    graph = bytearray(((BAGS if weights else SEQUENCES) / "model.onnx").read_bytes())
    for _ in range(draw.choice((1, 3))):
        graph[draw.randrange(len(graph))] = draw.randrange(256)
    if draw.random() < 0.2:
        del graph[draw.randrange(len(graph)) :]
    with suppress(ComponentError):
        OnnxGraph(bytes(graph), "the graph")(rows([3, 0], 20, weights=weights))
    assert capfd.readouterr() == ("", "")
