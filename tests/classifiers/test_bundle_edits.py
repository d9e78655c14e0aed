"""A description that was edited and signed anew is refused in one sentence, or gives a classifier that works."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bundle_edits as edits
import numpy as np
import pytest
from conftest import ROOT, shipped
from in_process import invoke
from safetensors.numpy import load_file, save_file

import textforge
from textforge.classifiers.storage import sha256
from textforge.errors import BundleError

KEPT = ROOT / "tests" / "classifiers" / "kept_bundles"
SOME = ("bow-mlp", "tfidf-linear-temperature-abstain", "tfidf-linear-multi-label-thresholds", "hashing-linear-svc",
        "tokens-textcnn", "bytes-transformer-learned", "bow-linear-format-1")  # fmt: skip


@pytest.fixture
def bundle(tmp_path: Path) -> Callable[[str], Path]:
    """A copy of one of the bundles that are kept."""
    return lambda name: shutil.copytree(KEPT / name, tmp_path / name)


def refusal(path: Path) -> str:
    """The one sentence with which a bundle is refused."""
    with pytest.raises(BundleError) as caught:
        textforge.load(path)
    assert caught.value.exit_code == 2
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def edited(path: Path, change: Callable[[dict[str, Any]], Any]) -> Path:
    described = edits.described(path)
    change(described)
    edits.sign(path, described)
    return path


@pytest.mark.parametrize("name", SOME)
def test_random_edits_are_refused_or_give_a_classifier_that_works(
    bundle: Callable[[str], Path], name: str, recwarn: pytest.WarningsRecorder
) -> None:
    draw, path, plugins = random.Random(name), bundle(name), shipped()
    before, loaded = edits.described(path), 0
    for _ in range(60):
        told, changed = edits.edited(before, draw)
        edits.sign(path, changed)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                probabilities = textforge.load(path, plugins=plugins).predict_proba(["a moon", ""])
        except BundleError as error:
            assert "\n" not in str(error), told
            continue
        loaded += 1
        assert np.isfinite(probabilities).all(), told
        assert probabilities.shape == (2, len(changed["labels"])), told
    assert loaded < 30


def test_the_command_line_says_so_in_one_sentence(bundle: Callable[[str], Path]) -> None:
    path = edited(bundle("bow-mlp"), lambda d: d.update(golden=[{"text": 3}]))
    done = invoke("predict", path, "a moon")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert "bundle.json has an invalid section 'golden' (golden.0.text: input should be a valid string" in done.stderr


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda d: d.update(labels=["x", "x", "x"]), "labels: has a label twice"),
        (lambda d: d.update(labels=["x"]), "at least two labels"),
        (lambda d: d.update(labels=["x", "y"]), "facts.n_classes is 3, but there are 2 labels"),
        (lambda d: d.update(labels=[1, 2, 3]), "labels of format 2 are text"),
        (lambda d: d.update(format=3), "labels of format 3 are not text"),
        (lambda d: d.update(format=3, labels=[1, 2, True]), "labels"),
        (lambda d: d.update(format=3, labels=[1, 2, "3"]), "labels"),
        (lambda d: d.update(format=3, labels=[1, 2, 2]), "labels"),
        (lambda d: d.update(format=3, labels=[1.0, 2.0, 3.0]), "labels"),
        (lambda d: d["decision"].update(abstain="x"), "decision.abstain"),
        (lambda d: d["decision"].update(abstain=2.0), "decision.abstain"),
        (lambda d: d["decision"].update(temperature=0.0), "decision.temperature"),
        (lambda d: d["decision"].update(temperature=-1.0), "decision.temperature"),
        (lambda d: d["decision"].update(temperature=True), "decision.temperature"),
        (lambda d: d["decision"].update(thresholds=[0.5]), "thresholds"),
        (lambda d: d["decision"].update(thresholds=[0.5] * 3), "thresholds"),
        (lambda d: d["decision"].update(multi_label=True), "multi_label"),
        (lambda d: d["decision"].update(mood="good"), "has the unknown key decision.mood"),
        (lambda d: d["facts"].update(seed=-1), "facts.seed"),
        (lambda d: d["facts"].update(seed=2**63), "facts.seed"),
        (lambda d: d["facts"].update(n_features=4e7), "facts.n_features"),
        (lambda d: d["facts"].update(n_features=41), "has n_features 40"),
        (lambda d: d["files"].update({"../../../../etc/passwd": "0" * 64}), "files"),
        (lambda d: d["files"].pop("model.safetensors"), "files are not"),
        (lambda d: d["files"].update({"model.safetensors": "x"}), "files.model.safetensors"),
        (lambda d: d["model"].update(use="os:system"), "is not a component name"),
        (lambda d: d["model"].update(use="mlp\n"), "is not a component name"),
        (lambda d: d["model"].pop("options"), "model.options: is missing"),
        (lambda d: d["vectorizer"].pop("state"), "vectorizer.state: is missing"),
        (lambda d: d["golden"][0].update(probabilities=[0.5, 0.5]), "one probability for each label"),
        (lambda d: d["golden"][0].update(probabilities=[0.5, 0.5, 1.5]), "golden.0.probabilities.2"),
        (lambda d: d.update(golden=[]), "golden"),
        (lambda d: d.update(golden=[{"text": "x" * 5000, "probabilities": [0.5, 0.5, 0.0]}]), "golden.0.text"),
        (lambda d: d.update(textforge="0.1; rm"), "is not a version"),
        (lambda d: d.update(extra="\x1b[31m"), "has the unknown key extra"),
        (lambda d: d.update({"\x1b[31m": 1}), r"\x1b[31m"),
        (lambda d: d.pop("decision"), "format 2 has a decision"),
        (lambda d: d.update(format=1), "format 1 has no decision"),
        (lambda d: d["vectorizer"]["options"].update(unit="letters"), "unit must be"),
        (lambda d: d["model"]["options"].update(activation=[]), "activation must be"),
        (lambda d: d["model"]["options"].update(hidden=[3, 4]), "weights"),
    ],
)  # fmt: skip
def test_what_is_out_of_range_is_named(
    bundle: Callable[[str], Path], change: Callable[[dict[str, Any]], Any], says: str
) -> None:
    assert says in refusal(edited(bundle("bow-mlp"), change))


@pytest.mark.parametrize("number", [True, 1.0, 2.0, [2], {"x": 2}, "2", -1, 10**30])
def test_a_format_that_is_no_known_number_is_refused(bundle: Callable[[str], Path], number: Any) -> None:
    path = bundle("bow-mlp")
    edits.sign(path, {**edits.described(path), "format": number, "textforge": "1\x1b[31m"})
    message = refusal(path)
    assert "this textforge" in message and "It does not say which textforge wrote it" in message


@pytest.mark.parametrize("text", ['"\\ud800"', "1e999", "NaN", "-Infinity", "[" * 900 + "]" * 900, "9" * 5000])
def test_json_that_no_bundle_holds_is_refused(bundle: Callable[[str], Path], text: str) -> None:
    path = bundle("bow-mlp")
    file = path / "bundle.json"
    file.write_text(file.read_text(encoding="utf-8").replace('"seed": 3', f'"seed": {text}'), encoding="utf-8")
    message = refusal(path)
    assert "bundle.json is not a bundle's description" in message or "bundle.json was changed" in message


def test_only_the_two_files_of_a_bundle_are_ever_read(bundle: Callable[[str], Path], tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("x")
    for name in ("../secret", str(secret)):
        path = edited(bundle("bow-mlp"), lambda d, name=name: d["files"].update({name: sha256(secret)}))
        assert "bundle.json has an invalid section 'files'" in refusal(path)
        shutil.rmtree(path)


def test_edits_before_the_digest_are_still_damage(bundle: Callable[[str], Path]) -> None:
    path = bundle("bow-mlp")
    file = path / "bundle.json"
    file.write_text(file.read_text(encoding="utf-8").replace('"sea"', '"sky"'), encoding="utf-8")
    assert "bundle.json was changed after it was written. Restore the bundle from a copy." in refusal(path)


def test_what_cannot_be_loaded_is_not_saved(tmp_path: Path) -> None:
    from dataclasses import replace

    classifier = textforge.load(KEPT / "bow-mlp")
    classifier.decision = replace(classifier.decision, thresholds=(0.5,))
    with pytest.raises(BundleError, match="thresholds"):
        textforge.save(classifier, tmp_path / "b")
    assert list(tmp_path.iterdir()) == []


# -- states ------------------------------------------------------------------------------------


def with_state(path: Path, change: Callable[[dict[str, Any]], Any]) -> Path:
    """A bundle with other arrays in its vectorizer's state, signed anew."""
    file = path / "vectorizer.safetensors"
    arrays = load_file(str(file))
    change(arrays)
    save_file(arrays, str(file))
    return edited(path, lambda d: d["files"].update({file.name: sha256(file)}))


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("bow-mlp", lambda a: a.clear()),
        ("bow-mlp", lambda a: a.pop("lengths")),
        ("bow-mlp", lambda a: a.update(lengths=a["lengths"][:-1])),
        ("bow-mlp", lambda a: a.update(lengths=-a["lengths"])),
        ("bow-mlp", lambda a: a.update(lengths=a["lengths"].astype(np.float32))),
        ("bow-mlp", lambda a: a.update(lengths=a["lengths"].reshape(2, -1))),
        ("bow-mlp", lambda a: a.update(lengths=np.concatenate((a["lengths"][:-1], a["lengths"][-1:] + 5)))),
        ("bow-mlp", lambda a: a.update(words=a["words"][:-3])),
        ("bow-mlp", lambda a: a.update(words=a["words"] | 0x80)),
        ("bow-mlp", lambda a: a.update(words=a["words"].astype(np.int64))),
        ("bow-mlp", lambda a: a.update(words=np.concatenate((a["words"], a["words"])))),
        ("bow-mlp", lambda a: a.update(words=np.full_like(a["words"], 97))),
        ("tokens-textcnn", lambda a: a.update(lengths=a["lengths"][:-1])),
        ("tokens-textcnn", lambda a: a.update(words=np.full_like(a["words"], 97))),
        ("tfidf-calibrated", lambda a: a.pop("idf")),
        ("tfidf-calibrated", lambda a: a.update(idf=a["idf"][:-2])),
        ("tfidf-calibrated", lambda a: a.update(idf=np.append(a["idf"], 1.0))),
        ("tfidf-calibrated", lambda a: a.update(idf=a["idf"] * np.nan)),
        ("tfidf-calibrated", lambda a: a.update(idf=a["idf"][:, None])),
    ],
)  # fmt: skip
def test_an_edited_state_is_refused(
    bundle: Callable[[str], Path], name: str, change: Callable[[dict[str, Any]], Any]
) -> None:
    message = refusal(with_state(bundle(name), change))
    assert f"vectorizer '{name.partition('-')[0]}' from textforge" in message or "predicts differently" in message


