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
        done = subprocess.run(
            [self.python, *arguments],
            cwd=folder,
            env={**os.environ, "PYTHONSAFEPATH": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
            capture_output=True,
            text=True,
            timeout=280,
        )
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
        return done.stdout

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


def test_a_plugin_of_every_kind_passes_its_tests_and_its_recipe_uses_every_part(here: Environment) -> None:
    folder = here.folder / "textforge-my-part"
    passed = here.run(folder, "-m", "pytest", "-p", "no:cacheprovider")
    assert re.search(r" \d+ passed(, \d+ skipped)? in ", passed.splitlines()[-1]), passed

    result = only_json(here.run(folder, "-m", "textforge", "run", "recipe.yaml", "--json"))
    assert result["test"]["accuracy"] > 0.4
    assert result["warnings"] == []
    named = parts_of(Path(folder / result["run"]) / "resolved.yaml")
    assert {kind for kind in KINDS if kind != "command"} <= {kind for kind, name in named if name == "my-part"}


def test_a_plugin_of_each_kind_alone_passes_its_tests_which_run_its_recipe(here: Environment) -> None:
    """Run the tests of all distributions in one process.

    Each test module runs the recipe beside it. The contract checks are left out: the test above runs them on the same
    components.
    """
    folders = [f"textforge-my-{kind}" for kind in KINDS]
    tested = here.run(here.folder, "-m", "pytest", "-p", "no:cacheprovider", "-rA", "-k", "not contract", *folders)
    for kind in KINDS:
        passed = re.findall(rf"^PASSED \S*/test_my_{kind}\.py::(\w+)", tested, re.MULTILINE)
        assert "test_the_recipe_does_better_than_guessing" in passed, kind
        assert len(passed) > 1, kind


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
