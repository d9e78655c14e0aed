"""A bundle gives back what was saved, or says in one sentence why it cannot."""

from __future__ import annotations

import json
import resource
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import bundle_edits as edits
import numpy as np
import pytest
import torch
from conftest import make_texts, small_recipe, write_csv
from hypothesis import given, settings, strategies as st
from safetensors import safe_open
from safetensors.numpy import load_file, save_file
from torch import nn

import textforge
from textforge import Dataset, FeatureLinear, PluginManager, hookimpl
from textforge.classifiers.bundles.golden import GOLDEN_TEXTS
from textforge.classifiers.storage import sha256
from textforge.components.component import Origin
from textforge.errors import BundleError, ComponentError, StorageError

FILES = ("bundle.json", "model.safetensors", "vectorizer.safetensors")
TEXTS = [*make_texts(40, seed=7)[0], "", "nothing known here", "ÄÖ ß 字"]


# -- parts of plugins of our own ---------------------------------------------------------------


def straight(n_features: int, n_classes: int, /, *, scale: float = 1.0) -> nn.Module:
    """One linear layer."""
    return FeatureLinear(n_features, n_classes)


def turned(n_features: int, n_classes: int, /, *, scale: float = 1.0) -> nn.Module:
    """The same weights, the opposite answers: a later version with a changed meaning."""

    class Turned(FeatureLinear):
        def forward(self, batch: Any) -> torch.Tensor:
            return -super().forward(batch)

    return Turned(n_features, n_classes)


def without_option(n_features: int, n_classes: int, /) -> nn.Module:
    """A later version that dropped its option."""
    return FeatureLinear(n_features, n_classes)


def other_shape(n_features: int, n_classes: int, /, *, scale: float = 1.0) -> nn.Module:
    """A later version with other weights."""
    return nn.Sequential(FeatureLinear(n_features, 7), nn.Linear(7, n_classes))


def broken(n_features: int, n_classes: int, /, *, scale: float = 1.0) -> nn.Module:
    raise RuntimeError("no licence")


class Tied(nn.Module):
    """Layers of which pairs share their weights."""

    def __init__(self, n_features: int, n_classes: int) -> None:
        super().__init__()
        self.first = FeatureLinear(n_features, 4)
        self.left = nn.ModuleList(nn.Linear(4, 4) for _ in range(6))
        self.right = nn.ModuleList(nn.Linear(4, 4) for _ in range(6))
        for left, right in zip(self.left, self.right, strict=True):
            right.weight = left.weight
        self.last = nn.Linear(4, n_classes)

    def forward(self, batch: Any) -> torch.Tensor:
        hidden = self.first(batch)
        for layer in (*self.left, *self.right):
            hidden = torch.tanh(layer(hidden))
        return self.last(hidden)


def tied(n_features: int, n_classes: int, /) -> nn.Module:
    """See `Tied`."""
    return Tied(n_features, n_classes)


class Lengths:
    """Vectorizer: two dense numbers a text; its state is what a test sets."""

    given_state: Any = {}  # noqa: RUF012  (each test makes a subclass)

    def fit(self, texts: list[str]) -> None: ...

    def transform(self, texts: list[str]) -> Any:
        return np.array([[len(text), text.count(" ")] for text in texts], dtype=np.float32)

    def state(self) -> Any:
        return self.given_state

    def from_state(self, state: dict[str, Any]) -> Lengths:
        self.restored = state
        return self


def plugins_with(version: str = "1.0", **components: Any) -> PluginManager:
    """Everything installed, and the given model (or vectorizer, with that keyword) under the name 'own'."""

    class Plugin:
        @hookimpl
        def textforge_models(self) -> dict[str, Any]:
            return {"own": components["model"]} if "model" in components else {}

        @hookimpl
        def textforge_vectorizers(self) -> dict[str, Any]:
            return {"own": components["vectorizer"]} if "vectorizer" in components else {}

    plugins = PluginManager()
    plugins.register(Plugin(), origin=Origin("textforge-own", version))
    return plugins


def trained(plugins: PluginManager, vectorizer: str = "bow", model: str = "own", seed: int = 0) -> Any:
    texts, labels = make_texts(60)
    data = Dataset(train=(texts, labels))
    parts = plugins.part("vectorizer", vectorizer), plugins.part("model", model), plugins.part("optimizer", "adam")
    return textforge.Trainer(data, *parts, epochs=1, seed=seed).fit()