@pytest.mark.parametrize("state", [{"tokenizer": 3}, {"tokenizer": "{}"}, {}, {"tokenizer": ["x"]}])
def test_an_edited_tokenizer_is_refused(bundle: Callable[[str], Path], state: Any) -> None:
    pytest.importorskip("tokenizers")
    message = refusal(edited(bundle("subword-fasttext"), lambda d: d["vectorizer"].update(state=state)))
    assert "vectorizer 'subword' from textforge" in message


@pytest.mark.parametrize(
    "change",
    [
        lambda a: a.clear(),
        lambda a: a.pop("1.bias"),
        lambda a: a.update(more=np.ones(3, np.float32)),
        lambda a: a.update({"1.bias": a["1.bias"][:-1]}),
        lambda a: a.update({"1.bias": a["1.bias"][:, None]}),
        lambda a: a.update({"1.bias": np.full_like(a["1.bias"], np.nan)}),
        lambda a: a.update({"1.bias": np.full_like(a["1.bias"], np.inf)}),
        lambda a: a.update({"1.bias": a["1.bias"] + 5}),
        lambda a: a.update({"1.weight": a["1.weight"].T.copy()}),
        lambda a: a.update({"1.weight": a["1.weight"].astype(np.int64)}),
        lambda a: a.update({name: array.ravel()[:0] for name, array in a.items()}),
    ],
)
def test_edited_weights_are_refused(bundle: Callable[[str], Path], change: Callable[[dict[str, Any]], Any]) -> None:
    path = bundle("bow-mlp")
    file = path / "model.safetensors"
    arrays = load_file(str(file))
    change(arrays)
    save_file(arrays, str(file))
    refusal(edited(path, lambda d: d["files"].update({file.name: sha256(file)})))


