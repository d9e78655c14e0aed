"""Model cards: what they say, what they never say, and what of an author they keep."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import make_sets, make_texts, small_recipe
from hypothesis import given, strategies as st
from in_process import invoke
from markdown_it import MarkdownIt
from run_folders import GOLD, seeds_folder, written_run

import textforge
from textforge import BundleError, PushOptions, RecipeError
from textforge.insight.handover import kept_sections
from textforge.insight.handover.limits import limits
from textforge.insight.handover.public_recipe import public_environment, public_recipe, public_text
from textforge.insight.handover.rendering import escape, fenced

PREDICTED = ["a", "a", "b", "a", "b", "b", "b", "a", "c", "c", "a", "c"]


@pytest.fixture
def run(tested_run: Path, tmp_path: Path) -> Path:
    return shutil.copytree(tested_run, tmp_path / "run")


def front_of(text: str) -> dict[str, Any]:
    return yaml.safe_load(text.split("---\n")[1])


def fill_in(text: str, section: str, own: str) -> str:
    """A card with text in one of its author's sections."""
    begin = f"<!-- yours: {section} -->\n"
    before, _, after = text.partition(begin)
    return f"{before}{begin}{own}\n{after[after.index('<!-- end') :]}"


def cells(markdown: str) -> list[list[str]]:
    """The cells of every table, as a reader sees them."""
    rows: list[list[str]] = []
    for token in MarkdownIt("commonmark").enable("table").parse(markdown):
        if token.type == "tr_open":
            rows.append([])
        if token.type == "inline" and rows:
            assert all(child.type in ("text", "text_special") for child in token.children or ()), token.content
            rows[-1].append("".join(child.content for child in token.children or ()))
    return rows


# -- what a card says --------------------------------------------------------------------------


def test_a_card_has_the_figures_with_intervals_classes_data_recipe_and_how_to_load(run: Path) -> None:
    text, test = textforge.card(run), json.loads((run / "result.json").read_text())["test"]
    assert f"**Accuracy on {test['n']} test texts: {100 * test['accuracy']:.1f} %** (95 % interval" in text
    assert f"| macro F1 | {test['macro_f1']:.4f} |" in text
    for label, one in test["per_class"].items():
        assert f"| {label} | {one['precision']:.3f} | {one['recall']:.3f} |" in text
    for phrase in ("majority class", "### Calibration", "posts.csv", "textforge.load(", "| seed | 0 |",
                   "use: bow", "textforge replay", "SHA-256 of all texts"):  # fmt: skip
        assert phrase in text, phrase
    assert json.loads((run / "environment.json").read_text())["data"]["sha256"] in text


def test_its_front_matter_is_what_the_library_of_the_hub_reads(run: Path) -> None:
    from huggingface_hub import ModelCard

    text, test = textforge.card(run), json.loads((run / "result.json").read_text())["test"]
    found = ModelCard(text).data
    assert (found.library_name, found.pipeline_tag, found.license) == ("textforge", "text-classification", None)
    assert found.tags == ["textforge", "text-classification"]
    results = {(one.metric_type, json.dumps(one.metric_args)): one for one in found.eval_results or ()}
    accuracy = results["accuracy", "null"]
    assert accuracy.metric_value == pytest.approx(test["accuracy"], abs=1e-6)
    assert (accuracy.task_type, accuracy.dataset_type, accuracy.dataset_split) == ("text-classification", "csv", "test")
    assert accuracy.dataset_name == "posts.csv"
    assert results["f1", '{"average": "macro"}'].metric_value == pytest.approx(test["macro_f1"], abs=1e-6)
    again = ModelCard.from_template(found, template_str="---\n{{ card_data }}\n---\n")
    assert again.data.to_dict() == found.to_dict()


def test_a_card_never_has_a_text_of_the_data_or_a_folder_of_this_machine(run: Path, tested_run: Path) -> None:
    text = textforge.card(run)
    posts = [line.rpartition(",")[0] for line in (tested_run.parent / "posts.csv").read_text().splitlines()[1:]]
    assert not [post for post in posts if post in text]
    assert str(run.parent) not in text
    assert str(tested_run.parent) not in text