def refusal(path: Path, plugins: PluginManager | None = None) -> str:
    """The message with which a bundle is refused: one that names it, in one paragraph, exit code 2."""
    with pytest.raises(BundleError) as caught:
        textforge.load(path, plugins=plugins)
    message = str(caught.value)
    assert caught.value.exit_code == 2
    assert message.startswith(str(path))
    assert "\n" not in message
    return message


@pytest.fixture
def bundle(finished_run: Path, tmp_path: Path) -> Path:
    """A copy of a good bundle."""
    return shutil.copytree(finished_run / "model", tmp_path / "bundle")


# -- there and back ----------------------------------------------------------------------------


@pytest.mark.parametrize("vectorizer", ["bow", "tfidf"])
@pytest.mark.parametrize("model", ["linear", "mlp"])
def test_a_loaded_classifier_predicts_bit_for_bit_as_before(tmp_path: Path, vectorizer: str, model: str) -> None:
    before = trained(PluginManager(), vectorizer, model)
    path = textforge.save(before, tmp_path / "bundle")
    after = textforge.load(path, engine="torch")
    assert after.labels == before.labels
    assert after.facts == before.facts
    assert np.array_equal(before.predict_proba(TEXTS), after.predict_proba(TEXTS))
    assert after.predict(TEXTS) == before.predict(TEXTS)
    in_numpy = textforge.load(path)  # sums in another order
    assert (in_numpy.labels, in_numpy.facts, in_numpy.engine.name) == (before.labels, before.facts, "numpy")
    assert np.allclose(before.predict_proba(TEXTS), in_numpy.predict_proba(TEXTS), rtol=0, atol=1e-6)


def test_a_run_and_its_bundle_load_alike(finished_run: Path) -> None:
    of_run, of_bundle = textforge.load(finished_run), textforge.load(str(finished_run / "model"))
    assert np.array_equal(of_run.predict_proba(TEXTS), of_bundle.predict_proba(TEXTS))


def test_a_loaded_classifier_saves_to_the_same_bytes(bundle: Path, tmp_path: Path) -> None:
    again = textforge.save(textforge.load(bundle, engine="torch"), tmp_path / "again")
    assert [(again / name).read_bytes() for name in FILES] == [(bundle / name).read_bytes() for name in FILES]


def test_its_files_are_json_and_safetensors_and_nothing_else(bundle: Path) -> None:
    assert sorted(path.name for path in bundle.rglob("*")) == sorted(FILES)
    json.loads((bundle / "bundle.json").read_text(encoding="utf-8"))
    for name in FILES[1:]:
        with safe_open(bundle / name, framework="numpy") as tensors:
            assert list(tensors.keys())


def test_the_description_says_all_that_the_design_asks(bundle: Path) -> None:
    described = json.loads((bundle / "bundle.json").read_text(encoding="utf-8"))
    assert described["format"] == 2
    assert described["decision"] == {"multi_label": False, "temperature": 1.0, "thresholds": None, "abstain": None}
    assert described["labels"] == ["ball", "paint", "space"]
    assert described["facts"]["n_classes"] == 3
    for kind, use in (("vectorizer", "bow"), ("model", "mlp")):
        assert described[kind]["use"] == use
        assert described[kind]["distribution"] == "textforge"
        assert described[kind]["version"] == textforge.__version__
    assert described["model"]["options"] == {
        "hidden": [8], "activation": "relu", "norm": None, "dropout": 0.0, "input_dropout": 0.0,
    }  # fmt: skip
    assert sorted(described["files"]) == sorted(FILES[1:])
    assert [one["text"] for one in described["golden"]] == list(GOLDEN_TEXTS)


def test_no_text_of_the_user_is_in_a_bundle(bundle: Path) -> None:
    described = json.loads((bundle / "bundle.json").read_text(encoding="utf-8"))
    texts = make_texts(120)[0]
    everything = (bundle / "bundle.json").read_text(encoding="utf-8")
    assert not any(text in everything for text in texts)
    assert described["vectorizer"]["state"] == {}


