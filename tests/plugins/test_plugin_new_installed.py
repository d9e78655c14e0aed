"""What `textforge plugin new` writes, untouched: it is installed, passes its own tests, and its recipe runs."""

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

from textforge_standard.commands.plugin.scaffold import KINDS

pytestmark = pytest.mark.slow


class Environment:
    """A new virtual environment, in which all that is installed here is found; nothing is downloaded."""

    def __init__(self, folder: Path) -> None:
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
        self.python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
        asked = [self.python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
        packages = Path(subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip())
        lines = [f"import site; site.addsitedir({one!r})" for one in site.getsitepackages()]
        (packages / "here.pth").write_text("\n".join(lines))

    def run(self, folder: Path, module: str, *arguments: str) -> str:
        """Standard output of a module run as its console script would be, without the folder on the import path."""
        done = subprocess.run(
            [self.python, "-m", module, *arguments],
            cwd=folder,
            env={**os.environ, "PYTHONSAFEPATH": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
            capture_output=True,
            text=True,
            timeout=280,
        )
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
        return done.stdout


@pytest.mark.parametrize("kinds", [*((kind,) for kind in KINDS), KINDS], ids="-".join)
def test_it_is_installed_tested_and_run_untouched(tmp_path: Path, kinds: tuple[str, ...]) -> None:
    here = Environment(tmp_path / "environment")
    options = [word for kind in kinds for word in ("--kind", kind)]
    told = here.run(tmp_path, "textforge", "plugin", "new", "my-part", *options)
    assert "cd textforge-my-part\n  pip install -e '.[test]'\n  pytest && textforge run recipe.yaml" in told
    folder = tmp_path / "textforge-my-part"

    here.run(folder, "pip", "install", "--quiet", "--no-build-isolation", "--no-index", "-e", ".[test]")
    listing = json.loads(here.run(folder, "textforge", "plugins", "--json"))
    assert listing["broken"] == []
    mine = {kind for kind, parts in listing["kinds"].items() for one in parts if one["name"] == "my-part"}
    assert mine == set(kinds)

    passed = here.run(folder, "pytest", "-p", "no:cacheprovider")
    assert re.search(r" \d+ passed(, \d+ skipped)? in ", passed.splitlines()[-1]), passed
    if kinds == KINDS:
        checked = here.run(folder, "textforge", "plugin", "check", "my-part")
        assert re.search(rf"\n{len(KINDS)} components: \d+ ok, 0 failed, ", checked), checked

    result = only_json(here.run(folder, "textforge", "run", "recipe.yaml", "--json"))
    assert result["test"]["accuracy"] > 0.4
    assert result["warnings"] == []
    sections = parts_of(Path(folder / result["run"]) / "resolved.yaml")
    assert {kind for kind in kinds if kind != "command"} <= {kind for kind, name in sections if name == "my-part"}


def parts_of(resolved: Path) -> set[tuple[str, str]]:
    """Kind and name of every part of a resolved recipe."""
    import yaml

    found = set()
    for key, section in yaml.safe_load(resolved.read_text()).items():
        for one in section if isinstance(section, list) else [section]:
            if isinstance(one, dict) and "use" in one:
                found.add((key.removesuffix("s") if isinstance(section, list) else key, one["use"]))
    return found
