"""A recipe checked whole: every mistake at once, each with its place; facts; what it resolves to."""

import os
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import pytest
import yaml
from conftest import ROOT, installed, shipped, small_recipe
from hypothesis import HealthCheck, given, settings, strategies as st
from pydantic import BaseModel

from textforge import PluginManager, hookimpl, load_recipe
from textforge.errors import RecipeError
from textforge.recipes.recipe import MAX_SEED


@pytest.fixture
def refused(tmp_path, small_csv, monkeypatch):
    """What is wrong with a recipe's text, read from `r.yaml` beside small.csv."""

    def refused(text, **options):
        monkeypatch.chdir(tmp_path)
        Path("r.yaml").write_text(text)
        with pytest.raises(RecipeError) as error:
            load_recipe("r.yaml", **options)
        return str(error.value)

    return refused


def with_section(kind, written):
    """A fine recipe but for one section, which begins in line 1."""
    sections = {
        "dataset": "{use: csv, train: small.csv}",
        "vectorizer": "bow",
        "model": "mlp",
        "optimizer": "adam",
        "trainer": "{}",
        "seed": "0",
    }
    rest = "".join(f"\n{name}: {text}" for name, text in sections.items() if name != kind)
    return f"{kind}: {written}{rest}\n"


# -- all mistakes at once --------------------------------------------------------------------------


def test_every_mistake_is_reported_in_reading_order_with_its_place_and_carets(refused):
    text = """\
sed: 1
seed: -1
dataset: {use: csv, train: small.csv, spearator: ";"}
vectorizer:
  use: bow
  min_df: 0
model: {use: mpl, hidden: [100]}
trainer:
  epochs: ten
  batch: 3
optimizer:
  use: adam
  learning_rate: 0.1
  betas: [0.9, 1]
"""
    assert refused(text).split("\n") == [
        "r.yaml:1:1: unknown key 'sed'. A recipe has: extends, seed, dataset, vectorizer, model, optimizer, scheduler, "
        "loss, trainer, metrics, callbacks, decision, init_from, tune. Did you mean 'seed'?",
        "    sed: 1",
        "    ^^^",
        "r.yaml:2:7: seed must be a whole number from 0 to 9223372036854775807, not -1.",
        "    seed: -1",
        "          ^^",
        "r.yaml:3:39: dataset 'csv': unknown option 'spearator'. Its options: train, valid, test, test_fraction, "
        "valid_fraction, text, join, label, label_separator, group, weight, columns, missing, similar_labels, stream, "
        "separator, quotes, names, encoding, malformed. Did you mean 'separator'?",
        '    dataset: {use: csv, train: small.csv, spearator: ";"}',
        "                                          ^^^^^^^^^",
        "r.yaml:6:11: vectorizer 'bow': min_df must be a number of at least 1 or a number greater than 0, not 0.",
        "      min_df: 0",
        "              ^",
        f"r.yaml:7:14: no model named 'mpl'. Did you mean 'mlp'? Installed: {installed('model')}.",
        "    model: {use: mpl, hidden: [100]}",
        "                 ^^^",
        "r.yaml:9:11: trainer: epochs must be a whole number, not the text 'ten'.",
        "      epochs: ten",
        "              ^^^",
        "r.yaml:10:3: trainer: unknown option 'batch'. Its options: epochs, batch_size, accumulate, shuffle, "
        "bucket_by_length, drop_last, validation, unknown_labels, monitor, patience, restore_best, clip_norm, ema, "
        "precision, compile, device, checkpoint. "
        "Did you mean 'batch_size'?",
        "      batch: 3",
        "      ^^^^^",
        "r.yaml:13:3: optimizer 'adam': unknown option 'learning_rate'. Its options: lr, betas, eps, weight_decay, "
        "amsgrad. "
        "Did you mean 'lr'?",
        "      learning_rate: 0.1",
        "      ^^^^^^^^^^^^^",
        "r.yaml:14:16: optimizer 'adam': betas[1] must be a number less than 1, not 1.",
        "      betas: [0.9, 1]",
        "                   ^",
    ]