def test_tied_weights_come_back_tied_and_save_alike_each_time(tmp_path: Path) -> None:
    plugins = plugins_with(model=tied)
    before = trained(plugins)
    saved = [textforge.save(before, tmp_path / str(n)) for n in range(4)]
    assert len({(path / "model.safetensors").read_bytes() for path in saved}) == 1
    after = textforge.load(saved[0], plugins=plugins)
    assert np.array_equal(before.predict_proba(TEXTS), after.predict_proba(TEXTS))
    assert after.module.left[0].weight is after.module.right[0].weight


def test_a_state_of_values_and_arrays_comes_back_as_it_was(tmp_path: Path) -> None:
    class Own(Lengths):
        given_state = {  # noqa: RUF012
            "name": "ß",
            "nested": {"list": [1, 2.5, None]},
            "pair": (1, 2),
            "matrix": np.arange(6, dtype=np.float32).reshape(2, 3).T,
            "scalar": np.array(3.5),
            "empty": np.empty((0, 2), dtype=np.int64),
        }

    plugins = plugins_with(vectorizer=Own, model=dense)
    restored = textforge.load(
        textforge.save(trained(plugins, "own"), tmp_path / "b"), plugins=plugins
    ).vectorizer.restored
    assert {k: restored[k] for k in ("name", "nested")} == {k: Own.given_state[k] for k in ("name", "nested")}
    assert restored["pair"] == [1, 2]
    for name in ("matrix", "scalar", "empty"):
        np.testing.assert_array_equal(restored[name], Own.given_state[name], strict=True)


def test_facts_may_be_numpy_numbers(tmp_path: Path) -> None:
    class Own(Lengths):
        gives = ("n_features", "width")
        width = np.int64(2)
        n_features = np.int64(2)

    def wide(width: int, n_classes: int, /) -> nn.Module:
        return nn.Linear(int(width), n_classes)

    plugins = plugins_with(vectorizer=Own, model=wide)
    after = textforge.load(textforge.save(trained(plugins, "own"), tmp_path / "b"), plugins=plugins)
    assert after.facts["width"] == 2


def dense(n_features: int, n_classes: int, /) -> nn.Module:
    """A linear layer over dense features."""
    return nn.Linear(n_features, n_classes)


# -- saving that fails -------------------------------------------------------------------------


def test_what_is_there_is_not_overwritten(bundle: Path) -> None:
    classifier = textforge.load(bundle)
    before = {name: (bundle / name).read_bytes() for name in FILES}
    with pytest.raises(BundleError, match="exists already; bundles are never overwritten"):
        textforge.save(classifier, bundle)
    assert {name: (bundle / name).read_bytes() for name in FILES} == before


@pytest.mark.parametrize("missing", ["vectorizer", "model"])
def test_a_part_given_as_a_python_object_cannot_be_saved_and_says_why(tmp_path: Path, missing: str) -> None:
    plugins = PluginManager()
    texts, labels = make_texts(60)
    parts: dict[str, Any] = {"vectorizer": plugins.part("vectorizer", "bow"), "model": plugins.part("model", "linear")}
    parts[missing] = straight if missing == "model" else parts["vectorizer"].build({"seed": 0})
    classifier = textforge.Trainer(
        Dataset(train=(texts, labels)), parts["vectorizer"], parts["model"], plugins.part("optimizer", "adam"), epochs=1
    ).fit()
    with pytest.raises(BundleError, match=rf"the {missing} was given as a Python object.*Register it in a plugin"):
        textforge.save(classifier, tmp_path / "bundle")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "state",
    [
        {"when": object()},
        {"x": float("nan")},
        {"x": np.float32(1.0)},
        {"words": np.array(["a", "bc"])},
        {"things": np.array([object()])},
        {"in": {"side": np.zeros(2)}, "in/side": np.zeros(2)},
        {"in": {1: "a"}},
        {1: "a"},
        {"half a pair \ud800": np.zeros(2)},
        [1, 2],
        None,
    ],
    ids=[
        *("object", "nan", "numpy-number", "text-array", "object-array", "same-name", "number-key", "number-name"),
        *("unwritable-name", "list", "none"),
    ],
)
def test_a_state_that_cannot_be_saved_blames_the_vectorizer_and_leaves_nothing(tmp_path: Path, state: Any) -> None:
    class Own(Lengths):
        given_state = state

    classifier = trained(plugins_with(vectorizer=Own, model=dense), "own")
    with pytest.raises(
        ComponentError, match=r"vectorizer 'own' from .*: state\(\) must be a dict of JSON values and arrays"
    ):
        textforge.save(classifier, tmp_path / "bundle")
    assert list(tmp_path.iterdir()) == []


@contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("size", [0, 100, 600, 1900])
def test_a_bundle_that_does_not_fit_leaves_nothing(bundle: Path, tmp_path: Path, size: int) -> None:
    assert max((bundle / name).stat().st_size for name in FILES) > 1900, "else the last limit stops nothing"
    classifier = textforge.load(bundle)
    with pytest.raises(StorageError, match=r"deep/again\S*: cannot be written: File too large"), file_size_limit(size):
        textforge.save(classifier, tmp_path / "deep" / "again")
    assert list((tmp_path / "deep").iterdir()) == []


def test_a_bundle_below_a_file_cannot_be_written(bundle: Path) -> None:
    with pytest.raises(StorageError, match=r"cannot be written: Not a directory"):
        textforge.save(textforge.load(bundle), bundle / "bundle.json" / "again")


# -- damage ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_reported(bundle: Path, name: str) -> None:
    (bundle / name).unlink()
    message = refusal(bundle)
    if name == "bundle.json":
        assert "neither a run (result.json) nor a bundle (bundle.json)" in message
    else:
        assert f"the file '{name}' is missing. Restore the bundle from a copy." in message


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("keep", [0.0, 0.5, 0.99])
def test_a_truncated_file_is_reported(bundle: Path, name: str, keep: float) -> None:
    data = (bundle / name).read_bytes()
    (bundle / name).write_bytes(data[: int(len(data) * keep)])
    message = refusal(bundle)
    assert "damaged" in message
    assert name in message


@pytest.mark.parametrize("name", FILES)
def test_bytes_added_at_the_end_are_reported(bundle: Path, name: str) -> None:
    (bundle / name).write_bytes((bundle / name).read_bytes() + b"\n")
    assert "damaged" in refusal(bundle)


@pytest.mark.parametrize("name", FILES)
def test_a_flipped_bit_in_the_middle_is_reported(bundle: Path, name: str) -> None:
    data = bytearray((bundle / name).read_bytes())
    data[len(data) // 2] ^= 1
    (bundle / name).write_bytes(data)
    message = refusal(bundle)
    assert "damaged" in message
    assert name in message


@pytest.fixture(scope="module")
def flippable(finished_run: Path) -> Iterator[Path]:
    """A bundle that each example damages and repairs."""
    with tempfile.TemporaryDirectory() as folder:
        yield shutil.copytree(finished_run / "model", Path(folder) / "bundle")


@contextmanager
def flipped(file: Path, position: int, change: int) -> Iterator[None]:
    data = file.read_bytes()
    damaged = bytearray(data)
    damaged[position % len(data)] ^= change
    file.write_bytes(damaged)
    try:
        yield
    finally:
        file.write_bytes(data)


@settings(max_examples=400, deadline=None)
@given(name=st.sampled_from(FILES), position=st.integers(0, 10_000), change=st.integers(1, 255))
def test_any_changed_byte_of_any_file_is_detected(flippable: Path, name: str, position: int, change: int) -> None:
    with flipped(flippable / name, position, change), pytest.raises(BundleError):
        textforge.load(flippable)


@pytest.mark.slow
@pytest.mark.parametrize("change", [0x01, 0x04, 0x20])  # 1: another digit; 4, 0x20: `e` and `E`, blank and NUL
def test_every_single_byte_of_the_description_counts(flippable: Path, change: int) -> None:
    file = flippable / "bundle.json"
    for position in range(file.stat().st_size):
        with flipped(file, position, change), pytest.raises(BundleError):
            textforge.load(flippable)


# -- the seal ----------------------------------------------------------------------------------


def resigned(bundle: Path, change: Callable[[dict[str, Any]], Any] = lambda described: None) -> Path:
    """The bundle with a changed description and digests of all files as they are now."""
    described = edits.described(bundle)
    change(described)
    described["files"] = {name: sha256(bundle / name) for name in described["files"]}
    edits.sign(bundle, described)
    return bundle


def test_a_bundle_signed_again_without_a_change_loads(bundle: Path) -> None:
    textforge.load(resigned(bundle))


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.update(labels=d["labels"][::-1]),
        lambda d: d.update(labels=[f"{label}s" for label in d["labels"]]),
        lambda d: d["decision"].update(abstain=0.4),
        lambda d: d["facts"].update(seed=7),
        lambda d: d["golden"].pop(),
        lambda d: d["model"].update(version="9.9"),
        lambda d: d.update(textforge="9.9"),
    ],
)
def test_a_description_that_is_changed_and_signed_again_does_not_fit_the_other_files(bundle, change):
    assert "its files were changed after they were written" in refusal(resigned(bundle, change))


