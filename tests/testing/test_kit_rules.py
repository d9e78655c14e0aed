"""The contract kit as a whole: each rule has a broken example, and the page for authors lists them all."""

import re
from contextlib import suppress

import pytest
import test_kit_common
import test_kit_models
import test_kit_others
import test_kit_training
import test_kit_vectorizers
from conftest import ROOT

from textforge.testing import Skipped
from textforge.testing.subject import ALL_KINDS, EXERCISES

PAGE = (ROOT / "docs" / "testing.md").read_text()
EXAMPLES = [
    example
    for module in (test_kit_common, test_kit_models, test_kit_others, test_kit_training, test_kit_vectorizers)
    for example in module.EXAMPLES
]


def rules():
    from textforge.testing import rules_for

    return {
        (rule.kinds[0] if len(rule.kinds) == 1 else "", rule.name): rule
        for kind in ALL_KINDS
        for rule in rules_for(kind)
    }


@pytest.mark.parametrize(("kind", "name"), rules())
def test_every_rule_has_a_broken_example(kind, name):
    assert any(example.rule == name and kind in ("", example.kind) for example in EXAMPLES)


def test_every_kind_has_rules_and_ordinary_work():
    assert {kind for kind, _ in rules()} == {"", *ALL_KINDS}
    assert set(EXERCISES) == set(ALL_KINDS)


MY_PACKAGE = '''
def my_model(n_features: int, n_classes: int, /, *, dim: int = 100):
    """Two linear layers.

    Options:
        dim: width between them.
    """
    from textforge import FeatureLinear
    from torch import nn

    return nn.Sequential(FeatureLinear(n_features, dim), nn.Linear(dim, n_classes))
'''


def test_the_examples_of_the_page_for_authors_run(tmp_path, monkeypatch, capsys):
    with_pytest, a_dataset, own_texts, without = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    (tmp_path / "my_package.py").write_text(MY_PACKAGE)
    monkeypatch.syspath_prepend(tmp_path)
    names = {}
    exec(with_pytest + a_dataset + own_texts, names)
    for test, check in (("test_my_model", "a-batch-equals-its-singles"), ("test_my_dataset", "repeats-itself")):
        (mark,) = names[test].pytestmark
        assert check in mark.kwargs["ids"]
        for one in mark.args[1]:
            with suppress(Skipped):
                names[test](one)
    (mark,) = names["test_my_model_of_sentences"].pytestmark
    for one in mark.args[1]:
        if one.name == "takes-two-classes-and-five":
            with pytest.raises(Skipped, match="by request: it is for two classes only"):
                one()
        elif one.name in ("is-built-and-used", "learns-its-training-texts"):
            one()
    exec(without, {})
    told = capsys.readouterr().out
    assert "lowers-a-loss ok" in told
    assert "does not apply: its factory does not declare sparse_gradients" in told
    assert "FAILED" not in told


def test_the_page_for_authors_lists_every_check_and_what_it_holds_to():
    told = {}
    for title, section in re.findall(r"^### (.*?)\n(.*?)(?=^#|\Z)", PAGE, re.MULTILINE | re.DOTALL):
        kind = {kind.many.capitalize(): name for name, kind in ALL_KINDS.items()}.get(title, "")
        for name, doc in re.findall(r"^\| `([\w-]+)` \| (.*) \|$", section, re.MULTILINE):
            told[kind, name] = doc
    assert told == {key: rule.doc for key, rule in rules().items()}