def test_every_missing_section_is_named_with_what_could_stand_there(refused):
    told = refused("seed: 1\n").split("\n")
    assert told == [
        f"r.yaml: the section '{kind}' is missing. Add '{kind}: {{use: NAME}}'; NAME is one of: {installed(kind)}."
        for kind in ("dataset", "vectorizer", "model", "optimizer")
    ]


@pytest.mark.parametrize(
    ("kind", "written", "says"),
    [
        ("model", "", "r.yaml:1:7: 'model' must be a name or a mapping, as in 'model: {use: NAME}'."),
        ("model", "[mlp]", "r.yaml:1:8: 'model' must be a name or a mapping, as in 'model: {use: NAME}'."),
        ("model", "7", "r.yaml:1:8: 'model' must be a name or a mapping, as in 'model: {use: NAME}'."),
        ("model", "{}", "r.yaml:1:1: 'model' does not say what to use. Add 'use: NAME'; NAME is one of: calibrated"),
        ("model", "{hidden: [1]}", "r.yaml:1:1: 'model' does not say what to use."),
        ("model", "{use: 5}", "r.yaml:1:9: 'model' does not say what to use."),
        ("model", "{use: }", "r.yaml:1:9: 'model' does not say what to use."),
        ("model", "''", "r.yaml:1:8: no model named ''. Installed: calibrated"),
        ("model", "LINEAR", "r.yaml:1:8: no model named 'LINEAR'. Did you mean 'linear'?"),
        ("model", "os:system", "r.yaml:1:8: no model named 'os:system'."),
        ("model", "{use: mlp, hidden: [1, 2.5]}", "r.yaml:1:31: model 'mlp': hidden[1] must be a whole number, "
         "not 2.5."),
        ("model", "{use: mlp, hidden: {a: 1}}", "r.yaml:1:27: model 'mlp': hidden must be a list, not a mapping."),
        ("model", "{use: mlp, activation: rleu}", "r.yaml:1:31: model 'mlp': activation must be 'relu', "
         "'leaky_relu', 'elu', 'silu', 'gelu', 'tanh' or 'sigmoid', not the text 'rleu'. Did you mean 'relu'?"),
        ("dataset", "csv", "r.yaml:1:1: dataset 'csv': the option 'train' is missing; it has no default."),
        ("dataset", "{use: csv, train: no.csv}", "r.yaml:1:28: dataset 'csv': train: no file or folder "),
        ("dataset", "{use: csv, train: ~nobody-here/x}", "r.yaml:1:28: dataset 'csv': train: no file or "),
        ("trainer", "5", "r.yaml:1:10: 'trainer' must be a mapping, as in 'trainer: {epochs: 10}'."),
        ("trainer", "{use: x}", "r.yaml:1:11: trainer: unknown option 'use'."),
        ("loss", "{use: cross-entropy, class_weights: {a: -1}}", "r.yaml:1:47: loss 'cross-entropy': class_weights.a "
         "must be a number greater than 0, not -1."),
        ("metrics", "mcc", "r.yaml:1:10: 'metrics' must be a list, as in 'metrics: [NAME]'"),
        ("metrics", "[mcd]", "r.yaml:1:11: no metric named 'mcd'. Did you mean 'mcc'?"),
        ("metrics", "[null]", "r.yaml:1:11: 'metric' must be a name or a mapping"),
        ("metrics", "[mcc, mcc]", "r.yaml:1:16: metric 'mcc' is listed twice. Remove it."),
        ("trainer", "{monitor: f1}", "r.yaml:1:20: trainer: monitor: 'f1' is not measured. Known: loss, accuracy, "),
        ("decision", "{abstain: 2}", "r.yaml:1:21: decision: abstain must be a number less than 1, not 2."),
        ("scheduler", "onecycle", "r.yaml:1:12: no scheduler named 'onecycle'. Did you mean 'one-cycle'?"),
        ("seed", "-1", "r.yaml:1:7: seed must be a whole number from 0 to 9223372036854775807, not -1."),
        ("seed", "9223372036854775808", "r.yaml:1:7: seed must be a whole number"),
        ("seed", "1.0", "r.yaml:1:7: seed must be a whole number"),
        ("seed", "true", "r.yaml:1:7: seed must be a whole number"),
        ("seed", "'1'", "r.yaml:1:7: seed must be a whole number"),
        ("seed", "", "r.yaml:1:6: seed must be a whole number"),
    ],
)  # fmt: skip
def test_a_wrong_section_is_reported_at_its_place(refused, kind, written, says):
    told = refused(with_section(kind, written))
    assert told.startswith(says)
    assert told.count("r.yaml:") == 1, "and nothing else is complained about"


