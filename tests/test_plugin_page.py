"""docs/plugins.md and docs/hooks.md: every plugin shown there is installed, run, saved and loaded as it stands."""

from __future__ import annotations

import ast
import contextlib
import inspect
import os
import re
import subprocess
import sys
import tomllib
import types
import zipfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import yaml
from conftest import ROOT, only_json, textforge as command

import textforge
from textforge import PluginManager
from textforge.components import hookspecs
from textforge.components.kinds import FACTS, KINDS
from textforge_standard.datasets import docstrings

PAGE = (ROOT / "docs/plugins.md").read_text()
HOOKS = (ROOT / "docs/hooks.md").read_text()
EXAMPLES = [
    (name, code, recipe)
    for name, code, recipe in re.findall(
        r"^```python\n# (?:src/)?(textforge_\w+)(?:/__init__)?\.py\n(.*?)^```\n(?:\n```yaml\n(.*?)^```)?",
        PAGE,
        re.DOTALL | re.MULTILINE,
    )
]
"""Each complete module on the page, and the recipe that follows it."""
NAMED = {name: (code, recipe) for name, code, recipe in EXAMPLES}
RUN = [name for name, _, recipe in EXAMPLES if recipe]


BUILD = """
import os, sys
from hatchling.build import build_wheel
for folder in sys.argv[2:]:
    os.chdir(folder)
    build_wheel(sys.argv[1])
"""


@pytest.fixture(scope="module", autouse=True)
def sources_parsed_once() -> Iterator[None]:
    """Most recipes of the page read the docstrings of the same files."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(docstrings, "ast", types.SimpleNamespace(**{**vars(ast), "parse": cache(ast.parse)}))
        yield


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with the wheel of every plugin of the page, built from a package folder as the page says."""
    base = tmp_path_factory.mktemp("page")
    folder, projects = base / "site", []
    for name, code, _ in EXAMPLES:
        project = base / name
        package = project / "src" / name
        package.mkdir(parents=True)
        (package / "__init__.py").write_text(code)
        toml = pieces("Ten lines", "toml")[0].replace("textforge_two_layers", name)
        toml = toml.replace("textforge-two-layers", name.replace("_", "-"))
        (project / "pyproject.toml").write_text(toml)
        projects.append(project)
    subprocess.run([sys.executable, "-c", BUILD, base, *projects], check=True, capture_output=True)
    for wheel in base.glob("*.whl"):
        zipfile.ZipFile(wheel).extractall(folder)
    sys.path.insert(0, str(folder))
    yield folder
    sys.path.remove(str(folder))
    for name in NAMED:
        sys.modules.pop(name, None)


@pytest.fixture
def parts(site: Path) -> PluginManager:
    plugins = PluginManager()
    assert plugins.broken == []
    return plugins


def own_component(parts: PluginManager, name: str):
    """The component that a module of the page gives."""
    (found,) = [
        component for kind in (*KINDS, "executor", "command") for component in parts.components(kind)
        if component.origin.distribution == name.replace("_", "-")
    ]  # fmt: skip
    return found


def test_there_is_an_example_for_every_hook():
    shown = {hook for _, code, _ in EXAMPLES for hook in re.findall(r"def (textforge_\w+)\(\)", code)}
    assert shown == {name for name in vars(hookspecs) if name.startswith("textforge_")}
    assert set(RUN) == set(NAMED) - {
        "textforge_two_layers", "textforge_count", "textforge_logarithm", "textforge_threads",
    }  # fmt: skip


def test_they_are_all_listed_and_none_is_broken(site):
    listing = only_json(command("plugins", "--json", env={"PYTHONPATH": str(site)}).stdout)
    assert listing["broken"] == []
    found = {one["distribution"] for components in listing["kinds"].values() for one in components}
    assert {name.replace("_", "-") for name in NAMED} <= found


@pytest.mark.parametrize("name", RUN)
def test_one_runs_with_its_recipe_and_its_bundle_answers_alike(parts, tmp_path, name):
    recipe = yaml.safe_load(NAMED[name][1])
    run = textforge.run(recipe, plugins=parts, out=tmp_path / "run")
    assert not [warning for warning in run.result["warnings"] if "callback" in warning]
    assert run.test["accuracy"] > 0.6, "chance is a half"
    texts = ["An array of MOON numbers.", "", "tensor " * 50]
    again = textforge.load(run.path, plugins=parts, engine="torch")
    assert np.array_equal(again.predict_proba(texts), run.classifier.predict_proba(texts))
    described = own_component(parts, name)
    assert described.doc
    assert all(option.doc for option in described.options.fields.values())


@pytest.mark.parametrize("name", NAMED)
def test_one_keeps_the_contract(parts, name):
    from textforge.testing import Skipped, checks

    component = own_component(parts, name)
    for check in checks(component.kind.name, component.name, plugins=parts):
        with contextlib.suppress(Skipped):
            check()


