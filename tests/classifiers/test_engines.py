"""Engines: numpy computes what torch computes, the lightest is chosen, and the module is there when it is asked for."""

from __future__ import annotations

import copy
import json
import pickle
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import ROOT, make_texts
from hypothesis import given, settings, strategies as st
from hypothesis.extra import numpy as arrays

import textforge
from textforge import BundleError, ComponentError, Dataset, PluginManager, Ragged, RecipeError
from textforge.classifiers.bundles import description
from textforge.classifiers.engines.choice import Choice, chosen
from textforge.features.ragged import Dense
from textforge.testing import checks

TEXTS = ["moon rocket orbit", "", "team ball unknown", "the of a", "paint " * 40]
ADAM = {"use": "adam", "lr": 0.05}
SVM = {"use": "linear-svc"}
PLUGINS = PluginManager()
MLPS = [
    {"hidden": [5, 4], "activation": activation, "norm": norm, "dropout": dropout, "input_dropout": dropout}
    for activation, norm, dropout in [
        ("relu", "batch", 0.1), ("leaky_relu", "layer", 0.0), ("elu", None, 0.1), ("silu", "batch", 0.0),
        ("tanh", "layer", 0.1), ("sigmoid", None, 0.0),
    ]
]  # fmt: skip
MODELS: list[tuple[str, dict[str, Any]]] = [
    ("linear", {}),
    ("logistic-regression", {}),
    ("linear-svc", {}),
    ("nbsvm", {}),
    ("multinomial-nb", {}),
    ("complement-nb", {}),
    ("calibrated", {}),
    ("calibrated", {"ensemble": True, "cv": 2}),
    ("calibrated", {"of": SVM}),
    ("calibrated", {"of": {"use": "mlp", "hidden": [3]}, "optimizer": ADAM, "epochs": 1, "cv": 2}),
    ("ensemble", {"of": [SVM, {"use": "multinomial-nb"}], "weights": [1.0, 2.0]}),
    ("ensemble", {"of": [{"use": "linear"}, {"use": "mlp", "hidden": [3]}]}),
    *(("mlp", options) for options in MLPS),
    ("mlp", {"hidden": []}),
]


def trained(model: str = "linear", vectorizer: Any = "tfidf", *, several: bool = False, **options: Any) -> Any:
    texts, labels = make_texts(60, seed=1)
    part = PLUGINS.part("model", model, **options)
    golds: Any = [(label, "long") if len(text) > 38 else (label,) for text, label in zip(texts, labels, strict=True)]
    dataset = Dataset(train=(texts, golds if several else labels))
    vectorizer = PLUGINS.part("vectorizer", vectorizer) if isinstance(vectorizer, str) else vectorizer
    optimizer = None if part.fits_itself else PLUGINS.part("optimizer", "adam", lr=0.05)
    return textforge.Trainer(dataset, vectorizer, part, optimizer, epochs=2).fit()


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return textforge.save(trained(), tmp_path_factory.mktemp("linear") / "bundle")


def by_torch(path: Path) -> textforge.Classifier:
    return textforge.load(path, engine="torch")


# -- the same numbers --------------------------------------------------------------------------