@pytest.mark.parametrize("file", ["model.safetensors", "vectorizer.safetensors"])
@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff" * 8,
        (2**40).to_bytes(8, "little") + b"{}",
        (100).to_bytes(8, "little") + b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},'
        b'"b":{"dtype":"F32","shape":[1],"data_offsets":[2,6]}}'.ljust(100)[:100] + b"\0" * 6,
        (63).to_bytes(8, "little") + b'{"a":{"dtype":"F32","shape":[999999999],"data_offsets":[0,4]}} ' + b"0000",
        (2).to_bytes(8, "little") + b"{}",
    ],
    ids=["empty", "huge-header", "header-past-end", "overlap", "shape", "no-tensors"],
)  # fmt: skip
def test_tensor_files_that_are_none_are_refused(bundle: Callable[[str], Path], file: str, data: bytes) -> None:
    path = bundle("bow-mlp")
    (path / file).write_bytes(data)
    refusal(edited(path, lambda d: d["files"].update({file: sha256(path / file)})))


# -- sizes -------------------------------------------------------------------------------------

LIMITED = """
import resource, sys, textforge
pairs = [line.split("\t") for line in sys.stdin.read().splitlines()]
for kept, _ in pairs:
    textforge.load(kept)
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 300 * 2**20,) * 2)
for _, edited in pairs:
    try:
        textforge.load(edited)
        print("loaded", edited)
    except textforge.errors.BundleError as error:
        print(error)
"""
"""Loads edited bundles with 300 MiB of memory more than the bundles need as they were."""
TOO_LARGE: tuple[tuple[str, Callable[[dict[str, Any]], Any]], ...] = (
    ("bow-mlp-layer-norm", lambda d: d["model"]["options"].update(hidden=[30_000_000])),
    ("bow-mlp-layer-norm", lambda d: d["model"]["options"].update(hidden=[1_000_000, 1_000_000])),
    ("bow-mlp-layer-norm", lambda d: d["model"]["options"].update(hidden=[5000] * 60)),
    ("bow-mlp-layer-norm", lambda d: d["model"]["options"].update(hidden=[3] * 1_000_000)),
    ("bow-mlp-layer-norm", lambda d: d["facts"].update(n_features=40_000_000)),
    ("bow-mlp-layer-norm", lambda d: d["vectorizer"]["options"].update(ngrams=[1, 1_000_000_000])),
    ("hashing-linear-svc", lambda d: (d["facts"].update(n_features=2**30),
                                      d["vectorizer"]["options"].update(n_features=2**30))),
    ("hashing-linear-svc", lambda d: d["vectorizer"]["options"].update(n_features=2**30)),
    ("tokens-fasttext", lambda d: d["model"]["options"].update(buckets=2**30)),
    ("tokens-fasttext", lambda d: d["model"]["options"].update(ngrams=10**9)),
    ("tokens-fasttext", lambda d: d["facts"].update(vocab_size=2**40)),
    ("tokens-textcnn", lambda d: d["model"]["options"].update(widths=[10**9])),
    ("tokens-textcnn", lambda d: d["model"]["options"].update(widths=[1, 1000], channels=1_000_000)),
    ("tokens-rnn-lstm", lambda d: d["model"]["options"].update(hidden=1_000_000)),
    ("tokens-rnn-lstm", lambda d: d["model"]["options"].update(layers=10**9)),
    ("tokens-transformer", lambda d: d["model"]["options"].update(feedforward=1_000_000, dim=1_000_000)),
    ("tokens-transformer", lambda d: d["model"]["options"].update(dim=1_000_000, max_positions=1_000_000)),
    ("tokens-transformer", lambda d: d["model"]["options"].update(layers=1000)),
    ("tfidf-calibrated", lambda d: d["model"]["options"].update(cv=10**9)),
)  # fmt: skip


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="what a process has is read from /proc")
def test_sizes_that_the_weights_do_not_have_take_no_memory(tmp_path: Path) -> None:
    paths = []
    for number, (name, change) in enumerate(TOO_LARGE):
        paths.append((KEPT / name, edited(shutil.copytree(KEPT / name, tmp_path / f"{number}-{name}"), change)))
    told = "".join(f"{kept}\t{path}\n" for kept, path in paths)
    done = subprocess.run([sys.executable, "-c", LIMITED], input=told, capture_output=True, text=True, timeout=200)
    assert (done.returncode, done.stderr) == (0, "")
    for line, (_, path) in zip(done.stdout.splitlines(), paths, strict=True):
        assert line.startswith(f"{path}: ")


