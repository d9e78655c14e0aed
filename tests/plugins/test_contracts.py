"""Every standard part keeps the contract that plugin authors are held to, each by the same test."""

from functools import partial

import pytest
from conftest import make_texts
from test_catalogue import EXAMPLES, PARTS, SMALL

from textforge.testing import contract_tests
from textforge.testing.subject import ALL_KINDS

COMPONENTS = [component for kind in ALL_KINDS for component in PARTS.components(kind)]


def options(component):
    """Options that keep the test quick, and data for a dataset."""
    if component.kind.name == "dataset":
        rows = list(zip(*make_texts(30), strict=True))
        return partial(EXAMPLES[component.name], rows=rows)
    if component.kind.name == "command":
        return None
    return {key: value for key, value in SMALL.items() if key in component.options.fields}


def every_check():
    for component in COMPONENTS:
        tests = contract_tests(component.kind.name, component, options=options(component), plugins=PARTS)
        for check in tests.args[1]:
            yield pytest.param(check, id=f"{component.kind.name}-{component.name}-{check.name}")


def streamed(name, folder):
    return {**options(PARTS.component("dataset", name))(folder), "stream": True}


def every_stream():
    for name in ("csv", "excel", "json", "jsonl", "lines", "parquet", "sql", "tsv"):
        given = partial(streamed, name)
        tests = contract_tests("dataset", PARTS.component("dataset", name), options=given, plugins=PARTS)
        for check in tests.args[1]:
            yield pytest.param(check, id=f"dataset-{name}-streamed-{check.name}")


@pytest.mark.parametrize("check", [*every_check(), *every_stream()])
def test_a_standard_part_keeps_the_contract(check):
    check()