@pytest.mark.parametrize(("model", "options"), MODELS, ids=[f"{n} {model}" for n, (model, _) in enumerate(MODELS)])
@pytest.mark.parametrize("several", [False, True], ids=["one label", "several labels"])
def test_numpy_gives_the_logits_of_the_module(tmp_path: Path, model: str, options: Any, several: bool) -> None:
    classifier = trained(model, several=several, **options)
    loaded = textforge.load(textforge.save(classifier, tmp_path / "bundle"))
    assert (classifier.engine.name, loaded.engine.name) == ("torch", "numpy")
    found, expected = loaded.logits(TEXTS), classifier.logits(TEXTS)
    assert found.dtype == np.float32
    assert np.allclose(found, expected, rtol=1e-5, atol=1e-5)
    before, after = (textforge.explain(one, TEXTS[:3]) for one in (classifier, loaded))
    for one, other in zip(before, after, strict=True):
        assert (one.method, one.labels) == (other.method, other.labels)
        assert np.allclose(one.contributions, other.contributions, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("vectorizer", ["bow", "hashing", "union"])
def test_numpy_takes_what_vectorizers_give(tmp_path: Path, vectorizer: str) -> None:
    part: Any = vectorizer
    if vectorizer == "union":
        part = PLUGINS.part("vectorizer", "union", of=[{"use": "bow"}, {"use": "tfidf", "unit": "characters"}])
    classifier = trained("linear", part)
    loaded = textforge.load(textforge.save(classifier, tmp_path / "bundle"))
    assert loaded.engine.name == "numpy"
    assert np.allclose(loaded.logits(TEXTS), classifier.logits(TEXTS), rtol=1e-5, atol=1e-5)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_rows_times_a_matrix_equal_the_product_of_the_dense_rows(data: st.DataObject) -> None:
    lengths = data.draw(st.lists(st.integers(0, 6), max_size=30))
    n_features, width = data.draw(st.integers(1, 5)), data.draw(st.integers(1, 4))
    weighted = data.draw(st.booleans())
    entries = st.lists(st.integers(0, n_features - 1), min_size=sum(lengths), max_size=sum(lengths))
    indices = np.array(data.draw(entries), dtype=np.int32)
    own = data.draw(arrays.arrays(np.float32, len(indices), elements=st.floats(-4, 4, width=32)))
    rows = Ragged(indices, np.concatenate(([0], np.cumsum(lengths, dtype=int))), n_features, own if weighted else None)
    matrix = data.draw(arrays.arrays(np.float64, (n_features, width), elements=st.floats(-4, 4, width=32)))
    dense = np.zeros((len(lengths), n_features))
    at = np.repeat(np.arange(len(lengths)), lengths)
    np.add.at(dense, (at, indices), own if weighted else 1.0)
    for kind in (np.float32, np.float64):
        for found in (rows @ matrix.astype(kind), Dense(dense.astype(np.float32)) @ matrix.astype(kind)):
            assert found.dtype == kind
            assert np.allclose(found, dense @ matrix, atol=1e-4)


@pytest.mark.parametrize("length", [3, 300])
def test_both_ways_to_sum_rows_give_the_same(length: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    lengths = rng.integers(0, 2 * length, 50)
    indices = rng.integers(0, 40, lengths.sum())
    rows = Ragged(indices, np.concatenate(([0], np.cumsum(lengths))), 40, rng.random(len(indices)).astype(np.float32))
    matrix = rng.normal(size=(40, 3))
    expected = rows @ matrix
    for limits in ({"LONG": 0}, {"LONG": 1 << 40, "AT_ONCE": 50}):
        for name, value in limits.items():
            monkeypatch.setattr(f"textforge.features.products.{name}", value)
        assert np.allclose(rows @ matrix, expected)


# -- the choice --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "engine", "device", "expected"),
    [
        ("linear", "auto", "cpu", Choice("numpy", "cpu")),
        ("linear", "auto", "auto", Choice("numpy", "cpu")),
        ("linear", "torch", "cpu", Choice("torch", "cpu")),
        ("linear", "numpy", "cpu", Choice("numpy", "cpu")),
        ("textcnn", "auto", "cpu", Choice("torch", "cpu")),
    ],
)
def test_the_lightest_engine_is_chosen(model: str, engine: str, device: str, expected: Choice) -> None:
    assert chosen(PLUGINS.part("model", model), None, engine, device) == expected


def test_an_inner_model_or_an_option_may_need_torch() -> None:
    inner = {"use": "textcnn"}
    assert PLUGINS.part("model", "ensemble", of=[{"use": "linear"}, inner]).in_numpy is None
    assert PLUGINS.part("model", "calibrated", of=inner, optimizer=ADAM).in_numpy is None
    assert PLUGINS.part("model", "mlp", activation="gelu").in_numpy is None


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"engine": "nunpy"}, "unknown engine 'nunpy'. Engines: auto, torch, numpy, onnx. Did you mean 'numpy'?"),
        ({"engine": "onnx"}, "engine 'onnx': this bundle holds torch weights. Export it"),
        ({"engine": "numpy", "device": "cuda"}, "device 'cuda': engine 'numpy' computes on the CPU"),
    ],
)
def test_an_engine_that_cannot_compute_the_bundle_is_refused(bundle: Path, options: Any, says: str) -> None:
    with pytest.raises(RecipeError, match=re.escape(says)):
        textforge.load(bundle, **options)


def test_a_model_without_numpy_says_so() -> None:
    with pytest.raises(RecipeError, match="engine 'numpy': model 'textcnn' does not say how to compute it in numpy"):
        chosen(PLUGINS.part("model", "textcnn"), None, "numpy", "cpu")


# -- the module --------------------------------------------------------------------------------