def test_the_ten_line_plugin_is_ten_lines_and_runs(parts, tmp_path):
    code = NAMED["textforge_two_layers"][0]
    lines = [line for line in re.sub(r'""".*?"""', "", code, flags=re.DOTALL).splitlines() if line.strip()]
    assert len(lines) <= 10
    recipe = {**yaml.safe_load(NAMED["textforge_bottleneck"][1]), "model": {"use": "two-layers", "dim": 50}}
    assert textforge.run(recipe, plugins=parts, out=tmp_path / "run").test["accuracy"] > 0.6


def test_the_callback_adds_what_the_page_says(parts, tmp_path):
    run = textforge.run(yaml.safe_load(NAMED["textforge_slowest"][1]), plugins=parts, out=tmp_path / "run")
    assert list(run.result["added"]) == ["slowest"]
    assert list(run.result["added"]["slowest"]) == ["slowest_epoch"]
    assert '"added": {"slowest": {"seconds_so_far": ' in (run.path / "metrics.jsonl").read_text()


def test_the_executor_runs_seeds(parts: PluginManager, recipe_file: Path, tmp_path: Path) -> None:
    there = textforge.run_seeds(recipe_file, [0, 1], out=tmp_path / "there", on="threads", plugins=parts)
    here = textforge.run_seeds(recipe_file, [0, 1], out=tmp_path / "here")
    assert there.result["figures"] == here.result["figures"]


def test_the_command_counts_lines(site):
    done = command("count", "-", stdin="a\nb\n", env={"PYTHONPATH": str(site)})
    assert (done.returncode, done.stdout) == (0, "2\n")


def test_a_model_over_sequences_gives_a_text_alone_what_it_gives_it_in_a_batch(parts, tmp_path):
    run = textforge.run(yaml.safe_load(NAMED["textforge_mean_vector"][1]), plugins=parts, out=tmp_path / "run")
    alone, together = (run.classifier.predict_proba(texts)[0] for texts in (["an array"], ["an array", "x " * 50]))
    assert np.allclose(alone, together, atol=1e-6)


# -- the pieces between --------------------------------------------------------------------------------


def pieces(title: str, language: str = "python") -> list[str]:
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE)
    assert found, title
    return re.findall(rf"^```{language}\n(.*?)^```", found[1], re.DOTALL | re.MULTILINE)


def test_the_pyproject_of_the_first_plugin_is_one():
    project = tomllib.loads(pieces("Ten lines", "toml")[0])
    assert project["project"]["entry-points"]["textforge"] == {"two-layers": "textforge_two_layers"}


def test_the_factory_example_and_its_check_of_options_work():
    from textforge.components.options import Options

    names: dict = {}
    for code in pieces("Factories: facts and options"):
        exec(code, names)
    options = Options(names["my_model"], "model 'my-model'")
    assert options.facts == ("n_features", "n_classes")
    assert [o.type_text for o in options.fields.values()] == ["int >= 1", "'mean' | 'sum'", "float > 0"]
    assert all(o.doc for o in options.fields.values())
    assert options.check({"pool": "sum", "scale": 2.0})[1] == []
    ((_, message),) = options.check({"scale": 2.0})[1]
    assert message == "model 'my-model': scale has no effect on the mean; leave it out."


def test_the_tests_that_it_shows_pass(site, tmp_path):
    chosen = "comes_back or takes-a-single-text"  # test_one_keeps_the_contract holds the same module to every check
    for code in pieces("Testing it"):
        name = re.match(r"# (\w+\.py)\n", code)[1]
        (tmp_path / name).write_text(code)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-k", chosen, tmp_path],
        capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(site)}, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout


def test_the_translation_of_options_that_it_shows_works(site):
    from textforge_two_layers import two_layers

    names = {"two_layers": two_layers}
    exec(pieces("Versions")[0], names)
    try:
        assert two_layers.upgrade_options({"width": 3}, "1.0") == {"dim": 3}
    finally:
        del two_layers.upgrade_options


def test_the_page_tells_the_plugin_api():
    assert f"`textforge.PLUGIN_API`, now {textforge.PLUGIN_API}." in PAGE


# -- hooks ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name in vars(hookspecs) if name.startswith("textforge_")])
def test_a_hook_is_on_its_page_with_its_exact_arguments_and_facts(name):
    hook = getattr(hookspecs, name)
    found = re.search(rf"^## {name}(\(.*?\)) -> .*?\n(.*?)(?=^## |\Z)", HOOKS, re.DOTALL | re.MULTILINE)
    assert found, f"docs/hooks.md has no section for {name}"
    assert found[1] == str(inspect.signature(hook)).partition(" ->")[0]
    assert inspect.getdoc(hook) in found[2]
    told = re.findall(r"^\| `(\w+)` \|", found[2], re.MULTILINE)
    facts = next((kind.facts for kind in KINDS.values() if kind.hook == name), ())
    assert told[: len(facts)] == list(facts)


def test_every_fact_has_a_meaning():
    assert {fact for kind in KINDS.values() for fact in kind.facts} <= set(FACTS)
