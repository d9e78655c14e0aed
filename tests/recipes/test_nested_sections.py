"""Parts within parts in recipes: places of mistakes, overrides, extends, what goes together, what a run leaves."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from conftest import small_recipe

import textforge
from textforge import PluginManager, RecipeError, load_recipe
from textforge.recipes.schema import recipe_schema

UNION = """\
dataset: {use: csv, train: data.csv}
vectorizer:
  use: union
  of:
    - {use: tfidf, ngrams: [1, 2]}
    - use: preprocess
      steps: [lowercase, {use: unicode, form: NFKC}]
      vectorizer: {use: tfidf, unit: characters_in_words, ngrams: [2, 4]}
model: {use: ensemble, of: [linear, {use: mlp, hidden: [4]}]}
optimizer: {use: lookahead, of: {use: adam, lr: 0.01}}
trainer: {epochs: 2}
"""


@pytest.fixture
def recipe(tmp_path: Path, small_csv: Path) -> Path:
    shutil.copy(small_csv, tmp_path / "data.csv")
    path = tmp_path / "union.yaml"
    path.write_text(UNION)
    return path


def mistakes(path: Path, text: str, **options: Any) -> list[str]:
    path.write_text(text)
    with pytest.raises(RecipeError) as error:
        load_recipe(path, **options)
    return [str(mistake).removeprefix(f"{path}:").splitlines()[0] for mistake in error.value.mistakes]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("ngrams: [1, 2]", "ngrms: [1, 2]", "5:20: vectorizer 'tfidf': unknown option 'ngrms'."),
        ("ngrams: [2, 4]", "ngrams: [0, 4]", "8:69: vectorizer 'tfidf': ngrams[0] must be a number of at least 1"),
        ("[lowercase,", "[lowercas,", "7:15: no preprocessor named 'lowercas'. Did you mean 'lowercase'?"),
        ("[lowercase,", "[7,", "7:15: 'preprocessor' must be a name or a mapping"),
        ("form: NFKC", "form: NKFC", "7:46: preprocessor 'unicode': form must be 'NFC', 'NFD', 'NFKC' or 'NFKD'"),
        ("{use: mlp, hidden: [4]}", "{hidden: [4]}", "9:37: 'model' does not say what to use."),
        ("of: {use: adam, lr: 0.01}", "of: adm", "10:33: no optimizer named 'adm'. Did you mean 'adam'?"),
        ("{use: mlp, hidden: [4]}", "nbsvm", "9:9: model 'ensemble': model 'nbsvm' fits itself and model 'linear'"),
        (
            "{use: mlp, hidden: [4]}",
            "{use: textcnn}",
            "9:14: model 'ensemble' holds 'textcnn', which needs token sequences (vocab_size); vectorizer",
        ),
        ("{use: tfidf, ngrams: [1, 2]}", "tokens", "5:5: vectorizer 'union': vectorizer 'tokens' gives word sequences"),
    ],
)
def test_a_mistake_within_is_shown_where_it_stands(recipe: Path, old: str, new: str, expected: str) -> None:
    assert old in UNION
    (found,) = mistakes(recipe, UNION.replace(old, new, 1))
    line, _, rest = expected.partition(":")
    assert found.split(":")[0] == line, found
    assert rest.partition(" ")[2] in found


def test_overrides_reach_into_lists_of_parts(recipe: Path) -> None:
    checked = load_recipe(recipe, overrides=["vectorizer.of.0.ngrams=[1,3]", "optimizer.of.lr=0.5", "model.of.0=mlp"])
    assert checked.vectorizer.options["of"][0].options["ngrams"] == (1, 3)
    assert checked.optimizer is not None
    assert checked.optimizer.options["of"].options["lr"] == 0.5
    assert checked.model.options["of"][0].component.name == "mlp"


def test_an_override_of_an_item_that_is_missing_says_how_many_there_are(recipe: Path) -> None:
    with pytest.raises(RecipeError, match="has no item 2; the last is 1"):
        load_recipe(recipe, overrides=["vectorizer.of.2.ngrams=[1,3]"])


def test_a_nested_section_is_extended_as_a_top_one(recipe: Path) -> None:
    over = recipe.with_name("over.yaml")
    over.write_text("extends: union.yaml\noptimizer: {use: lookahead, of: {lr: 0.5}}\n")
    same = load_recipe(over).optimizer
    over.write_text("extends: union.yaml\noptimizer: {use: lookahead, of: {use: sgd}}\n")
    other = load_recipe(over).optimizer
    assert same is not None
    assert other is not None
    assert (same.options["of"].component.name, same.options["of"].options["lr"]) == ("adam", 0.5)
    assert other.options["of"].component.name == "sgd"  # and has none of adam's options
    assert other.options["steps"] == 5


def test_a_run_with_parts_within_parts_can_be_repeated_saved_and_loaded(recipe: Path) -> None:
    run = textforge.run(recipe, out=recipe.parent / "run")
    again = textforge.run(run.path / "resolved.yaml", out=recipe.parent / "again")
    assert (run.path / "model/model.safetensors").read_bytes() == (again.path / "model/model.safetensors").read_bytes()
    texts = ["the moon rocket", "PITCHER ﬁrst"]
    loaded = textforge.load(run.path, engine="torch")
    assert (loaded.predict_proba(texts) == run.classifier.predict_proba(texts)).all()
    plugins = json.loads((run.path / "environment.json").read_text())["plugins"]
    assert [part["use"] for part in plugins["vectorizer"]["parts"]] == ["tfidf", "preprocess"]
    bundle = json.loads((run.path / "model/bundle.json").read_text())
    assert bundle["vectorizer"]["options"]["of"][1]["options"]["steps"][1]["use"] == "unicode"
    assert bundle["vectorizer"]["options"]["of"][1]["distribution"] == "textforge"


def test_the_schema_takes_what_runs_and_marks_what_does_not(recipe: Path) -> None:
    validator = jsonschema.Draft202012Validator(recipe_schema(PluginManager()))
    whole = yaml.safe_load(UNION)
    validator.validate(whole)
    whole["vectorizer"]["of"][1]["steps"][0] = "lowercas"
    assert not validator.is_valid(whole)


def test_a_stream_needs_inner_vectorizers_that_learn_from_chunks(recipe: Path) -> None:
    text = UNION.replace("train: data.csv", "train: data.csv, stream: true")
    recipe.write_text(text)
    load_recipe(recipe)
    (found,) = mistakes(recipe, text.replace("{use: tfidf, ngrams: [1, 2]}", "{use: subword}"))
    assert "stream" in found or "sequences" in found


def test_a_dict_recipe_may_hold_parts_within_parts(small_csv: Path) -> None:
    recipe = small_recipe(small_csv, vectorizer={"use": "union", "of": ["bow", {"use": "tfidf"}], "weights": [1, 0.5]})
    assert [part.component.name for _, part in load_recipe(recipe).vectorizer.parts] == ["bow", "tfidf"]