def test_weights_of_a_type_that_numpy_lacks_are_computed_by_torch(bundle: Path, tmp_path: Path) -> None:
    classifier = textforge.load(bundle, engine="torch")
    classifier.module.to(torch.bfloat16)
    textforge.save(classifier, tmp_path / "bfloat16")
    again = textforge.load(tmp_path / "bfloat16")
    assert again.engine.name == "torch"
    assert np.allclose(again.logits(TEXTS), classifier.logits(TEXTS), atol=0.01)  # computed in float32


def test_the_module_is_built_when_it_is_asked_for_and_computes_from_then_on(bundle: Path) -> None:
    classifier = textforge.load(bundle)
    before = classifier.predict_proba(TEXTS)
    assert (classifier.engine.name, classifier.device) == ("numpy", torch.device("cpu"))
    module = classifier.module
    assert classifier.module is module
    assert classifier.engine.name == "torch"
    assert np.allclose(classifier.predict_proba(TEXTS), before, atol=1e-6)
    with torch.no_grad():
        next(iter(module.parameters())).zero_()
    assert not np.allclose(classifier.predict_proba(TEXTS), before, atol=1e-6), "a change of its weights shows"


def test_a_classifier_in_numpy_is_shown_copied_pickled_and_saved(bundle: Path, tmp_path: Path) -> None:
    classifier = textforge.load(bundle)
    assert repr(classifier) == repr(by_torch(bundle))
    expected = classifier.predict_proba(TEXTS)
    for again in (pickle.loads(pickle.dumps(classifier)), copy.deepcopy(classifier)):
        assert again.engine.name == "numpy"
        assert np.array_equal(again.predict_proba(TEXTS), expected)
    saved = textforge.save(classifier, tmp_path / "again")
    assert classifier.engine.name == "numpy"
    file = "model.safetensors"
    assert (saved / file).read_bytes() == (bundle / file).read_bytes()
    assert np.array_equal(by_torch(saved).predict_proba(TEXTS), by_torch(bundle).predict_proba(TEXTS))


def test_training_goes_on_from_a_classifier_in_numpy_as_from_one_in_torch(bundle: Path) -> None:
    texts, labels = make_texts(20, seed=4)
    found = []
    for engine in ("numpy", "torch"):
        start = textforge.load(bundle, engine=engine)
        optimizer = PLUGINS.part("optimizer", "adam", lr=0.05)
        trainer = textforge.Trainer(Dataset(train=(texts, labels)), optimizer=optimizer, start=start, epochs=1)
        found.append(trainer.fit().logits(TEXTS))
    assert np.array_equal(*found)


def test_without_torch_a_classifier_says_what_needs_it(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    classifier = textforge.load(bundle)
    monkeypatch.setattr("textforge.components.requirements.find_spec", lambda name: None)
    said = "needs torch, which is not installed. Install it: pip install 'torch'"
    with pytest.raises(ComponentError, match=f"model 'linear' from textforge .*, as a torch module, {said}"):
        _ = classifier.module
    with pytest.raises(ComponentError, match=f"model 'linear' {said}"):
        by_torch(bundle)
    with pytest.raises(ComponentError, match=f"a run {said}"):
        textforge.run({})


def test_without_torch_words_are_deleted_where_gradients_would_explain(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = textforge.save(trained("mlp", hidden=[4]), tmp_path / "bundle")
    assert textforge.explain(textforge.load(path), ["moon"])[0].method == "integrated gradients"
    monkeypatch.setattr("textforge.classifiers.engines.numpy_engine.find_spec", lambda name: None)
    classifier = textforge.load(path)
    assert textforge.explain(classifier, ["moon"])[0].method == "deletion"
    assert classifier.engine.name == "numpy"


# -- weights that do not fit -------------------------------------------------------------------


def test_weights_of_another_shape_are_refused() -> None:
    part, facts = PLUGINS.part("model", "linear"), {"n_features": 4, "n_classes": 3}
    weights = {"weight": np.zeros((4, 2), np.float32), "bias": np.zeros(3, np.float32)}
    says = "'weight' has shape (4, 2) in them and has shape (4, 3) in the model"
    with pytest.raises(ComponentError, match=re.escape(says)):
        part.scores_in_numpy(facts, weights)
    with pytest.raises(ComponentError, match="'bias' is missing in them"):
        part.scores_in_numpy(facts, {"weight": np.zeros((4, 3), np.float32)})


# -- plugins -----------------------------------------------------------------------------------

SOURCE = ROOT / "tests" / "kept_plugins" / "1.2" / "textforge-averaged" / "src"


@pytest.fixture
def averaged(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.syspath_prepend(str(SOURCE))
    import textforge_averaged

    yield textforge_averaged.averaged
    for name in ("textforge_averaged", "textforge_averaged.in_numpy"):
        sys.modules.pop(name, None)


def problems(model: Any) -> list[str]:
    (check,) = (one for one in checks("model", model) if one.name == "scores-in-numpy-are-its-logits")
    try:
        check()
    except AssertionError as error:
        return [str(error)]
    return []


def test_a_plugin_says_how_numpy_computes_its_model(averaged: Any) -> None:
    assert problems(averaged) == []


def test_the_page_on_plugins_shows_that_function() -> None:
    source = (SOURCE / "textforge_averaged" / "in_numpy.py").read_text()
    assert source.partition("import numpy as np\n")[2] in (ROOT / "docs" / "plugins.md").read_text()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda scores: lambda features: scores(features) + 1e-3, "differ from its logits by 0.001"),
        (lambda scores: lambda features: scores(features)[:1], "in its in_numpy"),
        (lambda scores: 3, "returned no function, but 3"),
    ],
)
def test_the_kit_refuses_other_scores(averaged: Any, monkeypatch: pytest.MonkeyPatch, change: Any, says: str) -> None:
    import textforge_averaged.in_numpy as own

    original = own.scores
    monkeypatch.setattr(own, "scores", lambda *given: change(original(*given)))
    (problem,) = problems(averaged)
    assert says in problem