@pytest.mark.parametrize("text", ["[a]", "just text", "5"])
def test_what_is_no_mapping_is_no_recipe(refused, text):
    assert refused(text).startswith("r.yaml:1:1: a recipe is a mapping with the keys extends, seed, dataset")


def test_a_recipe_without_the_optional_keys_takes_their_defaults(tmp_path, small_csv):
    for trainer in ("", "trainer:\n"):
        file = tmp_path / "r.yaml"
        file.write_text(
            f"dataset: {{use: csv, train: small.csv}}\nvectorizer: bow\nmodel: mlp\noptimizer: adam\n{trainer}"
        )
        recipe = load_recipe(file)
        assert (recipe.seed, recipe.trainer.epochs, recipe.name) == (0, 10, "r")
        assert recipe.text == file.read_text()


@pytest.mark.parametrize(
    "written", [{}, {"dataset": {"use": "csv", "train": "nowhere.csv"}}, {"dataset": {"use": "?"}}]
)
def test_a_dataset_that_is_given_stands_in_for_the_section_whatever_that_says(small_csv, written):
    own = PluginManager().part("dataset", "csv", train=small_csv)
    sections = {name: value for name, value in small_recipe(small_csv).items() if name != "dataset"}
    recipe = load_recipe({**sections, **written}, overrides={"dataset.seperator": ";"}, dataset=own)
    assert recipe.dataset is own
    assert recipe.resolved() == {**load_recipe(small_recipe(small_csv)).resolved(), "dataset": own.as_recipe()}


def test_mistakes_beside_a_dataset_that_is_given_are_reported(small_csv):
    own = PluginManager().part("dataset", "csv", train=small_csv)
    with pytest.raises(RecipeError) as error:
        load_recipe({"vectorizer": "bow", "model": "mlp"}, dataset=own)
    assert str(error.value).startswith("recipe: the section 'optimizer' is missing.")
    assert "dataset" not in str(error.value)


def test_the_largest_seed_is_fine(small_csv):
    assert load_recipe(small_recipe(small_csv, seed=MAX_SEED)).seed == MAX_SEED


def test_in_code_mistakes_are_placed_by_their_key(small_csv):
    with pytest.raises(RecipeError) as error:
        load_recipe(small_recipe(small_csv, model={"use": "mlp", "hidden": [0]}))
    assert str(error.value) == "recipe.model.hidden[0]: model 'mlp': hidden[0] must be a number of at least 1, not 0."


# -- paths -----------------------------------------------------------------------------------------


def paths(*, one: Path = Path("r.yaml"), some: list[Path] = [], named: dict[str, Path] = {}): ...  # noqa: B006


def test_paths_in_lists_and_mappings_are_absolute_and_must_exist_too(refused, tmp_path):
    plugins = PluginManager()
    plugins.register(SimpleNamespace(textforge_datasets=hookimpl(lambda: {"paths": paths})), "paths")
    fine = with_section("dataset", "{use: paths, some: [small.csv], named: {a: small.csv}, one: '*.csv'}")
    (tmp_path / "fine.yaml").write_text(fine)
    found = load_recipe(tmp_path / "fine.yaml", plugins=plugins).dataset.options
    assert found["some"] == [tmp_path / "small.csv"]
    assert found["named"] == {"a": tmp_path / "small.csv"}
    assert found["one"] == tmp_path / "*.csv", "patterns are the dataset's to read"
    wrong = with_section("dataset", "{use: paths, some: [x.csv], named: {a: y.csv}}")
    told = refused(wrong, plugins=plugins)
    assert f"r.yaml:1:30: dataset 'paths': some: no file or folder {tmp_path}/x.csv." in told
    assert f"r.yaml:1:49: dataset 'paths': named: no file or folder {tmp_path}/y.csv." in told