def test_a_bundle_within_its_run_has_the_card_of_the_run(run: Path) -> None:
    assert textforge.card(run / "model") == textforge.card(run)


def test_a_bundle_alone_says_what_is_not_known(run: Path, tmp_path: Path) -> None:
    bundle = shutil.copytree(run / "model", tmp_path / "topics")
    text = textforge.card(bundle)
    assert "## Not known" in text
    assert "Labels: ball, paint, space." in text
    assert "textforge predict topics" in text
    assert "model-index" not in front_of(text)
    assert "## Figures" not in text


def test_a_damaged_bundle_gets_no_card(run: Path) -> None:
    (run / "model" / "model.safetensors").write_bytes(b"x")
    with pytest.raises(BundleError, match="damaged"):
        textforge.card(run)


def test_seeds_have_their_mean_and_spread_and_no_classifier_to_load(tmp_path: Path) -> None:
    text = textforge.card(seeds_folder(tmp_path / "seeds", [PREDICTED, GOLD], test={"n": 12, "accuracy": 0.5}))
    assert "2 trainings of one recipe with the seeds 0, 1." in text
    assert "standard deviation over seeds" in text
    assert "| seed 1 | 0.5000 | undefined | 12 |" in text
    assert "## How to use it" not in text


def test_a_cross_validation_says_so(tmp_path: Path) -> None:
    texts, labels = make_texts(60)
    data = textforge.Dataset(train=(texts, labels))
    recipe = small_recipe(tmp_path / "unused.csv")
    recipe.pop("dataset")
    folder = textforge.cross_validate(recipe, dataset=data, folds=2, out=tmp_path / "cv").path
    text = textforge.card(folder)
    assert "A cross-validation with 2 folds. It saves no classifier." in text
    assert "each by a classifier that had not learnt from it" in text


def test_several_labels_per_text_are_named_as_such(tmp_path: Path) -> None:
    texts, sets = make_sets(80)
    data = textforge.Dataset(train=(texts[:60], sets[:60]), test=(texts[60:], sets[60:]))
    recipe = small_recipe(tmp_path / "unused.csv")
    recipe.pop("dataset")
    text = textforge.card(textforge.run(recipe, dataset=data, out=tmp_path / "run").path)
    assert "gives a text any of 3 labels" in text
    assert "accuracy (all labels of a text right)" in text
    assert "**All labels right on 20 test texts:" in text
    assert "data given in code" in text
    assert "multi-label" in front_of(text)["tags"]


def test_without_a_test_split_the_card_says_that_there_are_no_figures(tmp_path: Path) -> None:
    texts, labels = make_texts(60)
    recipe = small_recipe(tmp_path / "unused.csv")
    recipe.pop("dataset")
    run = textforge.run(recipe, dataset=textforge.Dataset(train=(texts, labels)), out=tmp_path / "run").path
    text = textforge.card(run)
    assert "The data had no test split, so there are no figures." in text
    assert "model-index" not in front_of(text)


def test_data_that_are_gone_leave_the_sizes_that_the_run_recorded(run: Path) -> None:
    resolved = yaml.safe_load((run / "resolved.yaml").read_text())
    resolved["dataset"]["train"] = "/gone/posts.csv"
    (run / "resolved.yaml").write_text(yaml.safe_dump(resolved))
    text = textforge.card(run)
    assert "could not be read when this card was written; the run had 120 train texts, 40 test texts." in text
    assert "/gone" not in text


# -- limits ------------------------------------------------------------------------------------


