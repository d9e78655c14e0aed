"""The contract kit: what the core relies on in a component, as checks that its author can run.

With pytest::

    from textforge.testing import contract_tests

    @contract_tests("model", my_factory, options={"dim": 8})
    def test_contract(check):
        check()

`contract_tests` makes one test of each check (`pytest.mark.parametrize`); without pytest, `checks` gives the
checks, each to be called. `textforge plugin check NAME` holds an installed plugin to all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from textforge.components.manager import PluginManager
from textforge.components.part import Part
from textforge.testing.checks import (
    RULES,
    Check as Check,
    ContractError as ContractError,
    Rule,
    Skipped as Skipped,
)
from textforge.testing.report import (
    Outcome as Outcome,
    installed as installed,
    outcomes as outcomes,
    read_options as read_options,
)
from textforge.testing.subject import ALL_KINDS, IMPORT_BUDGET, GivenOptions, Subject, component_of

__all__ = [
    "Check", "ContractError", "Outcome", "Skipped", "checks", "contract_tests", "installed", "outcomes", "read_options",
]  # fmt: skip


def checks(
    kind: str,
    component: Any,
    *,
    options: GivenOptions | None = None,
    vectorizer: Part | str | None = None,
    module: Callable[[int, int], Any] | None = None,
    plugins: PluginManager | None = None,
    import_budget: float = IMPORT_BUDGET,
) -> list[Check]:
    """Every check that holds for a kind, for one component. Nothing runs before a check is called.

    Args:
        kind: 'dataset', 'vectorizer', 'model', 'optimizer', 'scheduler', 'loss', 'metric', 'callback',
            'preprocessor' or 'command'.
        component: a factory (for a command the command itself), a string 'package.module:attribute' that names one,
            the name of an installed component, or a `Part`, whose options then count.
        options: options as a recipe would set them; or a function that is given the path of an empty folder, may put
            files there, and returns the options.
        vectorizer: for a model that asks for facts which only some vectorizer gives: that vectorizer, by name or as a
            part. By default the kit's own, or an installed one that gives what is asked for.
        module: for an optimizer that is for certain modules: a function (n_features, n_classes) that makes one, over
            bags of words. By default a network of the kit's own.
        plugins: where names are looked up; by default everything installed.
        import_budget: seconds of processor time that the import of the component's module may take.

    Raises:
        ContractError: the kind or the component cannot be told.
        PluginError: no component has that name.
    """
    found, own = component_of(kind, component, plugins)
    if isinstance(vectorizer, str):
        vectorizer = (plugins or PluginManager()).part("vectorizer", vectorizer)
    subject = Subject(
        found,
        options if options is not None else own,
        vectorizer=vectorizer,
        module=module,
        plugins=plugins,
        import_budget=import_budget,
    )
    return [Check(rule, subject) for rule in rules_for(kind)]


def contract_tests(
    kind: str,
    component: Any,
    *,
    options: GivenOptions | None = None,
    vectorizer: Part | str | None = None,
    module: Callable[[int, int], Any] | None = None,
    plugins: PluginManager | None = None,
    import_budget: float = IMPORT_BUDGET,
) -> Any:
    """A decorator that makes a pytest test of each check; the test's argument `check` is to be called.

    Arguments as for `checks`. It is `pytest.mark.parametrize("check", …)`, with the names of the checks as ids:
    `pytest -k a-batch-equals-its-singles` runs one of them.
    """
    import pytest

    found = checks(
        kind,
        component,
        options=options,
        vectorizer=vectorizer,
        module=module,
        plugins=plugins,
        import_budget=import_budget,
    )
    return pytest.mark.parametrize("check", found, ids=[check.name for check in found])


def rules_for(kind: str) -> list[Rule]:
    """The rules of a kind: those of every component first."""
    modules = ["textforge.testing.common", f"textforge.testing.{ALL_KINDS[kind].many}"]
    for module in modules:
        import_module(module)
    return [rule for module in modules for rule in RULES[module] if rule.is_for(kind)]
