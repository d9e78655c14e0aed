"""Recipes laid over one another: extends and overrides."""

import pytest
import yaml
from conftest import small_recipe

from textforge import load_recipe
from textforge.errors import RecipeError


@pytest.fixture
def write(tmp_path, small_csv):
    """Write a recipe file; `base.yaml` is the small recipe."""

    def write(name, recipe):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(recipe if isinstance(recipe, str) else yaml.safe_dump(recipe, sort_keys=False))
        return path

    write("base.yaml", small_recipe(small_csv))
    return write


@pytest.fixture
def base(write, tmp_path):
    return tmp_path / "base.yaml"


def resolved(path, *overrides):
    return load_recipe(path, overrides=overrides).resolved()


def refused(path, *overrides):
    with pytest.raises(RecipeError) as error:
        load_recipe(path, overrides=overrides)
    return str(error.value)


# -- extends ---------------------------------------------------------------------------------------


def test_a_recipe_keeps_what_it_does_not_say_otherwise(write):
    over = resolved(write("over.yaml", "extends: base.yaml\ntrainer: {epochs: 7}\nseed: 5\n"))
    base = resolved(write("x.yaml", "extends: base.yaml\n"))
    assert over == {**base, "seed": 5, "trainer": {**base["trainer"], "epochs": 7}}
    assert base["trainer"]["batch_size"] == 16, "the base's own value, not the default"


def test_recipes_extend_in_a_chain_the_nearest_wins(write):
    write("middle.yaml", "extends: base.yaml\nmodel: {hidden: [1], dropout: 0.5}\n")
    found = resolved(write("over.yaml", "extends: middle.yaml\nmodel: {hidden: [2]}\n"))["model"]
    assert (found["hidden"], found["dropout"], found["use"]) == ([2], 0.5, "mlp")


@pytest.mark.parametrize("over", ["{use: linear}", "linear"])
def test_another_component_starts_afresh(write, over):
    path = write("over.yaml", f"extends: base.yaml\nmodel: {over}\n")
    assert "hidden" not in resolved(path)["model"]


@pytest.mark.parametrize("over", ["{use: mlp, dropout: 0.5}", "{dropout: 0.5}"])
def test_the_same_component_keeps_its_options(write, over):
    found = resolved(write("over.yaml", f"extends: base.yaml\nmodel: {over}\n"))["model"]
    assert (found["hidden"], found["dropout"]) == ([8], 0.5)


def test_the_same_component_by_its_name_alone_keeps_its_options(write):
    assert resolved(write("over.yaml", "extends: base.yaml\nmodel: mlp\n"))["model"]["hidden"] == [8]


def test_options_may_be_laid_over_a_part_named_in_short(write):
    write("short.yaml", "extends: base.yaml\nvectorizer: tfidf\n")
    found = resolved(write("over.yaml", "extends: short.yaml\nvectorizer: {min_df: 3}\n"))["vectorizer"]
    assert (found["use"], found["min_df"]) == ("tfidf", 3)


def test_lists_replace_and_do_not_grow(write):
    assert resolved(write("over.yaml", "extends: base.yaml\nmodel: {hidden: []}\n"))["model"]["hidden"] == []


def test_a_mapping_replaces_text_in_an_option_that_takes_either(write):
    write("middle.yaml", "extends: base.yaml\nloss: {use: cross-entropy, class_weights: balanced}\n")
    path = write("over.yaml", "extends: middle.yaml\nloss: {class_weights: {space: 2}}\n")
    assert resolved(path)["loss"]["class_weights"] == {"space": 2.0}


def test_a_base_without_use_gives_its_options_to_whoever_says_use(write, base):
    write("partial.yaml", "model: {dropout: 0.5}\n")
    recipe = yaml.safe_load(base.read_text())
    found = resolved(write("over.yaml", {**recipe, "extends": "partial.yaml"}))["model"]
    assert (found["dropout"], found["hidden"]) == (0.5, [8])


def test_extends_is_relative_to_the_file_that_says_it(write, tmp_path, monkeypatch):
    write("deep/middle.yaml", "extends: ../base.yaml\nseed: 3\n")
    path = write("over.yaml", "extends: deep/middle.yaml\n")
    monkeypatch.chdir("/")
    assert resolved(path)["seed"] == 3


