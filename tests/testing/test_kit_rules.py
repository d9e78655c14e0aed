"""The contract kit as a whole: each rule has a broken example, and the page for authors lists them all."""

import re

import pytest
import test_kit_common
import test_kit_models
import test_kit_others
import test_kit_training
import test_kit_vectorizers
from conftest import ROOT

from textforge.testing.subject import ALL_KINDS, EXERCISES

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


def test_the_page_for_authors_lists_every_check_and_what_it_holds_to():
    page = (ROOT / "docs" / "testing.md").read_text()
    told = {}
    for title, section in re.findall(r"^### (.*?)\n(.*?)(?=^#|\Z)", page, re.MULTILINE | re.DOTALL):
        kind = {kind.many.capitalize(): name for name, kind in ALL_KINDS.items()}.get(title, "")
        for name, doc in re.findall(r"^\| `([\w-]+)` \| (.*) \|$", section, re.MULTILINE):
            told[kind, name] = doc
    assert told == {key: rule.doc for key, rule in rules().items()}
