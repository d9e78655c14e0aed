"""The contract kit: checks with which an author can test a component against textforge's contract.

With pytest::

    from textforge.testing import contract_tests

    @contract_tests("model", my_factory, options={"dim": 8})
    def test_contract(check):
        check()

`contract_tests` turns each check into a test (`pytest.mark.parametrize`). Without pytest, call the checks that
`checks` returns. `textforge plugin check NAME` runs all checks of an installed plugin.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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
from textforge.testing.distributions import distribution_outcomes as distribution_outcomes
from textforge.testing.given import skips_for as skips_for, usable_skips, usable_texts
from textforge.testing.report import (
    STATUSES as STATUSES,
    Outcome as Outcome,
    installed as installed,
    options_for as options_for,
    outcomes as outcomes,
    read_options as read_options,
)
from textforge.testing.subject import ALL_KINDS, IMPORT_BUDGET, GivenOptions, Subject, component_of

__all__ = [
    "STATUSES",
    "Check",
    "ContractError",
    "Outcome",
    "Skipped",
    "checks",
    "contract_tests",
    "installed",
    "options_for",
    "outcomes",
    "read_options",
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
    texts: tuple[Sequence[str], Sequence[str]] | None = None,
    skip: Mapping[str, str] | None = None,
) -> list[Check]:
    """Every check of a kind, for one component. Nothing runs until a check is called.

    Args:
        kind: 'dataset', 'vectorizer', 'model', 'optimizer', 'scheduler', 'loss', 'metric', 'callback',
            'preprocessor', 'executor' or 'command'.
        component: a factory (for a command, the `click.Command`), a string 'package.module:attribute' that names one,
            the name of an installed component, or a `Part`, whose options are the default of `options`.
        options: options as in a recipe, or a function that takes the path of an empty folder, may write files there,
            and returns the options.
        vectorizer: for a model that needs facts of a particular vectorizer: that vectorizer, by name or as a part.
            Defaults to one of the kit's own, or to an installed one that gives the facts.
        module: for an optimizer that needs a particular module: a function (n_features, n_classes) that returns a
            module for bags of words. Defaults to a small network of the kit.
        plugins: the plugin manager that looks up names. Defaults to everything installed.
        import_budget: wall time, in seconds, that importing the component's module may take.
        texts: texts and their labels, one label each, for a vectorizer or model that the kit's own short texts do not
            suit: at least ten of each of two or more classes that are easy to tell apart.
        skip: maps names of checks that do not apply to the component to the reasons.

    Raises:
        ContractError: the kind is unknown, `component` is none of the above, `texts` are too few, or `skip` names no
            check of the kind or lacks a reason.
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
        texts=usable_texts(texts),
        skip=usable_skips(skip, [rule.name for rule in rules_for(kind)]),
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
    texts: tuple[Sequence[str], Sequence[str]] | None = None,
    skip: Mapping[str, str] | None = None,
) -> Any:
    """Return a decorator that runs a test once per check, passed as the argument `check`, which the test calls.

    The arguments are those of `checks`. The decorator is `pytest.mark.parametrize("check", …)` with the names of the
    checks as ids, so `pytest -k a-batch-equals-its-singles` runs one of them.
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
        texts=texts,
        skip=skip,
    )
    return pytest.mark.parametrize("check", found, ids=[check.name for check in found])


def rules_for(kind: str) -> list[Rule]:
    """The rules of a kind. Rules for every component come first."""
    modules = ["textforge.testing.common", f"textforge.testing.{ALL_KINDS[kind].many}"]
    for module in modules:
        import_module(module)
    return [rule for module in modules for rule in RULES[module] if rule.is_for(kind)]