def test_data_paths_are_relative_to_the_file_in_which_they_are_written(write, tmp_path, monkeypatch):
    data = write("data/inner.csv", "text,label\na,b\n")
    write("data/inner.yaml", "dataset: {use: csv, train: inner.csv}\n")
    path = write("over.yaml", {**small_recipe("x"), "dataset": {}, "extends": "data/inner.yaml"})
    monkeypatch.chdir("/")
    assert resolved(path)["dataset"]["train"] == str(data)


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("nowhere.yaml", "over.yaml:1:10: extends: no file {folder}/nowhere.yaml."),
        (".", "over.yaml:1:10: extends: no file {folder}."),
        ('"a\\0b"', "over.yaml:1:10: extends: no file {folder}/a\0b."),
        ("a" * 300, "over.yaml:1:10: extends: no file {folder}/aaa"),
        ("[base.yaml]", "over.yaml:1:10: extends must be the path of another recipe."),
        ("''", "over.yaml:1:10: extends must be the path of another recipe."),
        ("7", "over.yaml:1:10: extends must be the path of another recipe."),
    ],
)
def test_what_cannot_be_extended_is_reported_with_its_place(write, tmp_path, value, says):
    message = refused(write("over.yaml", f"extends: {value}\n"))
    assert message.startswith(f"{tmp_path}/{says.format(folder=tmp_path)}")


def test_a_circle_is_reported_with_the_files_in_it(write, tmp_path):
    write("a.yaml", "extends: b.yaml\n")
    write("b.yaml", "extends: c.yaml\n")
    write("c.yaml", "extends: a.yaml\n")
    message = refused(tmp_path / "a.yaml")
    assert "recipes extend each other in a circle: b.yaml -> c.yaml -> a.yaml -> b.yaml." in message


def test_a_recipe_that_extends_itself_is_a_circle(write):
    assert "circle: a.yaml -> a.yaml." in refused(write("a.yaml", "extends: a.yaml\n"))


def test_a_mistake_in_the_base_is_placed_in_the_base(write, tmp_path):
    write("broken.yaml", "extends: base.yaml\nmodel:\n  hidden: [0]\n")
    message = refused(write("over.yaml", "extends: broken.yaml\n"))
    assert message.startswith(f"{tmp_path}/broken.yaml:3:12: model 'mlp': hidden[0] must be a number of at least 1")


def test_a_base_that_is_no_mapping_is_refused(write, tmp_path):
    write("list.yaml", "[a, b]\n")
    assert refused(write("over.yaml", "extends: list.yaml\n")).startswith(
        f"{tmp_path}/list.yaml:1:1: a recipe is a mapping with the keys "
    )


# -- overrides -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "overrides",
    [
        {"model.hidden": [4, 5], "optimizer.lr": 0.5, "seed": 9, "trainer.patience": None},
        ["model.hidden=[4, 5]", "optimizer.lr=5e-1", "seed=9", "trainer.patience=null"],
        ["model.hidden = [4,5]", "optimizer.lr=.5", "seed= 9", "trainer.patience="],
    ],
)
def test_overrides_are_given_as_a_mapping_or_as_texts(base, overrides):
    recipe = load_recipe(base, overrides=overrides)
    found = recipe.resolved()
    assert found["model"]["hidden"] == [4, 5]
    assert (found["optimizer"]["lr"], found["seed"], found["trainer"]["patience"]) == (0.5, 9, None)
    assert recipe.overrides == {"model.hidden": [4, 5], "optimizer.lr": 0.5, "seed": 9, "trainer.patience": None}


@pytest.mark.parametrize("swap", ["model=linear", "model.use=linear", "model={use: linear}"])
def test_a_part_is_swapped_and_its_old_options_are_left_behind(base, swap):
    assert "hidden" not in resolved(base, swap)["model"]


@pytest.mark.parametrize("swap", ["vectorizer=tfidf", "vectorizer.use=tfidf", "vectorizer={use: tfidf}"])
@pytest.mark.parametrize("order", [1, -1])
def test_a_swapped_part_and_its_options_come_in_any_order(base, swap, order):
    found = resolved(base, *[swap, "vectorizer.min_df=3"][::order])["vectorizer"]
    assert (found["use"], found["min_df"]) == ("tfidf", 3)


