"""A wrapper lends no method of the vectorizer within: it would see texts that the wrapper has not changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import pytest
from conftest import make_texts

import textforge
from textforge import Dataset, PluginManager, RecipeError, Stream, Trainer, Vectorizer
from textforge.data import own_method

TEXTS, LABELS = make_texts(60)


class First:
    """Any vectorizer over the first word of each text; everything else is that of the vectorizer.

    Options:
        of: the vectorizer.
    """

    def __init__(self, facts: dict[str, Any], /, *, of: Vectorizer = "tfidf") -> None:  # type: ignore[assignment]
        self.inner = of.build(facts)

    @staticmethod
    def gives(*, of: Any) -> Any:
        return of.gives

    def first(self, texts: Any) -> list[str]:
        return [(text.split() or [""])[0] for text in texts]

    def fit(self, texts: Any) -> Self:
        self.inner.fit(self.first(texts))
        return self

    def transform(self, texts: Any) -> Any:
        return self.inner.transform(self.first(texts))

    def state(self) -> dict[str, Any]:
        return {"inner": self.inner.state()}

    def from_state(self, state: dict[str, Any]) -> Self:
        self.inner = self.inner.from_state(state["inner"])
        return self

    def __getattr__(self, name: str) -> Any:
        if name == "inner":
            raise AttributeError(name)
        return getattr(self.inner, name)


def made_by_a_function(facts: dict[str, Any], /, *, of: Vectorizer = "tfidf") -> First:  # type: ignore[assignment]
    """What it defines is known only once it is called."""
    return First(facts, of=of)


def wrapper(*path: str) -> Any:
    """The vectorizer `First` over `tfidf` within other vectorizers, as a part."""
    plugins = PluginManager()
    plugins.register(
        type("Plugin", (), {"textforge_vectorizers": textforge.hookimpl(lambda: {"first": made_by_a_function})})
    )
    part = plugins.part("vectorizer", "first")
    for name in path:
        options = {"union": {"of": [part]}, "preprocess": {"steps": ["lowercase"], "vectorizer": part}}
        part = plugins.part("vectorizer", name, **options[name])
    return part


INSIDE = [(), ("preprocess",), ("union",), ("union", "preprocess")]


@pytest.mark.parametrize("path", INSIDE)
def test_it_is_trained_on_the_texts_that_it_predicts_on(path: tuple[str, ...]) -> None:
    trainer = Trainer(Dataset(train=(TEXTS, LABELS)), wrapper(*path), "linear", "adam", epochs=1)
    classifier = trainer.fit()
    assert {name.split("__")[-1] for name in classifier.feature_names or ()} == {text.split()[0] for text in TEXTS}


@pytest.mark.parametrize("path", INSIDE)
def test_it_says_of_no_feature_where_it_stands_and_does_not_grow(path: tuple[str, ...]) -> None:
    classifier = Trainer(Dataset(train=(TEXTS, LABELS)), wrapper(*path), "linear", "adam", epochs=1).fit()
    (found,) = textforge.explain(classifier, [TEXTS[0]])
    assert found.method == "deletion"
    with pytest.raises(RecipeError, match="cannot grow its vocabulary"):
        textforge.Start(classifier, vocabulary="grow")


@pytest.mark.parametrize("path", INSIDE)
def test_it_does_not_learn_from_a_stream_if_only_the_vectorizer_within_does(path: tuple[str, ...]) -> None:
    stream = Stream(1, lambda _: (TEXTS, LABELS))
    with pytest.raises(RecipeError, match="it has no fit_chunks"):
        Trainer(Dataset(train=stream), wrapper(*path), "linear", "adam", epochs=1).fit()


def test_a_method_of_the_class_or_of_the_object_is_its_own_and_a_property_may_lack_it() -> None:
    class Maybe:
        own = True

        def __getattr__(self, name: str) -> Any:
            if name == "lent":
                return print
            raise AttributeError(name)

        @property
        def grow(self) -> Any:
            if not self.own:
                raise AttributeError("grow")
            return print

        def fit(self) -> None: ...

    one = Maybe()
    one.spans = len  # type: ignore[attr-defined]
    one.gives = ()  # type: ignore[attr-defined]
    names = ("fit", "grow", "spans", "lent", "gives", "absent")
    assert [own_method(one, name) is not None for name in names] == [True, True, True, False, False, False]
    Maybe.own = False
    assert own_method(one, "grow") is None


def test_a_missing_path_is_named_in_code_too(tmp_path: Path) -> None:
    def careless(*, files: list[Path]) -> Any:
        return [file.read_text() for file in files]

    plugins = PluginManager()
    plugins.register(type("Plugin", (), {"textforge_datasets": textforge.hookimpl(lambda: {"careless": careless})}))
    (tmp_path / "there").write_bytes(b"\xff")
    part = plugins.part("dataset", "careless", files=[tmp_path / "there"])
    with pytest.raises(textforge.ComponentError, match="UnicodeDecodeError"):
        part.build({})
    part = plugins.part("dataset", "careless", files=[tmp_path / "away"])
    with pytest.raises(textforge.DataError, match=r"dataset 'careless': files: no file or folder .*away\.") as found:
        part.build({})
    assert isinstance(found.value.__cause__, FileNotFoundError)
