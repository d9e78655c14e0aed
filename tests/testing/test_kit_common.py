"""The contract kit: what every component is held to."""

import logging
import os
import random
import sys
import warnings
from multiprocessing.spawn import get_preparation_data
from types import ModuleType

import kit_broken_common as broken
import numpy as np
import pytest
import torch
from kit_examples import Broken, failures, holds

from textforge import PluginManager
from textforge.testing import ContractError, Skipped, checks, contract_tests, processes


def metric(rule, component, *says, **more):
    return Broken("metric", rule, component, says, more)


EXAMPLES = [
    metric("its-docstring-says-what-it-is", broken.undocumented, "no docstring", "first line"),
    metric("its-options-are-typed-and-documented", broken.silent_option, "power", "under 'Options:'"),
    metric("its-options-are-typed-and-documented", broken.untyped_option, "'power' has no type", "power: float = 0.1"),
    metric("is-built-and-used", broken.failing, "ValueError (no such thing)", "Fix this first"),
    metric("is-built-and-used", broken.needing, "'power' is missing", "options={…}"),
    metric("prints-nothing", broken.printing, "it printed 'measuring", "stdout is for results"),
    metric("prints-nothing", broken.printing_past_python, "it printed 'measuring", "stdout is for results"),
    metric("warns-of-nothing", broken.warning, "UserWarning: this is not what you want", "Fix its cause"),
    metric("touches-no-global-random-state", broken.drawing, "state of random.", "random.Random(seed)"),
    metric("touches-no-global-random-state", broken.seeding, "state of numpy.random.", "default_rng(seed)"),
    metric("touches-no-global-random-state", broken.drawing_of_torch, "state of torch.", "Only a model may draw"),
    metric("changes-no-setting-of-torch", broken.one_thread, "set_num_threads(1)", "restore them"),
    metric("changes-no-setting-of-torch", broken.many_threads, "set_num_threads(7)", "restore them"),
    metric("changes-no-setting-of-torch", broken.double_precision, "torch.float32 -> torch.float64", "restore them"),
    metric(
        "changes-nothing-of-the-process", broken.setting_a_variable, "os.environ['TEXTFORGE_KIT_TEST']", "restore it"
    ),
    metric("changes-nothing-of-the-process", broken.changing_the_folder, "the working directory", "restore it"),
    metric("changes-nothing-of-the-process", broken.configuring_logging, "the level of the root logger", "restore it"),
    metric("changes-nothing-of-the-process", broken.silencing_warnings, "the filters of warnings", "restore it"),
    metric("repeats-itself", broken.counting, "differ the second time: figure", "no state at module level"),
    Broken(
        "metric",
        "is-imported-quickly",
        "kit_slow_import:metric",
        ("polars ", "inside the factory", "by a string"),
        {"import_budget": 0.02},
    ),
    metric(
        "its-import-changes-nothing", "kit_loud_import:metric", "stdout (it printed), os.environ", "only define things"
    ),
    Broken(
        "metric",
        "is-imported-quickly",
        "kit_sleeping_import:metric",
        ("takes 0.3", "inside the factory"),
        {"import_budget": 0.2},
    ),
    metric(
        "its-import-changes-nothing",
        "kit_rude_import:metric",
        "the running threads",
        "the handlers of signals",
        "the filters of warnings",
    ),
    metric("works-in-a-spawned-process", broken.hashing, "these results differ: figure", "sorted(…)", "hashlib"),
]


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_a_broken_metric_fails_its_check_alone_with_what_to_do(example):
    holds(example)


@contract_tests("metric", broken.good)
def test_contract_tests_makes_a_test_of_each_check(check):
    check()


def test_each_check_says_in_a_line_what_it_holds_a_component_to():
    found = checks("metric", broken.good)
    names = [check.name for check in found]
    assert len(set(names)) == len(names)
    assert {"repeats-itself", "works-in-a-spawned-process", "a-perfect-answer-is-not-the-worse"} <= set(names)
    for check in found:
        assert check.doc.endswith(".")
        assert str(check) == f"metric 'good': {check.name}"


def test_the_world_is_as_it_was_after_every_broken_example():
    def world():
        return (
            random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist(), dict(os.environ),
            torch.get_num_threads(), torch.get_default_dtype(), os.getcwd(), logging.getLogger().level,
            list(warnings.filters),
        )  # fmt: skip

    failures("metric", broken.undocumented)  # imports what the kit needs; sympy, imported by torch, adds a filter
    before = world()
    for component in (broken.seeding, broken.many_threads, broken.double_precision, broken.changing_the_folder,
                      broken.configuring_logging, broken.silencing_warnings, broken.setting_a_variable):  # fmt: skip
        assert failures("metric", component)
    assert world() == before


def test_what_is_printed_reaches_nobody(capfd):
    failures("metric", broken.printing)
    failures("metric", broken.printing_past_python)
    assert capfd.readouterr() == ("", "")


def test_a_factory_that_no_process_could_import_is_skipped_with_the_reason():
    def inside():
        """A metric inside a function."""
        return broken.confidence

    (check,) = [check for check in checks("metric", inside) if check.name == "works-in-a-spawned-process"]
    with pytest.raises(Skipped, match="define it at the top of a module"):
        check()


def test_a_part_brings_its_options_and_a_name_finds_what_is_registered():
    class Plugin:
        from textforge import hookimpl

        @hookimpl
        def textforge_metrics(self):
            return {"confident": broken.needing}

    parts = PluginManager(entry_points=False)
    parts.register(Plugin())
    assert not failures("metric", parts.part("metric", "confident", power=2.0))
    assert not failures("metric", "confident", plugins=parts, options={"power": 2.0})
    assert set(failures("metric", "confident", plugins=parts)) == {"is-built-and-used"}


@pytest.mark.parametrize(
    ("kind", "component", "says"),
    [
        ("metrics", broken.good, "unknown kind 'metrics'. Kinds: dataset"),
        ("metric", 3, "a int cannot be used as metric: give a factory"),
    ],
)
def test_what_is_no_component_is_refused(kind, component, says):
    with pytest.raises(ContractError, match=says):
        checks(kind, component)


def test_a_budget_may_be_larger():
    assert not failures("metric", "kit_slow_import:metric", import_budget=60)


def test_options_may_be_made_from_a_folder():
    seen = []

    def options(folder):
        seen.append(folder)
        assert folder.is_dir()
        assert not list(folder.iterdir())
        return {"power": 1.0}

    assert not failures("metric", broken.needing, options=options)
    assert len(seen) == 1, "made once"


def test_a_script_may_run_the_checks_and_is_not_run_again_by_the_other_process(monkeypatch):
    script = ModuleType("__main__")
    script.__file__ = "script.py"
    monkeypatch.setitem(sys.modules, "__main__", script)
    assert "init_main_from_path" in get_preparation_data("worker"), "multiprocessing would run it"
    with processes._without_script():
        assert "init_main_from_path" not in get_preparation_data("worker")
    assert sys.modules["__main__"] is script