@pytest.mark.parametrize("file", ["model.safetensors", "vectorizer.safetensors"])
def test_a_number_that_is_changed_and_signed_again_does_not_fit_the_other_files(bundle, file):
    data = bytearray((bundle / file).read_bytes())
    data[-2] ^= 1
    (bundle / file).write_bytes(data)
    assert "its files were changed after they were written" in refusal(resigned(bundle))


def test_other_weights_are_refused_even_if_the_golden_texts_are_not_tried(bundle: Path) -> None:
    weights = load_file(bundle / "model.safetensors")
    save_file({name: 1.5 * value for name, value in weights.items()}, bundle / "model.safetensors")
    with pytest.raises(BundleError, match="its files were changed after they were written"):
        textforge.load(resigned(bundle), check=False)


# -- decisions, and the format before them -----------------------------------------------------


def old_format(described: dict[str, Any]) -> None:
    """As it was written before there were decisions and sets of labels."""
    described["format"] = 1
    del described["decision"], described["facts"]["multi_label"]


def test_a_bundle_of_format_1_is_read_and_answers_as_before(bundle: Path) -> None:
    before = textforge.load(bundle)
    after = textforge.load(rewritten(bundle, old_format))
    assert np.array_equal(after.predict_proba(TEXTS), before.predict_proba(TEXTS))
    assert after.predict(TEXTS) == before.predict(TEXTS)
    assert after.decision == before.decision


def test_a_model_of_format_1_that_now_asks_for_multi_label_is_reported_no(tmp_path: Path) -> None:
    def asks(n_features: int, n_classes: int, multi_label: bool, /, *, scale: float = 1.0) -> nn.Module:
        assert multi_label is False
        return FeatureLinear(n_features, n_classes)

    path = textforge.save(trained(plugins_with(model=straight)), tmp_path / "b")
    assert textforge.load(rewritten(path, old_format), plugins=plugins_with(model=asks)).predict(["moon"])


def test_format_1_saved_again_is_of_format_2(bundle: Path, tmp_path: Path) -> None:
    again = textforge.save(textforge.load(rewritten(bundle, old_format)), tmp_path / "again")
    assert json.loads((again / "bundle.json").read_text())["format"] == 2


@pytest.mark.parametrize(
    "decision",
    [
        None,
        3,
        {},
        {"multi_label": False},
        {"multi_label": False, "temperature": "hot", "thresholds": None, "abstain": 0},
    ],
)
def test_a_decision_that_is_none_is_reported(bundle: Path, decision: Any) -> None:
    message = refusal(rewritten(bundle, lambda described: described.update(decision=decision)))
    assert "damaged: bundle.json has an invalid section 'decision'" in message


def test_a_decision_of_the_users_travels_with_the_bundle(tmp_path: Path) -> None:
    classifier = trained(PluginManager(), model="linear")
    classifier.abstain_below(0.9)
    after = textforge.load(textforge.save(classifier, tmp_path / "b"))
    assert after.decision.abstain == 0.9
    assert after.predict(TEXTS) == classifier.predict(TEXTS)
    assert None in after.predict(TEXTS)


# -- what does not fit here --------------------------------------------------------------------


def rewritten(bundle: Path, change: Callable[[dict[str, Any]], Any]) -> Path:
    """The bundle with a changed description and a digest that fits, as another program would write it."""
    described = edits.described(edits.unsealed(bundle))
    change(described)
    edits.sign(bundle, described)
    return bundle


def test_a_rewritten_description_loads(bundle: Path) -> None:
    """What the tests below change is what they mean to change."""
    textforge.load(rewritten(bundle, lambda described: None))


