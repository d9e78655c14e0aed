"""Recipes far too large: refused with little work, in a message that can be read, and without giving secrets away."""

from __future__ import annotations

import pytest
from conftest import make_texts, write_csv
from hypothesis import given, settings, strategies as st

from textforge import errors, load_recipe
from textforge.errors import LONGEST_MESSAGE, SHOWN, RecipeError
from textforge.recipes.document import MAX_BYTES, MAX_NODES
from textforge.recipes.merge import MAX_CHAIN
from textforge.recipes.recipe import MAX_LISTED
from textforge.recipes.yaml12 import CoreLoader

BASE = "dataset: {use: csv, train: data.csv}\nvectorizer: bow\noptimizer: adam\nmodel: {use: mlp}\n"
LONGEST = (SHOWN + 1) * (LONGEST_MESSAGE + 400)
"""Characters of an error: ten mistakes, each with its place and line."""


@pytest.fixture
def folder(tmp_path):
    write_csv(tmp_path / "data.csv", *make_texts(12))
    return tmp_path


@pytest.fixture
def refused(folder):
    def refused(text, **options):
        path = folder / "r.yaml"
        path.write_text(text, encoding="utf-8")
        with pytest.raises(RecipeError) as error:
            load_recipe(path, **options)
        assert len(str(error.value)) < LONGEST
        assert all(mistake.place for mistake in error.value.mistakes)
        return str(error.value)

    return refused


@pytest.fixture
def searches(monkeypatch):
    """The names for which a similar one was sought."""
    sought = []
    nearest = errors.nearest
    monkeypatch.setattr(
        "textforge.errors.names.nearest", lambda name, names: sought.append(name) or nearest(name, names)
    )
    return sought


@pytest.fixture
def composed(monkeypatch):
    """The offsets of the nodes that PyYAML was asked to make."""
    nodes = []
    compose = CoreLoader.compose_node
    monkeypatch.setattr(CoreLoader, "compose_node", lambda self, *given: nodes.append(1) or compose(self, *given))
    return nodes


def many(line, n=3000):
    return "".join(line.format(k) for k in range(n))


MISTAKES = {
    "unknown options": BASE.replace("{use: mlp}", "\n  use: mlp") + many("  option_{}: 1\n"),
    "unknown settings": BASE + "trainer:\n" + many("  option_{}: 1\n"),
    "unknown options of a metric": BASE + "metrics:\n- use: top-k\n" + many("  option_{}: 1\n"),
    "unknown sections": BASE + many("section_{}: 1\n"),
    "wrong items": BASE.replace("bow", "{use: bow, stop_words: [" + "1, " * 3000 + "]}"),
    "wrong weights": BASE + "loss: {use: cross-entropy, class_weights: {" + many("label{}: x, ") + "}}",
    "missing files": BASE.replace("data.csv", "[" + many("missing{}.csv, ") + "]"),
}


@pytest.mark.parametrize("kind", MISTAKES)
def test_thousands_of_mistakes_are_counted_and_few_similar_names_sought(refused, searches, kind):
    told = refused(MISTAKES[kind])
    assert told.endswith("\nand 2,990 more mistakes.")
    assert told.count("r.yaml:") == SHOWN
    assert len(searches) <= SHOWN


def test_hundreds_of_overrides_are_mistakes_as_others(refused, searches):
    told = refused(BASE, overrides=[f"model.option_{n}=1" for n in range(200)])
    assert told.endswith("\nand 190 more mistakes.")
    assert len(searches) <= SHOWN


def test_the_first_unknown_names_are_still_suggested_what_was_meant(refused):
    told = refused(BASE.replace("mlp}", "mlp, hiden: [5]}") + "trainr: {}\n")
    assert "Did you mean 'hidden'?" in told and "Did you mean 'trainer'?" in told


@pytest.mark.parametrize("name", ["nope{}", "mcc", "{{use: top-k, k: {}}}"])
def test_a_list_of_thousands_of_parts_is_one_mistake(refused, searches, name):
    told = refused(BASE + "metrics:\n" + many(f"- {name}\n", 3000))
    assert f"r.yaml:6:1: 'metrics' lists 3,000 parts; the limit is {MAX_LISTED}." in told
    assert not searches