# -- facts -----------------------------------------------------------------------------------------


class Words:
    """Token sequences."""

    gives = ("vocab_size",)

    def __init__(self, *, size: int = 10): ...


def sequence_model(vocab_size, n_classes, /, *, dim: int = 4): ...
def spaced_model(space_size, /): ...
def easy_model(vocab_size=7, /): ...


@pytest.fixture
def plugins():
    plugins = shipped()
    models = {"sequence": sequence_model, "spaced": spaced_model, "easy": easy_model}
    plugins.register(
        SimpleNamespace(
            textforge_vectorizers=hookimpl(lambda: {"words": Words}), textforge_models=hookimpl(lambda: models)
        ),
        "sequences",
    )
    return plugins


def test_a_fact_that_the_vectorizer_does_not_give_is_reported_with_the_one_that_does(refused, plugins):
    assert refused(with_section("model", "{use: sequence, dim: 2}"), plugins=plugins).split("\n")[0] == (
        "r.yaml:1:14: model 'sequence' needs token sequences (vocab_size); vectorizer 'bow' gives a bag of words or "
        "one vector per text (n_features). Use the vectorizer 'bytes' or 'subword' or 'tokens' or 'words'."
    )


def test_the_other_way_round_every_vectorizer_that_would_do_is_named(refused, plugins):
    told = refused(with_section("vectorizer", "words"), plugins=plugins)
    assert (
        "vectorizer 'words' gives token sequences (vocab_size). "
        "Use the vectorizer 'bow' or 'hashing' or 'tfidf' or 'union'." in told
    )


def test_a_fact_that_nobody_gives_suggests_the_nearest(refused, plugins):
    text = with_section("model", "spaced").replace("vectorizer: bow", "vectorizer: words")
    assert "needs the fact 'space_size'" in refused(text, plugins=plugins)
    assert "No installed vectorizer provides it." in refused(text, plugins=plugins)


def test_facts_that_are_given_or_have_a_default_are_no_mistake(small_csv, plugins):
    for model, vectorizer in (("sequence", "words"), ("easy", "bow"), ("mlp", "tfidf")):
        recipe = load_recipe(small_recipe(small_csv, model=model, vectorizer=vectorizer), plugins=plugins)
        assert recipe.model.component.name == model


# -- resolved --------------------------------------------------------------------------------------


def test_resolved_writes_out_every_default(small_csv):
    found = load_recipe(small_recipe(small_csv)).resolved()
    assert list(found) == ["seed", "dataset", "vectorizer", "model", "optimizer", "trainer", "decision"]
    assert found["optimizer"] == {"use": "adam", "lr": 0.01, "betas": [0.9, 0.999], "eps": 1e-8, "weight_decay": 0.0,
                                  "amsgrad": False}  # fmt: skip
    assert found["model"] == {"use": "mlp", "hidden": [8], "activation": "relu", "norm": None, "dropout": 0.0,
                              "input_dropout": 0.0}  # fmt: skip


@pytest.mark.parametrize("file", sorted((ROOT / "recipes").glob("*.yaml")), ids=lambda p: p.name)
def test_a_resolved_recipe_reads_back_to_itself(file, tmp_path):
    recipe = load_recipe(file)
    (tmp_path / "resolved.yaml").write_text(recipe.resolved_yaml(), encoding="utf-8")
    again = load_recipe(tmp_path / "resolved.yaml")
    assert again.resolved() == recipe.resolved()
    assert again.resolved_yaml() == recipe.resolved_yaml()


ENCODABLE = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
FINITE = st.floats(min_value=0, exclude_min=True, allow_infinity=False)