def test_the_kit_refuses_a_function_whose_module_imports_torch(averaged: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(averaged, "in_numpy", "textforge.features.batch:Batch")
    (problem,) = problems(averaged)
    assert "importing its in_numpy, 'textforge.features.batch:Batch', imports torch" in problem


def test_in_numpy_names_a_function(averaged: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from textforge.components.component import IN_CODE, Component
    from textforge.components.kinds import KINDS

    monkeypatch.setattr(averaged, "in_numpy", "somewhere")
    part = textforge.Part(Component(KINDS["model"], "averaged", averaged, IN_CODE))
    with pytest.raises(textforge.PluginError, match="its attribute 'in_numpy' is 'somewhere'; it must name a function"):
        _ = part.in_numpy


# -- format 5 ----------------------------------------------------------------------------------


def exported(bundle: Path, **changes: Any) -> dict[str, Any]:
    described = json.loads((bundle / "bundle.json").read_text())
    files = {"model.onnx": "0" * 64, "vectorizer.safetensors": "0" * 64}
    engine = {"name": "onnx", "opset": 18, "quantization": None}
    return {**described, "format": 5, "engine": engine, "files": files, **changes}


def test_a_bundle_of_format_5_describes_its_engine(bundle: Path) -> None:
    found = description.checked(exported(bundle, engine={"name": "onnx", "opset": 18, "quantization": "int8"}))
    assert found.engine is not None
    assert (found.engine.opset, found.engine.quantization, found.model_file) == (18, "int8", "model.onnx")
    assert description.checked(exported(bundle, labels=[1, 2, 3])).labels == [1, 2, 3]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"engine": None}, "a bundle of format 5 has an engine"),
        ({"format": 2}, "a bundle of format 2 has no engine"),
        (
            {"files": {"model.safetensors": "0" * 64, "vectorizer.safetensors": "0" * 64}},
            "files are not model.onnx and",
        ),
        ({"engine": {"name": "tvm", "opset": 18}}, "invalid section 'engine'"),
        ({"engine": {"name": "onnx", "opset": 0}}, "invalid section 'engine'"),
    ],
)
def test_an_invalid_description_of_format_5_is_refused(bundle: Path, changes: Any, says: str) -> None:
    with pytest.raises(BundleError, match=says):
        description.checked(exported(bundle, **changes))


def test_an_exported_bundle_is_computed_by_its_engine_alone() -> None:
    saved = description.SavedEngine(name="onnx", opset=18)
    part = PLUGINS.part("model", "linear")
    assert chosen(part, saved, "auto", "auto") == chosen(part, saved, "onnx", "cpu") == Choice("onnx", "cpu")
    with pytest.raises(RecipeError, match="engine 'torch': this bundle holds a model exported to onnx"):
        chosen(part, saved, "torch", "cpu")
    with pytest.raises(RecipeError, match="device 'cuda': engine 'onnx' computes on the CPU"):
        chosen(part, saved, "auto", "cuda")