TREES = {
    "flow list": "a: [" + "x," * 30_000 + "]",
    "flow mapping": "a: {" + many("k{}: 1, ", 15_000) + "}",
    "unclosed list": "a: [" + "x, " * 30_000,
    "block list": "- x\n" * 30_000,
    "empty items": "-\n" * 30_000,
    "the same key": "a: 1\n" * 30_000,
    "aliases": "a: &a 1\nb: [" + "*a, " * 30_000 + "]",
    "anchors": "a: [" + many("&a{} 1, ", 15_000) + "]",
    "nothing in lists": "a: [" + "[]," * 30_000,
}


@pytest.mark.parametrize("kind", TREES)
def test_values_are_counted_while_they_are_read(refused, composed, kind):
    assert f"holds more than {MAX_NODES:,} values" in refused(TREES[kind])
    assert len(composed) <= 2 * MAX_NODES + 2, "keys and values"


@pytest.mark.parametrize(
    "text", ["[" * 900_000, "a: " + "[[x], " * 150_000, "{a: " * 200_000, "- " * 400_000, "? " * 400_000]
)
def test_depth_is_counted_while_it_is_read_and_reported_with_its_place(refused, composed, text):
    told = refused(text)
    assert "r.yaml:1:" in told and told.split("\n")[0].endswith("nested deeper than 50 levels.")
    assert len(composed) < 300


BIG = "x" * 90_000
LONG = {
    "key": f'{BASE}? "{BIG}"\n: 1\n',
    "key that is there twice": BASE + ('? "' + "x" * 90_000 + '"\n: 1\n') * 2,
    "option": BASE.replace("{use: mlp}", f'\n  use: mlp\n  ? "{BIG}"\n  : 1'),
    "option in an option": BASE + f"loss: {{use: cross-entropy, class_weights: {{? {BIG} : x}}}}",
    "part": BASE.replace("mlp", BIG),
    "number": BASE + "seed: " + "9" * 90_000,
    "fraction": BASE + "seed: " + "9" * 90_000 + ".5",
    "value": f"{BASE}trainer: {{epochs: {BIG}}}",
    "list in short": BASE.replace("mlp}", f"mlp, hidden: {BIG}}}"),
    "monitor": f"{BASE}trainer: {{validation: 0.1, monitor: {BIG}}}",
    "path": BASE.replace("data.csv", BIG),
    "base": f"{BASE}extends: {BIG}",
    "tag": f"{BASE}seed: !{BIG} 1",
    "alias": f"{BASE}seed: *{BIG}",
    "half characters": BASE + 'seed: "' + "\\ud800" * 10_000 + '"',
    "one line of many mistakes": BASE
    + "loss: {use: cross-entropy, class_weights: {"
    + many(f"label{{}}: {'x' * 100}, ")
    + "}}",
}


@pytest.mark.parametrize("kind", LONG)
def test_what_a_message_quotes_is_cut(refused, kind):
    told = refused(LONG[kind])
    assert "…" in told or kind in ("number", "fraction")


@pytest.mark.parametrize("override", [f"model.{BIG}=1", f"{BIG}=1", BIG, f"model.hidden={BIG}", f"model=[{BIG}",
                                      "model" + ".a" * 40_000 + "=1", f"model.hidden=1 #{BIG}"])  # fmt: skip
def test_long_overrides_are_cut_and_none_is_too_deep_to_be_refused(refused, override):
    assert "…" in refused(BASE, overrides=[override])
    key, _, value = override.partition("=")
    assert refused(BASE, overrides={key: value})


def test_a_dict_that_repeats_itself_without_end_is_refused():
    value = [1]
    for _ in range(45):
        value = [value] * 10
    with pytest.raises(RecipeError, match=f"holds more than {MAX_NODES:,} values"):
        load_recipe({"model": value})


# -- extends ---------------------------------------------------------------------------------------


def test_a_chain_of_extends_has_a_bound_and_the_place_where_it_is_passed(folder):
    for n in range(200):
        (folder / f"{n}.yaml").write_text(f"extends: {n + 1}.yaml\n")
    (folder / "200.yaml").write_text(BASE)
    assert load_recipe(folder / f"{200 - MAX_CHAIN}.yaml").model.component.name == "mlp"
    for first in (0, 199 - MAX_CHAIN):
        with pytest.raises(RecipeError) as error:
            load_recipe(folder / f"{first}.yaml")
        assert f"{first + MAX_CHAIN}.yaml:1:10: recipes extend one another more than 20 levels deep." in str(
            error.value
        )