def test_limits_name_weak_and_small_classes_weak_figures_and_wrong_confidence() -> None:
    def one(label: str, f1: float, support: int) -> dict[str, Any]:
        return {"label": label, "f1": f1, "support": support}

    figures = {
        "metrics": [{"name": "accuracy", "value": 0.6, "interval": [0.4, 0.8]}],
        "baselines": [{"name": "majority class", "accuracy": 0.5}],
        "answered": {"share": 0.75, "accuracy": 0.9},
    }
    found = {
        "kind": "run",
        "figures": figures,
        "classes": [one("a", 0.9, 100), one("b|c", 0.4, 12), one("d", 0.0, 0)],
        "calibration": {"ece": 0.2, "mean_confidence": 0.8, "accuracy": 0.6},
        "data": {"classes": [{"label": "a", "train": 900}, {"label": "b|c", "train": 20}], "splits": []},
    }
    said = "\n".join(limits(found))
    assert "Weak classes, whose F1 is at least 0.1 below the mean of 0.650: b\\|c (0.400)." in said
    assert "Fewer than 30 test texts, so these figures are unsure: b\\|c (12)." in said
    assert "No test texts at all: d." in said
    assert (
        "may be no better than that of a baseline: its interval begins at 40.0 %, and the baseline has 50.0 %." in said
    )
    assert "Probabilities are too high on average: mean confidence 80.0 %, right 60.0 %." in said
    assert "It abstains: 75.0 % of the test texts got an answer." in said
    assert "Fewer than 50 training texts: b\\|c (20)." in said
    better = {**found, "classes": [one("a", 0.9, 100)], "calibration": None, "data": {"classes": [], "splits": []},
              "figures": {**figures, "baselines": [], "answered": None}, "kind": "seeds"}  # fmt: skip
    assert limits(better) == []


# -- escaping ----------------------------------------------------------------------------------


@given(st.text(min_size=1, max_size=30).filter(str.strip))
def test_any_label_is_one_cell_that_reads_as_it_is(label: str) -> None:
    from textforge.errors import shown

    row = f"| class | n |\n| --- | --- |\n| {escape(label)} | 1 |\n"
    (_head, (first, second)) = cells(row)
    assert (first, second) == (shown(label).strip(), "1")


@given(st.text(max_size=60))
def test_any_text_stays_within_its_block_of_code(text: str) -> None:
    (token,) = MarkdownIt("commonmark").parse(fenced(text, "yaml"))
    assert token.type == "fence"


def test_a_hostile_label_makes_no_markup_in_a_whole_card(tmp_path: Path) -> None:
    hostile = "<script>alert(1)</script> | ![x](http://evil) [a](b) `c` **d** www.evil.com\n# e\n<!-- yours: ethics -->"
    gold = [hostile if label == "a" else label for label in GOLD]
    run = written_run(tmp_path / "run", [hostile if label == "a" else label for label in PREDICTED], gold=gold)
    text = textforge.card(run)
    html = MarkdownIt("commonmark").enable("table").render(text.split("---\n", 2)[2])
    for mark in ("<script", "<img", 'href="b"', "<strong>d", "<em>", "<h1>e"):
        assert mark not in html.replace("<em>To be filled in by the author:</em>", ""), mark
    assert "www.evil" not in text
    assert "http://" not in text
    assert kept_sections.read(text, "README.md") == kept_sections.Kept(front_of(text), {}, edited=False)


# -- what an author wrote ----------------------------------------------------------------------


def test_what_its_author_filled_in_and_the_front_matter_stay_when_a_card_is_written_again(run: Path) -> None:
    file = run / "README.md"
    textforge.card(run, file)
    edited = fill_in(file.read_text(), "intended-use", "Sorting **our** posts.\n\n- one\n- two")
    edited = edited.replace("library_name: textforge", "license: apache-2.0\nlibrary_name: textforge\nlanguage: de")
    edited = edited.replace("tags: [textforge", "tags: [mine, textforge")
    file.write_text(edited)
    result = json.loads((run / "result.json").read_text())
    (run / "result.json").write_text(json.dumps({**result, "seed": 41}))
    text = textforge.card(run, file)
    assert "| seed | 41 |" in text
    assert "Sorting **our** posts.\n\n- one\n- two" in text
    front = front_of(text)
    assert (front["license"], front["language"]) == ("apache-2.0", "de")
    assert set(front["tags"]) == {"mine", "textforge", "text-classification"}
    assert "intended-use" not in kept_sections.gaps(text)
    assert "license" not in kept_sections.gaps(text)
    assert textforge.card(run, file) == text


