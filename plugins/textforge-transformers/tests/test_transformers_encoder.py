"""Model `transformer-encoder`: it matches transformers' own, freezes layers, and needs no checkpoint once trained."""

import json
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import textforge
import torch
import transformers_tiny as tiny
from textforge import RecipeError

from textforge_transformers import encoders
from textforge_transformers.transformer_encoder import transformer_encoder
from textforge_transformers.transformer_tokens import TransformerTokens

TEXTS = [*tiny.make_texts(6)[0], "", "moon"]
EVERY = pytest.mark.parametrize("architecture", tiny.ARCHITECTURES)


@pytest.fixture(autouse=True)
def _one_thread():
    with tiny.one_thread():
        yield


def model(folder: Path, **options):
    """The vectorizer and the model of a checkpoint folder, in evaluation mode."""
    torch.manual_seed(3)
    vectorizer = TransformerTokens(folder=folder, max_length=20).fit(TEXTS)
    return vectorizer, transformer_encoder(3, vectorizer.encoder_config, vectorizer.encoder_weights, **options).eval()


def logits(vectorizer, module, texts) -> torch.Tensor:
    with torch.no_grad():
        return module(vectorizer.transform(texts).batch(0, len(texts)))


@EVERY
@pytest.mark.parametrize("pooling", ["cls", "mean"])
def test_outputs_are_those_of_the_plain_encoder_and_a_linear_layer(architecture, pooling):
    folder = tiny.checkpoint(architecture)
    vectorizer, module = model(folder, pooling=pooling)
    states = [tiny.plain_states(folder, text, 20) for text in TEXTS]
    vectors = torch.stack([one[0] if pooling == "cls" else one.mean(dim=0) for one in states])
    expected = vectors @ module.head.weight.T + module.head.bias
    torch.testing.assert_close(logits(vectorizer, module, TEXTS), expected, atol=1e-5, rtol=1e-5)


@EVERY
def test_a_batch_gives_what_each_text_gives_alone(architecture):
    vectorizer, module = model(tiny.checkpoint(architecture), pooling="mean")
    alone = torch.cat([logits(vectorizer, module, [text]) for text in TEXTS])
    torch.testing.assert_close(logits(vectorizer, module, TEXTS), alone, atol=1e-5, rtol=1e-5)


@EVERY
@pytest.mark.parametrize("freeze", [None, "embeddings", 1, "all"])
def test_gradients_reach_exactly_what_is_not_frozen(architecture, freeze):
    vectorizer, module = model(tiny.checkpoint(architecture), freeze=freeze, pooling="mean")
    frozen = {None: -1, "embeddings": 0, 1: 1, "all": 99}[freeze]
    kept = {id(p) for part in module.depths()[: frozen + 1] for p in part}
    batch = vectorizer.transform(TEXTS).batch(0, len(TEXTS))
    module.train()(batch).square().sum().backward()
    for name, parameter in module.named_parameters():
        assert parameter.requires_grad == (id(parameter) not in kept), name
        # the bias of keys shifts all scores of a query equally, so its gradient is zero except for rounding
        assert (parameter.grad is None) == (id(parameter) in kept), name
    assert module.head.weight.grad.abs().sum() > 0


@EVERY
def test_depths_hold_every_parameter_of_the_encoder_once_and_layers_in_order(architecture):
    _, module = model(tiny.checkpoint(architecture))
    depths = module.depths()
    told = [id(p) for part in depths for p in part]
    assert sorted(told) == sorted(id(p) for p in module.encoder.parameters())
    assert len(depths) == 1 + (1 if architecture == "albert" else tiny.LAYERS)  # ALBERT's layers share their weights
    names = {id(p): name for name, p in module.encoder.named_parameters()}
    assert all("embed" in names[id(p)] or "rel" in names[id(p)] for p in depths[0])
    for number, part in enumerate(depths[1:]):
        assert sum(f".{number}." in f".{names[id(p)]}" for p in part) >= len(part) - 2


@pytest.mark.parametrize("at_once", [1, 40, 10_000])
def test_predictions_are_computed_a_few_texts_at_a_time_and_stay_in_order(at_once, monkeypatch):
    vectorizer, module = model(tiny.checkpoint("roberta"))
    expected = logits(vectorizer, module, TEXTS)
    sizes = []
    module.encoder.register_forward_pre_hook(
        lambda _, __, given: sizes.append(given["input_ids"].shape), with_kwargs=True
    )
    monkeypatch.setattr(encoders, "TOKENS_AT_ONCE", at_once)
    torch.testing.assert_close(logits(vectorizer, module, TEXTS), expected, atol=1e-6, rtol=1e-5)
    assert all(rows == 1 or rows * longest <= at_once for rows, longest in sizes)
    assert sum(rows for rows, _ in sizes) == len(TEXTS)


def test_no_parameter_goes_without_use():
    _, module = model(tiny.checkpoint())
    assert not [name for name, _ in module.named_parameters() if "pooler" in name]


def test_more_frozen_layers_than_there_are_is_refused():
    with pytest.raises(
        RecipeError, match=r"freeze is 4, but the encoder has 3 layers\. To freeze all layers, set freeze: all"
    ):
        model(tiny.checkpoint(), freeze=4)


def test_gradient_checkpointing_changes_no_gradient():
    found = []
    for checkpointing in (False, True):
        vectorizer, module = model(tiny.checkpoint(), gradient_checkpointing=checkpointing, freeze=1)
        torch.manual_seed(0)
        module.train()(vectorizer.transform(TEXTS).batch(0, len(TEXTS))).square().sum().backward()
        found.append([p.grad for p in module.parameters() if p.grad is not None])
    assert len(found[0]) == len(found[1])
    for plain, again in zip(*found, strict=True):
        torch.testing.assert_close(plain, again)