@pytest.mark.parametrize("number", [6, 0, "1", None])
def test_an_unknown_format_number_names_the_version_that_reads_it(bundle: Path, number: Any) -> None:
    message = refusal(rewritten(bundle, lambda d: d.update(format=number, textforge="9.8.7")))
    assert f"bundle format {number!r}; this textforge ({textforge.__version__}) reads formats up to 5" in message
    assert "written by textforge 9.8.7: install that version" in message


@pytest.mark.parametrize("text", ["[]", "1", "null", "{}", '"x"', "{", ""])
def test_a_description_that_is_none_is_reported(bundle: Path, text: str) -> None:
    (bundle / "bundle.json").write_text(text)
    assert "bundle.json is not a bundle's description" in refusal(bundle)


def test_a_plugin_that_is_not_installed_is_named_with_its_version(tmp_path: Path) -> None:
    path = textforge.save(trained(plugins_with("2.1", model=straight)), tmp_path / "b")
    message = refusal(path, PluginManager())
    assert "needs model 'own' from the distribution textforge-own 2.1, which is not installed" in message
    assert "pip install 'textforge-own==2.1'" in message


def test_an_option_that_is_no_longer_known_is_reported(tmp_path: Path) -> None:
    path = textforge.save(trained(plugins_with("1.0", model=straight)), tmp_path / "b")
    message = refusal(path, plugins_with("2.0", model=without_option))
    assert "its options do not fit the installed model 'own' from textforge-own 2.0" in message
    assert "(the bundle was made with textforge-own 1.0)" in message
    assert "scale" in message
    assert message.endswith("Install the version that it was made with: pip install 'textforge-own==1.0'")


def test_an_option_that_an_older_plugin_does_not_know_yet_is_reported(tmp_path: Path) -> None:
    path = textforge.save(trained(plugins_with("2.0", model=straight)), tmp_path / "b")
    message = refusal(path, plugins_with("1.0", model=without_option))
    assert "from textforge-own 1.0 (the bundle was made with textforge-own 2.0)" in message
    assert message.endswith("pip install 'textforge-own==2.0'")


def renamed(n_features: int, n_classes: int, /, *, factor: float = 1.0) -> nn.Module:
    return straight(n_features, n_classes, scale=factor)


def test_a_plugin_that_renamed_an_option_reads_bundles_of_before(tmp_path: Path) -> None:
    seen = []

    def upgrade(options: dict[str, Any], version: str) -> dict[str, Any]:
        seen.append(version)
        return {"factor": options.pop("scale")} if version < "2" else options

    renamed.upgrade_options = upgrade  # type: ignore[attr-defined]
    path = textforge.save(trained(plugins_with("1.0", model=straight)), tmp_path / "b")
    loaded = textforge.load(path, plugins=plugins_with("2.0", model=renamed))
    assert np.array_equal(loaded.predict_proba(TEXTS), textforge.load(
        path, plugins=plugins_with("1.0", model=straight)).predict_proba(TEXTS))  # fmt: skip
    assert seen == ["1.0"]
    again = textforge.save(loaded, tmp_path / "again")
    textforge.load(again, plugins=plugins_with("2.0", model=renamed))
    assert seen == ["1.0"], "nothing to upgrade where the version is the same"
    assert json.loads((again / "bundle.json").read_text())["model"]["options"] == {"factor": 1.0}


def test_an_upgrade_that_fails_is_reported(tmp_path: Path) -> None:
    def failing(n_features: int, n_classes: int, /, *, scale: float = 1.0) -> nn.Module:
        return straight(n_features, n_classes, scale=scale)

    failing.upgrade_options = lambda options, version: 1 / 0  # type: ignore[attr-defined]
    path = textforge.save(trained(plugins_with("1.0", model=straight)), tmp_path / "b")
    message = refusal(path, plugins_with("2.0", model=failing))
    assert "model 'own' from textforge-own 2.0 failed while upgrading options of 1.0: ZeroDivisionError" in message


def test_an_option_out_of_range_is_refused_at_load(bundle: Path) -> None:
    message = refusal(rewritten(bundle, lambda d: d["model"]["options"].update(dropout=3)))
    assert "dropout" in message


@pytest.mark.parametrize(("model", "told"), [(turned, "predicts differently here"), (other_shape, "weights")])
def test_a_plugin_of_another_version_that_answers_otherwise_is_found_out(tmp_path: Path, model: Any, told: str) -> None:
    path = textforge.save(trained(plugins_with("1.0", model=straight)), tmp_path / "b")
    message = refusal(path, plugins_with("2.0", model=model))
    assert told in message
    assert (
        "model 'own' was textforge-own 1.0 and is textforge-own 2.0. Install the versions that it was made with."
        in message
    )