@pytest.mark.slow
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(text=ENCODABLE, lr=FINITE, weights=st.dictionaries(ENCODABLE, FINITE), seed=st.integers(0, MAX_SEED))
def test_any_text_and_number_survives_resolved_yaml(tmp_path_factory, text, lr, weights, seed):
    folder = tmp_path_factory.getbasetemp()
    (folder / "any.csv").touch()
    sections = {
        "optimizer": {"use": "adam", "lr": lr},
        "loss": {"use": "cross-entropy", "class_weights": weights},
        "seed": seed,
    }
    recipe = small_recipe(folder / "any.csv", **sections)
    recipe["dataset"]["text"] = text
    first = load_recipe(recipe)
    assert first.dataset.options["text"] == text
    (folder / "any.yaml").write_bytes(first.resolved_yaml().encode())
    assert load_recipe(folder / "any.yaml").resolved() == first.resolved()
    assert yaml.safe_load(first.text) == recipe, "a recipe given in code is kept as YAML too"


# -- paths, wherever they stand -----------------------------------------------------------------------


class Pair(NamedTuple):
    number: int
    path: Path


class Model(BaseModel):
    path: Path
    dim: int = 1


@dataclass
class Plain:
    path: Path
    dim: int = 1


def pathy(n_features, /, *, listed: list[Path], pair: Pair, chosen: set[Path], model: Model, plain: Plain,
          named: dict[str, Path]):  # fmt: skip
    """A model with paths at every depth."""


def test_paths_at_any_depth_are_those_beside_the_recipe(tmp_path, small_csv, monkeypatch):
    plugins = PluginManager()
    plugins.register(SimpleNamespace(textforge_models=hookimpl(lambda: {"pathy": pathy})))
    nested = {"path": "a.txt", "dim": 2}
    model = {"use": "pathy", "listed": ["a.txt"], "pair": [3, "a.txt"], "chosen": ["a.txt"], "model": nested,
             "plain": nested, "named": {"x": "a.txt"}}  # fmt: skip
    (tmp_path / "r.yaml").write_text(yaml.safe_dump(small_recipe(small_csv, model=model)))
    with pytest.raises(RecipeError) as error:
        load_recipe(tmp_path / "r.yaml", plugins=plugins)
    assert str(error.value).count("no file or folder") == 6
    (tmp_path / "a.txt").write_text("")
    recipe = load_recipe(tmp_path / "r.yaml", plugins=plugins)
    path = tmp_path / "a.txt"
    assert recipe.model.options == {
        "listed": [path], "pair": Pair(3, path), "chosen": {path}, "model": Model(path=path, dim=2),
        "plain": Plain(path, 2), "named": {"x": path},
    }  # fmt: skip
    (tmp_path / "elsewhere").mkdir()
    resolved = tmp_path / "elsewhere" / "resolved.yaml"
    resolved.write_text(recipe.resolved_yaml())
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert load_recipe(resolved, plugins=plugins).model.options == recipe.model.options


@pytest.mark.parametrize(("file", "name"), [("...yaml", "recipe"), (b"caf\xe9.yaml", "caf?"), ("a.b.yaml", "a.b")])
def test_a_recipe_has_a_name_that_can_be_a_folder_and_be_written(tmp_path, small_csv, file, name):
    path = tmp_path / os.fsdecode(file)
    path.write_text(yaml.safe_dump(small_recipe(small_csv)))
    assert load_recipe(path).name == name


# -- options that do not fit each other ----------------------------------------------------------------


def test_options_that_do_not_fit_are_reported_where_the_last_of_them_stands(refused):
    text = with_section("optimizer", "{use: sgd, nesterov: true, lr: 1}")
    assert refused(text).startswith("r.yaml:1:33: optimizer 'sgd': nesterov needs a momentum")
    swapped = refused(with_section("optimizer", "{use: sgd, lr: 1}"), overrides=["optimizer.nesterov=true"])
    assert swapped.startswith("--set optimizer.nesterov=true: optimizer 'sgd': nesterov needs a momentum")
    Path("top.yaml").write_text("extends: r.yaml\noptimizer:\n  nesterov: true\n")
    with pytest.raises(RecipeError, match=r"top\.yaml:3:13: optimizer 'sgd': nesterov needs"):
        load_recipe("top.yaml")