def test_a_card_from_an_editor_with_other_line_ends_is_the_same_card(run: Path) -> None:
    file = run / "README.md"
    text = fill_in(textforge.card(run), "ethics", "None.")
    file.write_bytes(text.replace("\n", "\r\n").encode())
    assert textforge.card(run, file) == text


@pytest.mark.parametrize("where", ["# topics", "## Figures", "<!-- end: ethics -->"])
def test_an_edit_elsewhere_is_refused_instead_of_lost(run: Path, where: str) -> None:
    file = run / "README.md"
    text = textforge.card(run, file)
    assert where in text
    edited = text.replace(where, f"{where}\n\nAdded by hand.")
    file.write_text(edited)
    with pytest.raises(RecipeError, match="was edited outside of the sections that are yours"):
        textforge.card(run, file)
    assert file.read_text() == edited
    assert textforge.card(run, file, force=True) == text


def test_a_file_that_is_no_card_is_refused(run: Path) -> None:
    file = run / "README.md"
    file.write_text("# My notes\n")
    with pytest.raises(RecipeError, match="exists and is no model card of textforge"):
        textforge.card(run, file)
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(RecipeError, match="is not text in UTF-8"):
        textforge.card(run, file, force=True)
    file.write_text("---\nlicense: [\n---\n")
    with pytest.raises(RecipeError, match=r"README\.md:[23]"):
        textforge.card(run, file)
    file.write_text("---\n- license\n---\n")
    with pytest.raises(RecipeError, match=r"README\.md:2: its front matter is a list, not a mapping"):
        textforge.card(run, file)


def test_front_matter_alone_such_as_the_hub_writes_it_is_kept(run: Path) -> None:
    file = run / "README.md"
    file.write_text("---\nlicense: mit\nlanguage: no\n---\n")
    front = front_of(textforge.card(run, file))
    assert (front["license"], front["language"]) == ("mit", "no")


def test_front_matter_whose_aliases_explode_is_refused(run: Path) -> None:
    levels = "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12))
    (run / "README.md").write_text(f"---\na0: &a0 [x]\n{levels}---\n")
    with pytest.raises(RecipeError, match=r"README\.md"):
        textforge.card(run, run / "README.md")


def test_a_card_of_a_bundle_alone_does_not_replace_that_of_its_run(run: Path, tmp_path: Path) -> None:
    bundle = shutil.copytree(run / "model", tmp_path / "topics")
    textforge.card(run, bundle / "README.md", bundle=bundle)
    with pytest.raises(RecipeError, match="has its figures, which a card of the bundle alone would lose"):
        textforge.card(bundle, bundle / "README.md")


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=80))
def test_any_text_of_an_author_is_kept(own: str) -> None:
    body = "# x\n\n<!-- yours: ethics -->\n> *To be filled in by the author:* y\n<!-- end: ethics -->\n\n## end\n"
    front = {"library_name": "textforge", "tags": ["textforge"]}
    card = fill_in(kept_sections.write(front, body, kept_sections.Kept()), "ethics", own)
    kept = kept_sections.read(card, "README.md")
    again = kept_sections.write(front, body, kept)
    assert not kept.edited
    if own.strip() and "\r" not in own and not own.lstrip("> ").startswith(kept_sections.GAP):
        assert own.strip("\n") in again


# -- pushing a card ----------------------------------------------------------------------------


def test_what_was_written_on_the_hub_is_kept_by_the_next_push(hub: Any, run: Path) -> None:
    textforge.push(run, "alice/topics")
    card = hub.files("alice/topics")["README.md"].decode()
    assert "hf://alice/topics" in card
    edited = fill_in(card, "ethics", "Written on the hub.").replace("---\n", "---\nlicense: mit\n", 1)
    hub.repositories["alice/topics"].commit({**hub.files("alice/topics"), "README.md": edited.encode()})
    (run / "README.md").write_text(fill_in(textforge.card(run), "contact", "Written here."))
    textforge.push(run, "alice/topics")
    now = hub.files("alice/topics")["README.md"].decode()
    assert "Written on the hub." in now
    assert "Written here." in now
    assert front_of(now)["license"] == "mit"