def test_a_row_without_tokens_is_read_as_one_of_padding():
    from textforge import Ragged

    vectorizer, module = model(tiny.checkpoint("roberta"), pooling="mean")
    empty = Ragged(np.zeros(0, dtype=np.int32), np.zeros(3, dtype=np.int64), vectorizer.vocab_size)
    with torch.no_grad():
        assert torch.isfinite(module(empty.batch(0, 2))).all()


# -- trained --------------------------------------------------------------------------------------


def trainer(folder: Path, *, seed: int = 0, epochs: int = 4, options: dict | None = None, **settings):
    found = tiny.parts()
    texts, labels = tiny.make_texts(64)
    return textforge.Trainer(
        textforge.Dataset(train=(texts, labels)),
        found.part("vectorizer", "transformer-tokens", folder=str(folder), max_length=20),
        found.part("model", "transformer-encoder", **{"pooling": "mean", **(options or {})}),
        found.part("optimizer", "layerwise-adamw", lr=0.005, head_lr=0.02),
        epochs=epochs,
        batch_size=8,
        seed=seed,
        **settings,
    )


def weights(classifier) -> dict[str, torch.Tensor]:
    return classifier.module.state_dict()


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_it_learns(precision):
    texts, labels = tiny.make_texts(60, seed=9)
    classifier = trainer(tiny.checkpoint(), epochs=8, precision=precision).fit()
    assert classifier.evaluate(texts, labels)["accuracy"] > 0.8
    assert {value.dtype for value in weights(classifier).values() if value.is_floating_point()} == {torch.float32}


@pytest.mark.parametrize("architecture", ["roberta", "deberta-v2", "modernbert"])
def test_bfloat16_trains_other_architectures_too(architecture):
    told = list(trainer(tiny.checkpoint(architecture), precision="bfloat16", bucket_by_length=True))
    assert told[-1].train_loss < told[0].train_loss


def test_the_same_seed_gives_the_same_bits_and_leaves_the_callers_random_states():
    before = torch.get_rng_state(), np.random.get_state()[1].copy()
    runs = [weights(trainer(tiny.checkpoint(), seed=seed, epochs=1).fit()) for seed in (5, 5, 6)]
    assert torch.equal(before[0], torch.get_rng_state())
    assert (before[1] == np.random.get_state()[1]).all()
    assert all(torch.equal(value, runs[1][name]) for name, value in runs[0].items())
    assert not torch.equal(runs[0]["head.weight"], runs[2]["head.weight"])


def test_frozen_weights_stay_the_checkpoints():
    from safetensors.torch import load_file

    trained = weights(trainer(tiny.checkpoint(), epochs=1, options={"freeze": 2}).fit())
    pretrained = load_file(tiny.checkpoint() / "model.safetensors")
    for name, value in pretrained.items():
        if name.startswith("pooler."):
            continue
        moved = not torch.equal(trained[f"encoder.{name}"], value)
        assert moved == name.startswith("encoder.layer.2."), name


LOAD = """
import json, sys, textforge
found = textforge.PluginManager()
if "transformer-encoder" not in found.names("model"):
    import textforge_transformers
    found.register(textforge_transformers)
classifier = textforge.load(sys.argv[1], plugins=found)
print(json.dumps(classifier.predict_proba(json.loads(sys.argv[2])).tolist()))
"""


def loaded_elsewhere(bundle: Path, texts: list[str]) -> np.ndarray:
    """Probabilities from a fresh process without network, which must print nothing else."""
    command = [sys.executable, "-c", LOAD, str(bundle), json.dumps(texts)]
    done = subprocess.run(command, env=tiny.environment(), capture_output=True, text=True)
    assert done.stderr == ""
    return np.array(json.loads(done.stdout))


def test_a_bundle_needs_no_checkpoint_and_no_hub(tmp_path):
    folder = Path(shutil.copytree(tiny.checkpoint("roberta"), tmp_path / "checkpoint"))
    classifier = trainer(folder, epochs=1).fit()
    textforge.save(classifier, tmp_path / "bundle")
    shutil.rmtree(folder)
    expected = classifier.predict_proba(TEXTS)
    np.testing.assert_allclose(loaded_elsewhere(tmp_path / "bundle", TEXTS), expected, atol=1e-6)
    described = json.loads((tmp_path / "bundle" / "bundle.json").read_text())
    assert described["facts"]["encoder_config"] == tiny.config_of(tiny.checkpoint("roberta"))
    assert "encoder_weights" not in described["facts"]
    again = textforge.load(tmp_path / "bundle", plugins=tiny.parts())
    textforge.save(again, tmp_path / "second")  # what was loaded can be saved
    assert textforge.load(tmp_path / "second", plugins=tiny.parts()).predict(TEXTS) == classifier.predict(TEXTS)


def test_a_pickled_classifier_needs_no_checkpoint(tmp_path):
    folder = Path(shutil.copytree(tiny.checkpoint(), tmp_path / "checkpoint"))
    classifier = trainer(folder, epochs=1).fit()
    data = pickle.dumps(classifier)
    shutil.rmtree(folder)
    np.testing.assert_allclose(pickle.loads(data).predict_proba(TEXTS), classifier.predict_proba(TEXTS), atol=1e-6)
