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


class Environment:
    """A new virtual environment that also finds every package installed here; nothing is downloaded."""

    def __init__(self, folder: Path) -> None:
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
        self.python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
        asked = [self.python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
        packages = Path(subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip())
        lines = [f"import site; site.addsitedir({one!r})" for one in site.getsitepackages()]
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


def test_a_plugin_of_every_kind_does_what_the_command_says_next(tmp_path: Path) -> None:
    here = Environment(tmp_path / "environment")
    options = [word for kind in KINDS for word in ("--kind", kind)]
    told = here.run(tmp_path, "-m", "textforge", "plugin", "new", "my-part", *options)
    assert "cd textforge-my-part\n  pip install -e '.[test]'\n  pytest && textforge run recipe.yaml" in told
    folder = tmp_path / "textforge-my-part"

    here.install(folder, ".")
    assert {kind for kind, name in here.offered(folder) if name == "my-part"} == set(KINDS)

    passed = here.run(folder, "-m", "pytest", "-p", "no:cacheprovider")
    assert re.search(r" \d+ passed(, \d+ skipped)? in ", passed.splitlines()[-1]), passed
    checked = here.run(folder, "-m", "textforge", "plugin", "check", "my-part")
    assert re.search(rf"\n{len(KINDS)} components: \d+ ok, 0 failed, ", checked), checked

    result = only_json(here.run(folder, "-m", "textforge", "run", "recipe.yaml", "--json"))
    assert result["test"]["accuracy"] > 0.4
    assert result["warnings"] == []
    named = parts_of(Path(folder / result["run"]) / "resolved.yaml")
    assert {kind for kind in KINDS if kind != "command"} <= {kind for kind, name in named if name == "my-part"}


def test_a_plugin_of_each_kind_alone_passes_its_tests_which_run_its_recipe(tmp_path: Path) -> None:
    """Install a distribution per kind in one go and run their tests in one process.

    Each test module runs the recipe beside it. The contract checks are left out: the test above runs them on the same
    components.
    """
    here = Environment(tmp_path / "environment")
    for kind in KINDS:
        plugin = Plugin(name=f"my-{kind}", kinds=(kind,))
        write(tmp_path / plugin.distribution, files(plugin))
    folders = [f"textforge-my-{kind}" for kind in KINDS]

    here.install(tmp_path, *(f"./{folder}" for folder in folders))
    assert {(kind, f"my-{kind}") for kind in KINDS} <= here.offered(tmp_path)

    tested = here.run(tmp_path, "-m", "pytest", "-p", "no:cacheprovider", "-rA", "-k", "not contract", *folders)
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