def test_a_section_that_differs_here_and_on_the_hub_stops_the_push(hub: Any, run: Path) -> None:
    textforge.push(run, "alice/topics")
    card = hub.files("alice/topics")["README.md"].decode()
    theirs = fill_in(card, "ethics", "Theirs.")
    hub.repositories["alice/topics"].commit({**hub.files("alice/topics"), "README.md": theirs.encode()})
    (run / "README.md").write_text(fill_in(textforge.card(run), "ethics", "Ours."))
    with pytest.raises(RecipeError, match="its section ethics differs from that in"):
        textforge.push(run, "alice/topics")
    assert b"Theirs." in hub.files("alice/topics")["README.md"]
    textforge.push(run, "alice/topics", PushOptions(force=True))
    assert b"Ours." in hub.files("alice/topics")["README.md"]


def test_a_card_that_was_rewritten_on_the_hub_stops_the_push(hub: Any, run: Path) -> None:
    hub.add("alice/topics", {"README.md": b"---\nlicense: mit\n---\n# Written by hand\n"})
    with pytest.raises(RecipeError, match=r"^hf://alice/topics/README.md: exists and is no model card of textforge"):
        textforge.push(run, "alice/topics")
    assert list(hub.files("alice/topics")) == ["README.md"]


# -- recipes for others ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("/home/me/data/posts.csv", "posts.csv"),
        (r"C:\Users\me\posts.csv", "posts.csv"),
        ("data/posts.csv", "data/posts.csv"),
        ("/", "/"),
        ("sqlite:////home/me/posts.db", "sqlite:///posts.db"),
        ("file:///home/me/posts.csv", "file:///posts.csv"),
        ("postgresql://me:secret@host/db?sslmode=on&password=x", "postgresql://***@host/db?sslmode=on&password=***"),
        ("https://host/a?token=abc", "https://host/a?token=***"),
        ("a text, with: signs / and @", "a text, with: signs / and @"),
    ],
)
def test_folders_and_passwords_are_taken_out(given: str, expected: str) -> None:
    assert public_text(given) == expected
    assert public_text(expected) == expected


def test_a_public_recipe_keeps_all_other_values() -> None:
    recipe = {"seed": 3, "dataset": {"use": "csv", "train": "/a/b/posts.csv", "token": "x", "columns": {"n": 1.5}},
              "vectorizer": {"use": "union", "of": [{"use": "bow", "ngrams": [1, 2]}]}}  # fmt: skip
    found = yaml.safe_load(public_recipe(yaml.safe_dump(recipe)))
    assert found == {**recipe, "dataset": {**recipe["dataset"], "train": "posts.csv", "token": "***"}}


def test_a_public_environment_has_no_variables_folders_or_names_of_files() -> None:
    found = public_environment({
        "python": "3.11", "variables": {"SECRET": "x"}, "origins": {"textforge": {"source_folder": "/home/me"}},
        "data": {"sha256": "ab", "train": 3, "splits": {}, "inputs": {"/home/me/x.csv": "cd"}},
    })  # fmt: skip
    assert found == {"python": "3.11", "data": {"sha256": "ab", "train": 3, "splits": {}}}


# -- the command -------------------------------------------------------------------------------


def test_the_command_writes_beside_the_run_and_names_the_gaps(run: Path) -> None:
    done = invoke("card", run)
    assert done.returncode == 0, done.stderr
    assert done.stdout == (
        f"card: {run}/README.md\nyours to fill in: license, intended-use, out-of-scope, limits, ethics, contact\n"
    )
    assert (run / "README.md").read_text() == textforge.card(run)
    done = invoke("card", run, "-o", "-")
    assert done.stdout == textforge.card(run)
    (run / "README.md").write_text("mine")
    done = invoke("card", run)
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: {run}/README.md: exists and is no model card")
    assert invoke("card", run, "--force", "--json").returncode == 0


def test_a_card_of_nothing_says_what_was_expected(tmp_path: Path) -> None:
    done = invoke("card", tmp_path / "none")
    assert done.returncode == 2
    assert "no such run or bundle" in done.stderr
