"""Dataset `newsgroups` against scikit-learn's own reading of the real corpus."""

import pytest
import yaml
from in_process import invoke
from sklearn.datasets import fetch_20newsgroups

from textforge import RecipeError
from textforge.components.manager import PluginManager
from textforge_standard.datasets.newsgroups import newsgroups

# in no order, so that an accidental sorting shows
GROUPS = ["sci.space", "comp.graphics", "rec.sport.baseball"]


def reference(subset, categories=GROUPS, remove=()):
    bunch = fetch_20newsgroups(subset=subset, categories=categories, remove=remove)
    return bunch.data, [bunch.target_names[number] for number in bunch.target]


@pytest.mark.corpus
def test_posts_their_order_and_labels_are_scikit_learns(corpus):
    dataset = newsgroups(categories=GROUPS)
    assert dataset.train == reference("train")
    assert dataset.test == reference("test")
    assert (len(dataset.train[0]), len(dataset.test[0])) == (1774, 1180)
    assert dataset.valid is None
    assert dataset.labels() == tuple(sorted(GROUPS))


@pytest.mark.corpus
@pytest.mark.parametrize("remove", [["headers"], ["headers", "footers", "quotes"]], ids=str)
def test_parts_of_posts_are_removed_as_scikit_learn_does(corpus, remove):
    dataset = newsgroups(categories=["sci.space"], remove=remove)
    expected = reference("test", ["sci.space"], tuple(remove))
    assert dataset.test == expected
    assert dataset.test != reference("test", ["sci.space"])


@pytest.mark.corpus
@pytest.mark.slow
def test_no_categories_are_all_twenty_and_every_group_can_be_named(corpus):
    dataset = newsgroups()
    labels = dataset.labels()
    assert len(labels) == 20
    assert (len(dataset.train[0]), len(dataset.test[0])) == (11_314, 7_532)
    options = PluginManager().component("dataset", "newsgroups").options
    checked, mistakes = options.check({"categories": list(labels)})
    assert mistakes == []
    assert checked["categories"] == list(labels)


def test_a_group_named_twice_is_a_mistake():
    with pytest.raises(RecipeError, match="categories names a group twice"):
        PluginManager().part("dataset", "newsgroups", categories=["sci.space", "comp.graphics", "sci.space"])
    with pytest.raises(RecipeError, match="categories must be a list of at least 1, not an empty list"):
        PluginManager().part("dataset", "newsgroups", categories=[])


def test_check_tells_a_wrong_category_with_the_one_that_was_meant(tmp_path, monkeypatch):
    recipe = tmp_path / "recipe.yaml"
    dataset = {"use": "newsgroups", "categories": ["comp.graphics", "sci.spice"], "remove": ["header"]}
    parts = {"vectorizer": {"use": "bow"}, "model": {"use": "linear"}, "optimizer": {"use": "adam"}}
    recipe.write_text(yaml.safe_dump({"dataset": dataset, **parts}, sort_keys=False))
    # no corpus is needed to find it, nor is one looked for
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(tmp_path / "cache"))
    done = invoke("check", recipe)
    assert done.returncode == 2
    assert "sci.spice" in done.stderr
    assert "Did you mean 'sci.space'?" in done.stderr
    assert "Did you mean 'headers'?" in done.stderr  # both mistakes at once
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("From: a\nSubject: Re: The  Moon\nLines: 3", "the moon"),
        ("Subject: RE: re: Re[2]: the moon", "the moon"),
        ("subject:\tThe Moon", "the moon"),
        ("From: a\nLines: 3", "post 7"),
        ("Subject: ", "post 7"),
        ("Subject: Re:", "post 7"),
    ],
)
def test_a_thread_is_a_subject_without_its_re(header, name):
    from textforge_standard.datasets.newsgroups import thread

    assert thread(f"{header}\n\nSubject: quoted\n", 7) == name


@pytest.mark.corpus
def test_posts_of_a_thread_are_a_group_also_where_headers_are_removed(corpus):
    from textforge.data.splits import holdout

    dataset = newsgroups(categories=["sci.space", "sci.med"])
    stripped = newsgroups(categories=["sci.space", "sci.med"], remove=["headers"])
    assert dataset.groups == stripped.groups
    assert 0.3 < len(set(dataset.groups)) / len(dataset.groups) < 0.9
    keep, held = holdout(dataset.train[1], 0.2, 0, dataset.groups)
    assert not {dataset.groups[row] for row in keep} & {dataset.groups[row] for row in held}
    assert 0.18 < len(held) / len(dataset.groups) < 0.22