# -- commands that are offered -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("distribution", "version"),
    [
        ("x'; rm -rf ~ #", "1.0"),
        ("x", "1.0'; rm -rf ~ #"),
        ("x y", "1.0"),
        ("-r", "1.0"),
        ("x\n", "1.0"),
        ("x", "1.0\n"),
        ("x", " 1.0"),
        ("", "1.0"),
        ("ｘ", "1.0"),
        ("x", "１.0"),
        ("x" * 500, "1.0"),
        ("x'; rm -rf ~ #", ""),
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["model", "vectorizer"])
def test_names_that_no_distribution_has_are_refused(
    bundle: Callable[[str], Path], kind: str, distribution: str, version: str
) -> None:
    change = {"use": "absent", "distribution": distribution, "version": version}
    message = refusal(edited(bundle("bow-mlp"), lambda d: d[kind].update(change)))
    assert f"has an invalid section '{kind}'" in message
    assert "pip install" not in message


def test_what_is_to_be_installed_is_called_a_claim(bundle: Callable[[str], Path]) -> None:
    change = {"use": "absent", "distribution": "text-forge.x_1", "version": "1!2.0rc1+local.3"}
    message = refusal(edited(bundle("bow-mlp"), lambda d: d["model"].update(change)))
    assert message.endswith("Install it: pip install 'text-forge.x_1==1!2.0rc1+local.3'")
    assert "check the distribution and its publisher before you install it." in message


def test_the_schema_has_the_fields_of_a_decision() -> None:
    from textforge.classifiers.bundles.description import SavedDecision
    from textforge.classifiers.decision import Decision

    assert set(SavedDecision.model_fields) == set(Decision().as_json())


def test_a_description_keeps_all_that_was_saved() -> None:
    for folder in KEPT.iterdir():
        if (folder / "bundle.json").is_file():
            facts = json.loads((folder / "bundle.json").read_text(encoding="utf-8"))["facts"]
            from textforge.classifiers.bundles.description import read_description

            assert read_description(folder).facts.given() == facts


def test_the_page_on_bundles_lists_the_keys_of_the_schema() -> None:
    import re

    from textforge.classifiers.bundles.description import Description, SavedDecision, SavedFacts, SavedVectorizer

    page = (ROOT / "docs" / "bundles.md").read_text()
    table = page.partition("## The description")[2].partition("\n## ")[0]
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", table, re.MULTILINE))
    assert list(rows) == list(Description.model_fields)
    for key, schema in (("decision", SavedDecision), ("facts", SavedFacts), ("vectorizer", SavedVectorizer)):
        assert all(f"`{name}`" in rows[key] for name in schema.model_fields)
