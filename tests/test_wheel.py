"""What is built to be installed."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from conftest import ROOT


@pytest.mark.slow
def test_one_wheel_carries_the_core_and_the_standard_parts_and_nothing_else(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*build, "--wheel-dir", str(tmp_path), str(ROOT)], check=True, capture_output=True)
    (wheel,) = tmp_path.glob("textforge-*-py3-none-any.whl")
    with zipfile.ZipFile(wheel) as opened:
        names = set(opened.namelist())
        entry_points = opened.read(next(n for n in names if n.endswith("entry_points.txt"))).decode()
    sources = {
        str(path.relative_to(base))
        for base, package in ((ROOT, "textforge"), (ROOT / "plugins", "textforge_standard"))
        for path in (base / package).rglob("*")
        if path.suffix in (".py", ".yaml", ".tmpl", ".html", ".css", ".js", ".md", ".svg")
        or path.name == "py.typed"
        or path.parent.name == "licenses"
    }
    assert {name for name in names if ".dist-info/" not in name} == sources
    assert re.search(r"\[textforge\]\nstandard = textforge_standard", entry_points)
    assert "textforge = textforge.__main__:main" in entry_points


def test_the_constraints_pin_every_dependency_once() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    wanted = [line for line in wanted if not line.startswith("textforge[")]
    wanted += [
        line for extra in ("huggingface", "subword", "excel") for line in project["optional-dependencies"][extra]
    ]
    for file in ROOT.glob("plugins/textforge-*/pyproject.toml"):
        own = tomllib.loads(file.read_text())["project"]
        found = [*own["dependencies"], *own["optional-dependencies"]["test"]]
        wanted += [line for line in found if not line.startswith("textforge")]
    normal = {re.sub(r"[-_.]+", "-", re.match(r"[\w.-]+", line)[0]).lower() for line in wanted}
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", line) for line in lines)
    pinned = [re.sub(r"[-_.]+", "-", line.split("==")[0]).lower() for line in lines]
    assert len(pinned) == len(set(pinned))
    assert normal <= set(pinned), normal - set(pinned)
    assert "torch==2.13.0" in lines