def test_a_later_override_wins_over_an_earlier_one(base):
    assert resolved(base, "seed=1", "seed=2")["seed"] == 2
    assert resolved(base, "model.hidden=[1]", "model.hidden=[2]")["model"]["hidden"] == [2]
    assert resolved(base, "model=linear", "model=mlp")["model"]["use"] == "mlp"
    assert resolved(base, "model=mlp", "model.use=linear")["model"]["use"] == "linear"


def test_the_command_line_wins_over_the_file_and_the_file_over_what_it_extends(write):
    write("middle.yaml", "extends: base.yaml\nseed: 1\ntrainer: {epochs: 5}\n")
    found = resolved(write("over.yaml", "extends: middle.yaml\nseed: 2\n"), "seed=3")
    assert (found["seed"], found["trainer"]["epochs"]) == (3, 5)


def test_an_override_reaches_into_a_mapping(base):
    found = resolved(base, "loss=cross-entropy", "loss.class_weights.space=2", "loss.class_weights.ball=1")
    assert found["loss"]["class_weights"] == {"space": 2.0, "ball": 1.0}


def test_an_overridden_path_is_relative_to_the_working_directory(write, base, monkeypatch):
    data = write("elsewhere/d.csv", "text,label\n")
    monkeypatch.chdir(data.parent)
    assert resolved(base, "dataset.train=d.csv")["dataset"]["train"] == str(data)


@pytest.mark.parametrize(
    ("override", "says"),
    [
        ("model.hidden", "--set model.hidden: an override is KEY=VALUE, as in model.hidden=[200]."),
        ("", "--set : an override is KEY=VALUE, as in model.hidden=[200]."),
        ("=3", "--set =3: '' is not a key. Join names by dots, as in model.hidden."),
        ("model..x=1", "--set model..x=1: 'model..x' is not a key. Join names by dots, as in model.hidden."),
        ("modle.x=1", "--set modle.x=1: unknown key 'modle'. Keys: seed, dataset, vectorizer, model, optimizer, "
         "scheduler, loss, trainer, metrics, callbacks, decision, init_from, tune. Did you mean 'model'?"),
        ("extends=x", "--set extends=x: unknown key 'extends'. Keys: "),
        ("model.hidden=[1", "--set model.hidden=[1:1:3: invalid YAML: "),
        ("model.hiden=1", "--set model.hiden=1: model 'mlp': unknown option 'hiden'. Its options: hidden, activation, "
         "norm, dropout, input_dropout. Did you mean 'hidden'?"),
        ("model.hidden=7", "--set model.hidden=7: model 'mlp': hidden must be a list, not 7. Write [7]."),
        ("model=", "--set model=: 'model' must be a name or a mapping, as in 'model: {use: NAME}'."),
        ("model=mpl", "--set model=mpl: no model named 'mpl'. Did you mean 'mlp'?"),
        ("seed=-1", "--set seed=-1: seed must be a whole number from 0 to 9223372036854775807, not -1."),
        ("seed.x=1", "--set seed.x=1: seed must be a whole number from 0 to 9223372036854775807, not a "
         "mapping."),
        ("dataset.text=#x", "--set dataset.text=#x: put the value itself in quotes: 'dataset.text=\"#x\"'."),
        ("dataset.train=d.csv #1", "--set dataset.train=d.csv #1: put the value itself in quotes"),
        ("dataset.separator=|", "--set dataset.separator=|: put the value itself in quotes: "),
    ],
)  # fmt: skip
def test_a_wrong_override_is_named_by_its_text(base, override, says):
    assert refused(base, override).startswith(says)


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        ({"model.hiden": 1}, "overrides['model.hiden']: model 'mlp': unknown option 'hiden'."),
        ({"modle": 1}, "overrides['modle']: unknown key 'modle'."),
        ({3: 1}, "overrides['3']: the key 3 is not text."),
        ({"model.hidden": {1}}, "overrides['model.hidden']: set is not allowed in a recipe"),
    ],
)
def test_a_wrong_override_in_code_is_named_by_its_key(small_csv, overrides, says):
    with pytest.raises(RecipeError) as error:
        load_recipe(small_recipe(small_csv), overrides=overrides)
    assert str(error.value).startswith(says)