# -- secrets ---------------------------------------------------------------------------------------

SECRET = "hunter2-swordfish"
NO_RECIPES = {
    ".env": f"API_KEY={SECRET}\nOTHER=1\n",
    "token": SECRET,
    "key": f"-----BEGIN PRIVATE KEY-----\n{SECRET}\nProc-Type: 4,ENCRYPTED\n-----END PRIVATE KEY-----\n",
    "secrets.yaml": f"password: {SECRET}\n",
    "credentials.json": f'{{"type": "service_account", "private_key": "{SECRET}"}}',
    "broken.json": f'{{"type": "service_account", "private_key": "{SECRET}"}}}}',
    "list": f"- {SECRET}\n",
    "two documents": f"password: {SECRET}\n---\npassword: {SECRET}\n",
    "tab": f"password:\t{SECRET}\n\tb",
    "alias": f"password: *{SECRET}",
    "tag": f"password: !{SECRET} x",
    "unknown handle": f"password: !{SECRET}!a x",
    "anchor twice": f"a: &{SECRET} 1\nb: &{SECRET} 2",
    "key twice": f"{SECRET}: 1\n{SECRET}: 2",
    "character": f"password: {SECRET}\x07",
    "half a character": f'password: "{SECRET}\\ud800"',
    "number": f"? [{SECRET}]\n: 1",
    "not closed": f"password: '{SECRET}",
    "directive": f"%{SECRET} 1\n--- a",
}


@pytest.mark.parametrize("name", NO_RECIPES)
def test_a_file_that_is_no_recipe_is_not_quoted(folder, name):
    path = folder / "file"
    path.write_text(NO_RECIPES[name])
    (folder / "over.yaml").write_text(f"extends: file\n{BASE}")
    for given_ in (path, folder / "over.yaml"):
        with pytest.raises(RecipeError) as error:
            load_recipe(given_)
        assert SECRET not in str(error.value).replace(f"unknown key '{SECRET}'", "")
        assert "file" in str(error.value)


def test_of_a_recipe_the_line_is_quoted_in_any_style(refused):
    for text in ("model: {use: mpl}", '{"seed": 1, "model": "mpl"}', "seed: 1\rmodel: mpl\r", "model: [", "seed: !a 1"):
        assert "^" in refused(text)


def test_a_mapping_without_any_key_of_a_recipe_is_one_mistake(refused):
    assert refused("modle: {use: mlp}\nhost: a\n").split(": ", 1)[1] == (
        "this is not a recipe: it has none of the keys extends, seed, dataset, vectorizer, model, optimizer, "
        "scheduler, loss, trainer, metrics, callbacks, decision, init_from, tune. Did you mean 'model'?"
    )


# -- anything --------------------------------------------------------------------------------------

PIECES = st.lists(
    st.sampled_from(["[", "]", "{", "}", "a", "a: ", "- ", "? ", ",", "\n", "\n  ", "&a ", "*a", "!t ", "'", '"', "#",
                     "|\n", "model: ", "use: ", "metrics: ", "é", "\\", "1e9", "\t"]),
    min_size=1, max_size=8,
)  # fmt: skip


@settings(max_examples=25)
@given(head=st.sampled_from(["", BASE, "metrics: "]), pieces=PIECES)
def test_any_pattern_repeated_many_times_is_refused_with_bounded_work(tmp_path_factory, head, pieces):
    pattern = "".join(pieces)
    path = tmp_path_factory.getbasetemp() / "pattern.yaml"
    path.write_text(head + pattern * (100_000 // len(pattern.encode())), encoding="utf-8")
    assert path.stat().st_size < MAX_BYTES
    with pytest.MonkeyPatch.context() as patched:
        sought, composed = [], []
        nearest, compose = errors.nearest, CoreLoader.compose_node
        patched.setattr(errors, "nearest", lambda *given: sought.append(1) or nearest(*given))
        patched.setattr(CoreLoader, "compose_node", lambda self, *given: composed.append(1) or compose(self, *given))
        try:
            load_recipe(path)
        except RecipeError as error:
            assert len(str(error)) < LONGEST
    assert len(composed) <= 2 * MAX_NODES + 2
    assert len(sought) <= 500
