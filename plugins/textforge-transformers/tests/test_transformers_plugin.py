"""The plugin as a whole: quick to list, documented, and used from the command line."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import textforge
import transformers_tiny as tiny

import textforge_transformers

RECIPES = Path(__file__).resolve().parent.parent / "recipes"
FROZEN = RECIPES / "strong-frozen.yaml"
MEASURE = """
import sys, time
import textforge.components.hookspecs
began = time.process_time()
import textforge_transformers
textforge_transformers.textforge_models(), textforge_transformers.textforge_vectorizers()
took = time.process_time() - began
import textforge_transformers.sentence_embeddings, textforge_transformers.transformer_tokens
import textforge_transformers.transformer_encoder, textforge_transformers.layerwise_adamw
heavy = {"torch", "numpy", "transformers", "tokenizers", "huggingface_hub", "safetensors"} & set(sys.modules)
print(took, sorted(heavy))
"""
INSTALLED = "transformer-encoder" in textforge.PluginManager().names("model")


def test_looking_at_the_plugin_is_quick_and_loads_nothing_heavy():
    done = subprocess.run([sys.executable, "-c", MEASURE], capture_output=True, text=True, check=True)
    took, heavy = done.stdout.split(" ", 1)
    assert float(took) < 0.1
    assert heavy.strip() == "[]"


def test_every_part_and_every_option_is_documented():
    mine = {
        "vectorizer": textforge_transformers.textforge_vectorizers(),
        "model": textforge_transformers.textforge_models(),
        "optimizer": textforge_transformers.textforge_optimizers(),
    }
    for kind, names in mine.items():
        for name in names:
            component = tiny.parts().component(kind, name)
            assert component.doc
            assert not [option for option in component.options.fields.values() if not option.doc]


@pytest.mark.parametrize("recipe", sorted(RECIPES.glob("*.yaml")), ids=lambda path: path.stem)
def test_recipes_are_right(recipe):
    assert textforge.load_recipe(recipe, plugins=tiny.parts()).warnings == ()


def test_a_recipe_without_a_checkpoint_says_what_to_give():
    recipe = {"dataset": "docstrings", "vectorizer": "transformer-tokens", "model": "transformer-encoder",
              "optimizer": "layerwise-adamw"}  # fmt: skip
    with pytest.raises(textforge.RecipeError, match=r"give either name \(a checkpoint on the hub\) or folder"):
        textforge.load_recipe(recipe, plugins=tiny.parts())


def test_the_encoder_names_its_vectorizer_where_it_has_another():
    recipe = {"dataset": "docstrings", "vectorizer": "bow", "model": "transformer-encoder",
              "optimizer": "layerwise-adamw"}  # fmt: skip
    with pytest.raises(textforge.RecipeError, match="Use the vectorizer 'transformer-tokens'"):
        textforge.load_recipe(recipe, plugins=tiny.parts())


STRONG = RECIPES.parents[2] / "recipes" / "strong.yaml"


@pytest.mark.skipif(not STRONG.exists(), reason="textforge's recipes are only in its repository")
def test_words_characters_and_model_are_those_of_the_strong_recipe():
    strong, frozen = (textforge.load_recipe(recipe, plugins=tiny.parts()).resolved() for recipe in (STRONG, FROZEN))
    assert frozen["vectorizer"]["of"][:-1] == strong["vectorizer"]["of"]
    assert frozen["model"] == strong["model"]


def test_words_characters_and_embeddings_are_trained_together(tmp_path):
    texts, labels = tiny.make_texts(120)
    rows = [json.dumps({"text": text, "label": label}) for text, label in zip(texts, labels, strict=True)]
    (tmp_path / "data.jsonl").write_text("\n".join(rows))
    checkpoint = shutil.copytree(tiny.checkpoint(), tmp_path / "checkpoint")
    overrides = {
        "dataset": {"use": "jsonl", "train": str(tmp_path / "data.jsonl")},
        "vectorizer.of.2.name": None,
        "vectorizer.of.2.folder": str(checkpoint),
    }
    done = textforge.run(FROZEN, overrides=overrides, out=tmp_path / "run", plugins=tiny.parts())
    assert done.test["accuracy"] > 0.85
    shutil.rmtree(checkpoint)
    found = textforge.load(done.path, plugins=tiny.parts())
    assert found.predict(["the moon and a rocket in orbit", "a bat for the pitcher"]) == ["space", "ball"]
    features = found.vectorizer.transform(["zzz"])  # no word or character was seen: embeddings alone, of length 1
    assert len(features.indices) == tiny.WIDTH
    assert (features.weights**2).sum() == pytest.approx(1)


def command(*arguments: object, **environment: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "textforge", *map(str, arguments)]
    return subprocess.run(command, env=tiny.environment(**environment), capture_output=True, text=True)


@pytest.fixture
def recipe(tmp_path) -> Path:
    """A recipe that fine-tunes a tiny encoder in a folder beside it."""
    shutil.copytree(tiny.checkpoint(), tmp_path / "checkpoint")
    texts, labels = tiny.make_texts(90)
    rows = "".join(f"{label},{text}\n" for text, label in zip(texts, labels, strict=True))
    (tmp_path / "data.csv").write_text(f"label,text\n{rows}")
    file = tmp_path / "tune.yaml"
    file.write_text(
        """
dataset: {use: csv, train: data.csv, test: data.csv}
vectorizer: {use: transformer-tokens, folder: checkpoint, max_length: 16}
model: {use: transformer-encoder, pooling: mean}
optimizer: {use: layerwise-adamw, lr: 0.01, head_lr: 0.02}
scheduler: {use: linear, warmup: 0.1, floor: 0.5}
trainer: {epochs: 15, batch_size: 8, precision: bfloat16, bucket_by_length: true}
"""
    )
    return file


@pytest.mark.skipif(not INSTALLED, reason="the command line finds installed plugins only: pip install -e .")
def test_a_recipe_is_trained_and_used_from_the_command_line(recipe, tmp_path):
    done = command("run", recipe, "--out", tmp_path / "run", "--json", "--quiet")
    assert done.returncode == 0, done.stderr
    [result] = [json.loads(line) for line in done.stdout.splitlines()]
    assert result["test"]["accuracy"] > 0.85
    assert "Loading" not in done.stderr
    assert "%|" not in done.stderr  # no progress bar of another library
    shutil.rmtree(tmp_path / "checkpoint")
    done = command("predict", tmp_path / "run", "the moon and a rocket in orbit")
    assert (done.returncode, done.stdout.split()[0]) == (0, "space")


@pytest.mark.skipif(not INSTALLED, reason="the command line finds installed plugins only: pip install -e .")
def test_a_hub_that_cannot_be_reached_is_reported_in_a_sentence_with_exit_code_3(recipe, tmp_path):
    sets = ["--set", "vectorizer.folder=null", "--set", "vectorizer.name=org/none"]
    done = command("run", recipe, *sets, HF_HOME=str(tmp_path / "empty"))
    assert done.returncode == 3
    assert "'org/none': the Hugging Face hub cannot be reached" in done.stderr
    assert "Traceback" not in done.stderr