def test_the_golden_check_can_be_left_out(tmp_path: Path) -> None:
    path = textforge.save(trained(plugins_with("1.0", model=straight)), tmp_path / "b")
    loaded = textforge.load(path, plugins=plugins_with("2.0", model=turned), check=False)
    assert loaded.predict_proba(TEXTS).shape == (len(TEXTS), 3)


def test_another_version_that_answers_alike_is_taken(tmp_path: Path) -> None:
    path = textforge.save(trained(plugins_with("1.0", model=straight)), tmp_path / "b")
    assert textforge.load(path, plugins=plugins_with("1.1", model=straight)).labels == ("ball", "paint", "space")


def test_a_component_that_cannot_be_built_is_named(tmp_path: Path) -> None:
    path = textforge.save(trained(plugins_with("1.0", model=straight)), tmp_path / "b")
    message = refusal(path, plugins_with("1.0", model=broken))
    assert "model 'own' from textforge-own 1.0 failed while being built: RuntimeError: no licence" in message


def test_a_component_that_fails_on_the_golden_texts_is_named(tmp_path: Path) -> None:
    class Own(Lengths):
        pass

    class Later(Lengths):
        def transform(self, texts: list[str]) -> Any:
            raise LookupError("no table")

    path = textforge.save(trained(plugins_with("1.0", vectorizer=Own, model=dense), "own"), tmp_path / "b")
    message = refusal(path, plugins_with("2.0", vectorizer=Later, model=dense))
    assert "vectorizer 'own' from textforge-own 2.0 failed while turning texts into features" in message


def test_loading_draws_nothing_from_the_callers_random_state(bundle: Path) -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    textforge.load(bundle)
    assert torch.equal(before, torch.get_rng_state())


def test_a_bundle_moves_with_its_folder(bundle: Path, tmp_path: Path) -> None:
    moved = bundle.rename(tmp_path / "moved to another place")
    assert textforge.load(moved).predict([""])


def test_a_bundle_from_a_run_with_unicode_labels(tmp_path: Path) -> None:
    topics = {"größe": ["lang", "kurz", "breit"], "日本": ["tokyo", "kyoto", "osaka"]}
    data = write_csv(tmp_path / "d.csv", *make_texts(40, topics=topics))
    run = textforge.run(small_recipe(data), out=tmp_path / "run")
    assert textforge.load(run.path).labels == ("größe", "日本")


# -- facts and states of all sorts ---------------------------------------------------------------


class Table(Lengths):
    """Gives an array, as word vectors are, a tuple and a mapping to numbers: what JSON does not give back."""

    gives = ("n_features", "table", "pair", "numbered")

    def fit(self, texts: list[str]) -> None:
        self.table = np.arange(6, dtype=np.float32).reshape(2, 3)

    pair = (1, 2)
    numbered = {1: "one"}  # noqa: RUF012

    def state(self) -> Any:
        return {"table": self.table}

    def from_state(self, state: dict[str, Any]) -> Table:
        self.table = state["table"]
        return self


def with_table(n_features: int, n_classes: int, table: Any, pair: Any, numbered: Any, /) -> nn.Module:
    """Begins with the given table."""
    assert pair == (1, 2)
    assert numbered == {1: "one"}

    class WithTable(nn.Linear):
        def forward(self, batch: Any) -> torch.Tensor:
            return super().forward(batch @ torch.as_tensor(table))

    return WithTable(3, n_classes)


def test_facts_that_json_does_not_give_back_come_from_the_restored_vectorizer(small_csv: Path, tmp_path: Path) -> None:
    plugins = plugins_with(vectorizer=Table, model=with_table)
    recipe = small_recipe(small_csv, vectorizer={"use": "own"}, model={"use": "own"})
    run = textforge.run(recipe, plugins=plugins, out=tmp_path / "run")
    facts = json.loads((run.path / "model" / "bundle.json").read_text())["facts"]
    assert facts == {"n_features": 2, "n_classes": 3, "seed": 0, "multi_label": False}
    again = textforge.load(run.path, plugins=plugins)
    assert np.array_equal(again.predict_proba(TEXTS), run.classifier.predict_proba(TEXTS))


