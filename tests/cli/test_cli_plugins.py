"""`textforge plugins`: what is installed, what it takes, and the schema."""

import json
import re

import pytest
from conftest import installed, only_json, textforge
from in_process import invoke
from jsonschema import Draft202012Validator
from test_cli_check import HEAVY, imported_by

from textforge import PluginManager
from textforge.components.kinds import KINDS
from textforge.recipes.schema import recipe_schema


def test_without_arguments_everything_installed_is_listed():
    done = textforge("plugins")
    assert (done.returncode, done.stderr) == (0, "")
    header, *rows = done.stdout.splitlines()
    assert header.split() == ["kind", "name", "from"]
    assert ["model", "mlp", "textforge", "0.1.0"] in [row.split() for row in rows]
    assert "broken" not in done.stdout


def test_with_a_kind_only_its_components_are_listed():
    done = invoke("plugins", "optimizer")
    rows = [line.split()[:2] for line in done.stdout.partition("\n\n")[0].splitlines()[1:]]
    assert rows == [["optimizer", name] for name in PluginManager().names("optimizer")]
    assert {"adam", "adamw", "sgd"} <= {name for _, name in rows}


def test_with_a_name_its_facts_options_types_defaults_and_documentation_are_reported():
    done = invoke("plugins", "model", "mlp")
    assert done.returncode == 0
    assert done.stdout.startswith("model 'mlp' from textforge 0.1.0\nMulti-layer perceptron")
    assert "\nfacts: n_features, n_classes\n" in done.stdout
    (hidden,) = (line for line in done.stdout.splitlines() if line.startswith("hidden"))
    assert [part.strip() for part in hidden.split("  ") if part] == [
        "hidden", "list[int >= 1, <= 1000000] length <= 100", "[100, 100]",
        "widths of the hidden layers, from first to last.",
    ]  # fmt: skip


def test_a_required_option_is_said_to_be_required():
    done = invoke("plugins", "dataset", "csv")
    (train,) = (line for line in done.stdout.splitlines() if line.startswith("train"))
    assert re.split(r"  +", train)[:3] == ["train", "path | list[path]", "(required)"]


def test_json_is_one_object_for_a_listing_a_kind_and_a_name():
    assert set(only_json(invoke("plugins", "--json").stdout)["kinds"]) == {
        "dataset", "vectorizer", "model", "optimizer", "scheduler", "loss", "metric", "callback",
        "preprocessor", "executor", "command",
    }  # fmt: skip
    assert list(only_json(invoke("plugins", "model", "--json").stdout)["kinds"]) == ["model"]
    described = only_json(invoke("plugins", "dataset", "csv", "--json").stdout)
    assert described["facts"] == ["seed"]
    options = {option["name"]: option for option in described["options"]}
    assert options["train"]["required"] is True
    assert "default" not in options["train"]
    assert options["test_fraction"]["default"] == 0.2


@pytest.mark.parametrize("kind", KINDS)
def test_every_shipped_component_is_described_and_every_option_documented(kind):
    from textforge.cli.plugins import describe

    for component in PluginManager().components(kind):
        described = describe(component)
        assert described["doc"], component.label
        for option in described["options"]:
            assert option["doc"], f"{component.label}: {option['name']}"
        json.dumps(described, allow_nan=False)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("modle",), "no kind of component named 'modle'. Kinds: dataset, vectorizer, model, optimizer, scheduler, "
         "loss, metric, callback, preprocessor. Did you mean "
         "'model'?"),
        (("model", "mpl"), f"no model named 'mpl'. Did you mean 'mlp'? Installed: {installed('model')}."),
    ],
)  # fmt: skip
def test_an_unknown_kind_or_name_ends_with_2_and_the_nearest(arguments, says):
    done = invoke("plugins", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr


def test_the_schema_is_printed_as_json():
    done = invoke("plugins", "--schema")
    assert (done.returncode, done.stderr) == (0, "")
    schema = json.loads(done.stdout)
    Draft202012Validator.check_schema(schema)
    assert schema == json.loads(json.dumps(recipe_schema(PluginManager())))


@pytest.mark.parametrize(
    "arguments", [(), ("model", "mlp"), ("vectorizer", "tfidf"), ("dataset", "csv"), ("--schema",)]
)
def test_plugins_imports_nothing_heavy(arguments):
    code, modules = imported_by("plugins", *arguments)
    assert code == 0
    assert not modules & HEAVY
