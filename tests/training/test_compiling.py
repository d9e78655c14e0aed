"""`trainer.compile`: the same weights to rounding, the same names, and copies that are as before.

The backend that only captures graphs stands in for the one that compiles them, which takes up to half a minute a model.
`benchmarks/compiling.py` runs that one.
"""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import make_texts, shipped

import textforge
from textforge import Dataset, RecipeError, Trainer
from textforge.classifiers import compilers
from textforge.training import compiling


def trainer(optimizer: str = "adam", model: str = "mlp", **settings: object) -> Trainer:
    plugins, vectorizer = shipped(), "bow" if model == "mlp" else "tokens"
    options = {"hidden": [8]} if model == "mlp" else {"dim": 8, "channels": 4}
    return Trainer(
        Dataset(make_texts(60), valid=make_texts(20, seed=1)), plugins.part("vectorizer", vectorizer),
        plugins.part("model", model, dropout=0.0, **options), plugins.part("optimizer", optimizer, lr=0.01),
        epochs=2, batch_size=16, device="cpu", **settings,
    )  # fmt: skip


@pytest.mark.filterwarnings("ignore")  # those of torch about its own code, as it traces
@pytest.mark.parametrize(("optimizer", "model"), [("adam", "mlp"), ("sparse-adam", "mlp"), ("adam", "textcnn")])
def test_a_compiled_module_has_the_same_weights(optimizer, model, monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setattr(compiling, "BACKEND", "eager")
    compiled = trainer(optimizer, model, compile=True, ema=0.9)
    before = copy.deepcopy(compiled.state_dict())
    classifier, plain = compiled.fit(), trainer(optimizer, model, ema=0.9).fit()
    assert compiled.module._compiled_call_impl is not None
    assert getattr(classifier.module, "_compiled_call_impl", None) is None
    own, other = classifier.module.state_dict(), plain.module.state_dict()
    assert own.keys() == other.keys()
    for name, weights in own.items():
        np.testing.assert_allclose(weights, other[name], atol=1e-5)
    textforge.save(classifier, tmp_path / "bundle")
    assert textforge.load(tmp_path / "bundle").predict(["orbit moon"]) == plain.predict(["orbit moon"])
    continued = trainer(optimizer, model, ema=0.9)
    continued.load_state_dict(before)  # a state does not depend on it
    assert len(continued.train()) == 2


@pytest.mark.filterwarnings("ignore")
def test_padding_and_convolutions_are_in_no_graph(monkeypatch) -> None:
    """A graph with a convolution is compiled for one length of a batch, and a length is not known to any graph."""
    called: list[str] = []

    def note(graph, inputs):
        called.extend(str(node.target) for node in graph.graph.nodes if node.op == "call_function")
        return graph.forward

    monkeypatch.setattr(compiling, "BACKEND", note)
    trainer(model="textcnn", compile=True).train()
    assert called
    assert not [name for name in called if "conv1d" in name or "item" in name]


@pytest.mark.filterwarnings("ignore")
def test_a_copy_of_a_compiled_module_computes_with_its_own_weights(monkeypatch) -> None:
    monkeypatch.setattr(compiling, "BACKEND", "eager")
    layer = torch.nn.Conv1d(4, 4, 2)
    compiling.compile_module(layer)
    own, states = copy.deepcopy(layer), torch.ones(1, 4, 3)
    with torch.no_grad():
        for weights in own.parameters():
            weights.zero_()
        assert not own(states).any()
        assert layer(states).any()


def test_a_machine_without_a_compiler_is_refused(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    with pytest.raises(RecipeError, match=r"needs a C\+\+ compiler, and there is no g\+\+ or clang\+\+ on the PATH"):
        trainer(compile=True)


def test_windows_is_refused(monkeypatch) -> None:
    monkeypatch.setattr(compilers.sys, "platform", "win32")
    with pytest.raises(RecipeError, match="not supported here on Windows"):
        trainer(compile=True)