@pytest.mark.parametrize(
    ("vectorizer", "says"),
    [
        (type("Own", (Lengths,), {"given_state": {"x": object()}}), "must be a dict of JSON values and arrays"),
        (type("Own", (Lengths,), {"given_state": {1: 2, "n": 1}}), "must be a dict of JSON values and arrays"),
        (type("Own", (Lengths,), {"given_state": {"x": "half \ud800"}}), "must be a dict of JSON values and arrays"),
        (type("Own", (Lengths,), {"given_state": {"x": np.ones(2, np.longdouble)}}), "arrays of numbers: .*float128"),
        (type("Own", (Lengths,), {"state": None}), "failed while giving its state: TypeError"),
        (
            type("Own", (Lengths,), {"transform": lambda self, texts: np.array([[1 / len(text)] for text in texts])}),
            "failed while turning texts into features: ZeroDivisionError",
        ),
    ],
    ids=["object", "keys", "surrogate", "longdouble", "no-state", "empty-text"],
)
def test_what_could_not_be_saved_is_reported_before_training(
    small_csv: Path, tmp_path: Path, vectorizer: type, says: str
) -> None:
    plugins = plugins_with(vectorizer=vectorizer, model=dense)
    recipe = small_recipe(small_csv, vectorizer={"use": "own"}, model={"use": "own"})
    with pytest.raises(ComponentError, match=f"vectorizer 'own' from textforge-own 1.0.*{says}"):
        textforge.run(recipe, plugins=plugins, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_module_with_a_state_that_is_no_tensor_is_reported_before_training(small_csv: Path, tmp_path: Path) -> None:
    class Extra(FeatureLinear):
        def get_extra_state(self) -> Any:
            return {"n": 1}

        def set_extra_state(self, state: Any) -> None: ...

    plugins = plugins_with(model=lambda n_features, n_classes, /: Extra(n_features, n_classes))
    recipe = small_recipe(small_csv, model={"use": "own"}, trainer={"epochs": 2, "validation": 0.2})
    with pytest.raises(ComponentError, match=r"model 'own' .*'_extra_state' in its state_dict\(\) is not a tensor"):
        textforge.run(recipe, plugins=plugins, out=tmp_path / "run")


def test_others_may_read_every_file_of_a_bundle(bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "usual").write_text("")
    usual = (tmp_path / "usual").stat().st_mode
    assert {name: (bundle / name).stat().st_mode for name in FILES} == dict.fromkeys(FILES, usual)


def test_a_description_nested_without_end_is_reported(bundle: Path) -> None:
    (bundle / "bundle.json").write_text("[" * 100_000)
    assert "bundle.json is not a bundle's description" in refusal(bundle)


def test_a_fact_that_the_bundle_holds_is_not_asked_of_the_restored_vectorizer(small_csv: Path, tmp_path: Path) -> None:
    class Sized(Lengths):
        gives = ("n_features", "vocab_size")

        def fit(self, texts: list[str]) -> None:
            self.vocab_size = 7  # which from_state does not set

    def sized(n_features: int, n_classes: int, vocab_size: int, /) -> nn.Module:
        assert vocab_size == 7
        return nn.Linear(n_features, n_classes)

    plugins = plugins_with(vectorizer=Sized, model=sized)
    recipe = small_recipe(small_csv, vectorizer={"use": "own"}, model={"use": "own"})
    run = textforge.run(recipe, plugins=plugins, out=tmp_path / "run")
    assert textforge.load(run.path, plugins=plugins).facts["vocab_size"] == 7


def test_a_part_registered_in_code_is_asked_for_by_that_name(tmp_path: Path) -> None:
    class Plugin:
        @hookimpl
        def textforge_models(self) -> dict[str, Any]:
            return {"own": lambda n_features, n_classes, /: textforge.FeatureLinear(n_features, n_classes)}

    plugins = PluginManager()
    plugins.register(Plugin())
    path = textforge.save(trained(plugins), tmp_path / "b")
    assert "needs model 'own', which the program that trained it had registered in code" in (message := refusal(path))
    assert "plugins.register(…); textforge.load(…, plugins=plugins)" in message
    assert textforge.load(path, plugins=plugins).labels == ("ball", "paint", "space")