def test_wrong_overrides_are_reported_together_with_everything_else(refused):
    told = refused(with_section("seed", "-1"), overrides=["foo", "=3", "model.hiden=[3]", "bar.x=1"])
    for part in ("--set foo: an override is KEY=VALUE", "--set =3: '' is not a key", "unknown option 'hiden'",
                 "--set bar.x=1: unknown key 'bar'", "r.yaml:1:7: seed must be"):  # fmt: skip
        assert part in told


def test_a_check_of_options_sees_paths_as_the_factory_will(tmp_path, small_csv, monkeypatch):
    def own(n_features, /, *, words: Path, low: int = 0, high: int = 9):
        """With a file of words."""

    def fits(*, words, low, high):
        assert words.is_absolute()
        return None if words.exists() and low < high else "low must be below high, not 'words'."

    own.check_options = fits
    plugins = PluginManager()
    plugins.register(SimpleNamespace(textforge_models=hookimpl(lambda: {"own": own})))
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "w.txt").write_text("")
    recipe = tmp_path / "sub" / "r.yaml"
    recipe.write_text(with_section("model", "{use: own, high: 3, words: w.txt}").replace("small.csv", str(small_csv)))
    monkeypatch.chdir(tmp_path)
    assert load_recipe(recipe, plugins=plugins).model.options["words"] == tmp_path / "sub" / "w.txt"
    with pytest.raises(RecipeError, match=r"^--set model\.low=4: model 'own': low must be below high"):
        load_recipe(recipe, plugins=plugins, overrides=["model.low=4"])


def test_a_comment_after_a_list_is_a_comment(refused, small_csv):
    given = ["model.hidden=[4] # small", "model={use: mlp} # x"]
    assert load_recipe(small_recipe(small_csv), overrides=given).model.options["hidden"] == [4]
    told = refused(with_section("seed", "0"), overrides=["dataset.text=don't # x"])
    assert told == "--set dataset.text=don't # x: put the value itself in quotes: 'dataset.text=\"don't # x\"'."


# -- scheduler, loss, metrics and decision ---------------------------------------------------------


def steady(optimizer, /, *, factor: float = 0.5): ...
def weighted(n_classes, labels, class_counts, multi_label, /, *, power: float = 1.0): ...
def own_score(*, beta: float = 1.0): ...
def other_score(n_classes, multi_label, /): ...
def clash(): ...


@pytest.fixture
def more(small_csv):
    """Plugins with one of each of the later kinds, and a loader of recipes that use them."""
    plugins = PluginManager()
    metrics = {"own-score": own_score, "other-score": other_score, "macro-f1": clash, "per-class": clash}
    offered = {"schedulers": {"steady": steady}, "losses": {"weighted": weighted}, "metrics": metrics}
    hooks = {f"textforge_{kind}": hookimpl(lambda found=found: found) for kind, found in offered.items()}
    plugins.register(SimpleNamespace(**hooks))
    return lambda overrides=(), **sections: load_recipe(
        small_recipe(small_csv, **sections), plugins=plugins, overrides=overrides
    )


def test_a_recipe_may_have_them_or_not(more):
    plain = more()
    assert (plain.scheduler, plain.loss, plain.metrics, plain.warnings) == (None, None, (), ())
    full = more(
        scheduler="steady", loss={"use": "weighted", "power": 0.5}, metrics=["own-score"], decision={"abstain": 0.3}
    )
    assert full.scheduler.options == {"factor": 0.5}
    assert full.loss.options == {"power": 0.5}
    assert [part.component.name for part in full.metrics] == ["own-score"]
    assert full.decision.abstain == 0.3
    assert list(full.parts) == ["dataset", "vectorizer", "model", "optimizer", "scheduler", "loss"]


@pytest.mark.parametrize("section", ["scheduler", "loss", "metrics", "decision", "trainer"])
def test_nothing_under_a_section_is_as_if_it_were_not_there(more, section):
    assert more(**{section: None}).resolved() == more(**({"trainer": {}} if section == "trainer" else {})).resolved()


