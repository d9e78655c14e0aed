"""A bundle finds its parts in the distribution that it names, whatever else is installed."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from conftest import make_texts, shipped
from torch import nn

import textforge
from textforge import BundleError, Dataset, FeatureLinear, Model, PluginManager, hookimpl
from textforge.components.component import Origin

TEXTS, LABELS = make_texts(40)


def small(n_features: int, n_classes: int, /, *, width: int = 2) -> nn.Module:
    """A small network."""
    return nn.Sequential(FeatureLinear(n_features, width), nn.Linear(width, n_classes))


def other(n_features: int, n_classes: int, /, *, depth: int = 1) -> nn.Module:
    """Another one, with other options."""
    return FeatureLinear(n_features, n_classes)


def around(facts: dict[str, Any], /, *, of: Model) -> nn.Module:
    """A model around a model."""
    return of.build(facts)


def untyped(*, dim=1): ...


def with_models(plugins: PluginManager, distribution: str, /, **models: Any) -> PluginManager:
    named = {name.replace("_", "-"): model for name, model in models.items()}
    plugins.register(SimpleNamespace(textforge_models=hookimpl(lambda: named)), origin=Origin(distribution, "1.0"))
    return plugins


def saved(plugins: PluginManager, folder: Path, model: Any, **options: Any) -> tuple[Path, list[Any]]:
    """A bundle of a model, and its answers."""
    parts = [plugins.part(kind, name) for kind, name in (("vectorizer", "bow"), ("optimizer", "adam"))]
    parts.insert(1, plugins.part("model", model, **options))
    classifier = textforge.Trainer(Dataset(train=(TEXTS, LABELS)), *parts, epochs=1, seed=0).fit()
    return textforge.save(classifier, folder / "bundle"), classifier.predict_proba(TEXTS).tolist()


def answers(path: Path, plugins: PluginManager) -> tuple[str, list[Any]]:
    """Distribution of the model, and its answers."""
    classifier = textforge.load(path, plugins=plugins, engine="torch")
    return classifier.parts["model"].component.origin.distribution, classifier.predict_proba(TEXTS).tolist()


def test_a_bundle_of_a_standard_part_loads_beside_a_twin(tmp_path: Path) -> None:
    path, expected = saved(shipped(), tmp_path, "mlp", hidden=[4])
    assert answers(path, with_models(shipped(), "textforge-twin", mlp=other)) == ("textforge", expected)


def test_a_bundle_of_a_twin_loads_beside_the_standard_part(tmp_path: Path) -> None:
    plugins = with_models(shipped(), "Textforge_Twin", mlp=small)
    path, expected = saved(plugins, tmp_path, "textforge-twin/mlp")
    assert answers(path, plugins) == ("Textforge_Twin", expected)
    assert answers(path, with_models(shipped(), "textforge.twin", mlp=small)) == ("textforge.twin", expected)


def test_a_bundle_of_a_plugin_loads_beside_another_with_its_name_and_with_a_textforge_that_has_it_too(
    tmp_path: Path,
) -> None:
    path, expected = saved(with_models(shipped(), "one", own=small), tmp_path, "own")
    plugins = with_models(with_models(shipped(), "two", own=other), "textforge", own=other)
    assert answers(path, with_models(plugins, "one", own=small)) == ("one", expected)


def test_the_parts_within_a_part_are_found_by_distribution_too(tmp_path: Path) -> None:
    plugins = with_models(shipped(), "textforge-twin", mlp=small, around=around)
    path, expected = saved(plugins, tmp_path, "around", of={"use": "textforge-twin/mlp", "width": 3})
    later = with_models(shipped(), "late", around=other, mlp=other)
    with_models(later, "textforge-twin", mlp=small, around=around)
    assert answers(path, later) == ("textforge-twin", expected)


def test_a_part_of_that_name_from_elsewhere_is_named_but_not_taken(tmp_path: Path) -> None:
    path, _ = saved(with_models(shipped(), "one", own=small), tmp_path, "own")
    with pytest.raises(BundleError) as error:
        textforge.load(path, plugins=with_models(shipped(), "two", own=small))
    assert "needs model 'own' from the distribution one 1.0, which is not installed." in str(error.value)
    assert "The installed 'two/own' is another one." in str(error.value)
    assert str(error.value).endswith("Install it: pip install 'one==1.0'")


def test_a_part_whose_distribution_is_broken_is_reported_with_the_reason(tmp_path: Path) -> None:
    path, _ = saved(with_models(shipped(), "one", own=small), tmp_path, "own")
    plugins = shipped()
    with pytest.raises(textforge.PluginError):
        with_models(plugins, "one", own=untyped)
    with pytest.raises(BundleError, match=r"distribution one 1\.0, which is broken: .*option 'dim' has no type"):
        textforge.load(path, plugins=plugins)


def test_a_part_registered_in_code_is_found_in_code_or_in_any_distribution(tmp_path: Path) -> None:
    plugins = shipped()
    plugins.register(SimpleNamespace(textforge_models=hookimpl(lambda: {"mlp": small, "own": small})))
    path, expected = saved(plugins, tmp_path, "this-program/mlp")
    assert answers(path, plugins) == ("this program", expected)
    (tmp_path / "second").mkdir()
    path, expected = saved(plugins, tmp_path / "second", "own")
    assert answers(path, with_models(shipped(), "published", own=small)) == ("published", expected)
    with pytest.raises(BundleError, match="had registered in code"):
        textforge.load(path, plugins=shipped())
