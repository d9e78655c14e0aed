"""Plugins written by `textforge plugin new`, unedited: they install, pass their own tests, and their recipes run."""

from __future__ import annotations

import json
import os
import re
import site
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import only_json

from textforge_standard.commands.plugin.new import write
from textforge_standard.commands.plugin.scaffold import KINDS, Plugin, files

pytestmark = pytest.mark.slow

PARSED_ONCE = """
import ast
import types
from functools import cache

from textforge_standard.datasets import docstrings

docstrings.ast = types.SimpleNamespace(**{**vars(ast), "parse": cache(ast.parse)})
docstrings._files = (lambda find: lambda package: [*find(package)])(cache(docstrings._files))
"""
"""Beside the plugins, for the recipes that a single process runs: nine of them read the same files."""


LACKS = """
from textforge.testing.wheels import editable_source, missing_from_wheel
print(missing_from_wheel(editable_source("textforge-my-part").resolve(), ["textforge_my_part"]))
"""


class Environment:
    """A new virtual environment that also finds every package installed here; nothing is downloaded."""

    def __init__(self, folder: Path) -> None:
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
        self.python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
        asked = [self.python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
        packages = Path(subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip())
        lines = [f"import site; site.addsitedir({one!r})" for one in site.getsitepackages()]
        self.folder = folder.parent
        (packages / "here.pth").write_text("\n".join(lines))

    def run(self, folder: Path, *arguments: str) -> str:
        """Run Python in a folder that is not on the import path, as for a console script; return its stdout."""
        done = self.called(folder, *arguments)
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
        return done.stdout

    def called(self, folder: Path, *arguments: str) -> subprocess.CompletedProcess:
        """As `run`, but whatever the exit code is."""
        return subprocess.run(
            [self.python, *arguments],
            cwd=folder,
            env={**os.environ, "PYTHONSAFEPATH": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
            capture_output=True,
            text=True,
            timeout=280,
        )

    def install(self, folder: Path, *plugins: str) -> None:
        asked = [word for plugin in plugins for word in ("-e", f"{plugin}[test]")]
        self.run(folder, "-m", "pip", "install", "--quiet", "--no-build-isolation", "--no-index", *asked)

    def offered(self, folder: Path) -> set[tuple[str, str]]:
        """Kind and name of every installed component; no plugin is broken."""
        listing = json.loads(self.run(folder, "-m", "textforge", "plugins", "--json"))
        assert listing["broken"] == []
        return {(kind, one["name"]) for kind, parts in listing["kinds"].items() for one in parts}


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """Where a plugin of every kind, and ten of one kind each, lie and are installed, all in one go."""
    folder = tmp_path_factory.mktemp("new")
    made = Environment(folder / "environment")
    options = [word for kind in KINDS for word in ("--kind", kind)]
    told = made.run(folder, "-m", "textforge", "plugin", "new", "my-part", *options)
    assert "cd textforge-my-part\n  pip install -e '.[test]'\n  pytest && textforge run recipe.yaml" in told
    for kind in KINDS:
        plugin = Plugin(name=f"my-{kind}", kinds=(kind,))
        write(folder / plugin.distribution, files(plugin))
    (folder / "conftest.py").write_text(PARSED_ONCE)
    made.install(folder, *(f"./textforge-my-{name}" for name in ("part", *KINDS)))
    return made


def test_what_the_command_writes_is_found_once_it_is_installed(here: Environment) -> None:
    found = here.offered(here.folder)
    assert {kind for kind, name in found if name == "my-part"} == set(KINDS)
    assert {(kind, f"my-{kind}") for kind in KINDS} <= found


@pytest.fixture(scope="module")
def tested(here: Environment) -> str:
    """What pytest prints for the tests of all distributions, run in one process, where all pass.

    The contract checks, and the test of the wheel, run for the plugin of every kind only: the others have the same
    components.
    """
    folders = ["textforge-my-part", *(f"textforge-my-{kind}" for kind in KINDS)]
    chosen = "my_part or not (contract or wheel)"
    return here.run(here.folder, "-m", "pytest", "-p", "no:cacheprovider", "-rA", "-k", chosen, *folders)


def passed(tested: str, name: str) -> list[str]:
    """The tests of a distribution that passed."""
    return re.findall(rf"^PASSED \S*/test_my_{name}\.py::(\S+)", tested, re.MULTILINE)


def test_a_plugin_of_every_kind_passes_its_tests(tested: str) -> None:
    contract = [name for name in passed(tested, "part") if "contract" in name]
    assert len({name.partition("[")[0] for name in contract}) >= len(KINDS) - 1  # all but commands, maybe in one test
    assert len(passed(tested, "part")) > len(contract)
    assert passed(tested, "part_wheel") == ["test_the_wheel_has_all_that_the_recipe_needs"]


def test_a_module_that_its_wheel_would_lack_fails_its_tests_and_its_check(here: Environment) -> None:
    folder = here.folder / "textforge-my-part"
    pyproject, module = folder / "pyproject.toml", folder / "src" / "textforge_my_part" / "__init__.py"
    before = pyproject.read_text(), module.read_text()
    (folder / "src" / "beside.py").write_text("")
    module.write_text(f"import beside  # noqa: F401\n{before[1]}")
    try:
        test = here.called(folder, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/test_my_part_wheel.py")
        lacks = here.run(folder, "-c", LACKS)
    finally:
        module.write_text(before[1])
        (folder / "src" / "beside.py").unlink()
    assert test.returncode == 1
    assert "No module named 'beside'" in test.stdout
    assert lacks == "(['beside'], [])\n"


def test_its_recipe_uses_a_part_of_every_kind(here: Environment) -> None:
    folder = here.folder / "textforge-my-part"
    result = only_json(here.run(folder, "-m", "textforge", "run", "recipe.yaml", "--json"))
    assert result["test"]["accuracy"] > 0.4
    assert result["warnings"] == []
    named = parts_of(Path(folder / result["run"]) / "resolved.yaml")
    used = {kind for kind, name in named if name == "textforge-my-part/my-part"}
    assert {kind for kind in KINDS if kind != "command"} <= used


@pytest.mark.parametrize("kind", KINDS)
def test_a_plugin_of_one_kind_passes_its_tests_which_run_its_recipe(tested: str, kind: str) -> None:
    assert "test_the_recipe_does_better_than_guessing" in passed(tested, kind)
    assert len(passed(tested, kind)) > 1


def parts_of(resolved: Path) -> set[tuple[str, str]]:
    """Kind and name of every part of a resolved recipe, nested ones included."""
    import yaml

    found = set()

    def look(kind: str, section: object) -> None:
        if isinstance(section, list):
            for one in section:
                look({"steps": "preprocessor"}.get(kind, kind.removesuffix("s")), one)
        elif isinstance(section, dict):
            if "use" in section:
                found.add((kind, section["use"]))
            for key, inner in section.items():
                look(key, inner)

    look("", yaml.safe_load(resolved.read_text()))
    return found