def test_they_resolve_with_their_defaults_and_read_back(more, tmp_path):
    first = more(scheduler="steady", loss="weighted", metrics=["own-score", {"use": "own-score", "beta": 2.0}],
                 trainer={"monitor": "own_score(beta=2.0)"}, decision={"threshold": "f1"})  # fmt: skip
    found = first.resolved()
    assert found["scheduler"] == {"use": "steady", "factor": 0.5}
    assert found["metrics"] == [{"use": "own-score", "beta": 1.0}, {"use": "own-score", "beta": 2.0}]
    assert found["decision"] == {"calibrate": None, "threshold": "f1", "abstain": None}
    assert more(**found).resolved() == found


def test_overrides_swap_and_reach_into_them(more):
    found = more(["loss.power=2", "scheduler=steady", "metrics=[other-score]", "decision.abstain=0.2"], loss="weighted")
    assert (found.loss.options, found.decision.abstain) == ({"power": 2.0}, 0.2)
    assert [part.component.name for part in found.metrics] == ["other-score"]
    assert more(["loss=null"], loss="weighted").loss is None


def test_a_monitored_metric_that_is_not_installed_is_one_mistake():
    recipe = {**small_recipe(Path(__file__)), "metrics": ["my-score"]}
    recipe["trainer"] = {"monitor": "my-score"}
    with pytest.raises(RecipeError) as caught:
        load_recipe(recipe)
    assert [m.message.partition(".")[0] for m in caught.value.mistakes] == ["no metric named 'my-score'"]


def test_a_metric_of_the_recipe_may_be_monitored(more):
    for written in ("own-score", "own_score"):
        assert more(metrics=["own-score"], trainer={"monitor": written}).trainer.monitor == written


@pytest.mark.parametrize(
    ("sections", "says"),
    [
        ({"metrics": "own-score"}, "'metrics' must be a list, as in 'metrics: [NAME]'"),
        ({"metrics": {"use": "own-score"}}, "'metrics' must be a list, as in"),
        ({"metrics": ["own-scoer"]}, "no metric named 'own-scoer'. Did you mean 'own-score'?"),
        ({"metrics": [None]}, "'metric' must be a name or a mapping"),
        ({"metrics": [["own-score"]]}, "'metric' must be a name or a mapping"),
        ({"metrics": [{"beta": 1.0}]}, "'metric' does not say what to use"),
        ({"metrics": [{"use": "own-score", "beat": 1.0}]}, "unknown option 'beat'. Its options: beta. Did you mean"),
        ({"metrics": ["own-score", "own-score"]}, "metric 'own_score' is listed twice. Remove it."),
        ({"metrics": ["macro-f1"]}, "metric 'macro_f1' is part of every result. Remove it."),
        ({"metrics": ["per-class"]}, "metric 'per_class' is part of every result. Remove it."),
        ({"trainer": {"monitor": "own-score"}}, "monitor: 'own-score' is not measured. Known: loss, accuracy, macro"),
        ({"metrics": ["own-score"], "trainer": {"monitor": "own_scor"}}, "Did you mean 'own_score'?"),
        ({"trainer": {"monitor": ["loss"]}}, "trainer: monitor must be text"),
        ({"trainer": {"bucket_by_length": True, "shuffle": False}}, "bucket_by_length needs shuffle: true."),
        ({"trainer": {"accumulate": 0}}, "trainer: accumulate must be a number of at least 1, not 0"),
        ({"trainer": {"ema": 1.0}}, "trainer: ema must be"),
        ({"trainer": {"precision": "float16"}}, "trainer: precision must be 'float32' or 'bfloat16'"),
        ({"scheduler": []}, "'scheduler' must be a name or a mapping"),
        ({"scheduler": {"factor": 1.0}}, "'scheduler' does not say what to use"),
        ({"loss": {"use": "weighted", "power": "a lot"}}, "loss 'weighted': power must be a number"),
        ({"decision": 5}, "'decision' must be a mapping, as in 'decision: {calibrate: …}'."),
        ({"decision": {"threshold": 0}}, "decision: threshold must be"),
        ({"decision": {"abstain": True}}, "decision: abstain must be"),
    ],
    ids=str,
)  # fmt: skip
def test_what_is_wrong_in_them_is_reported(more, sections, says):
    with pytest.raises(RecipeError) as error:
        more(**sections)
    assert len(error.value.mistakes) == 1
    assert says in str(error.value)
