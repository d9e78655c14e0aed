"""Replays in a virtual environment: exact versions from an index or a folder, hashes, source folders."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT, make_texts, small_recipe, write_csv

import textforge
from textforge.errors import TextforgeError
from textforge.runs.replays import virtual_environment
from textforge.runs.replays.virtual_environment import build_environment

REAL = "TEXTFORGE_TEST_ENV"


def wheel(folder: Path, name: str, version: str) -> str:
    """Write a wheel with one module; return its SHA-256."""
    file = folder / f"{name}-{version}-py3-none-any.whl"
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(f"{name}.py", f"version = '{version}'\n")
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", f"{name}.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n")
    return hashlib.sha256(file.read_bytes()).hexdigest()


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which pip looks for packages, and nowhere else."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    return folder


def described(**packages: str) -> dict[str, Any]:
    return {"python": sys.version.split()[0], "packages": packages, "files": {}}


def test_the_exact_version_is_installed_and_its_hash_is_required_where_all_are_known(
    wheels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = wheel(wheels, "tiny", "1.0")
    wheel(wheels, "tiny", "2.0")
    said: list[str] = []
    environment = {**described(tiny="1.0"), "origins": {"tiny": {"archive": digest}}}
    python = build_environment(environment, tmp_path / "env", said.append)
    found = subprocess.run([python, "-P", "-c", "import tiny; print(tiny.version)"], capture_output=True, text=True)
    assert found.stdout == "1.0\n"
    assert said == [f"creating a virtual environment with {sys.executable}", "installing 1 package"]
    other = {**described(tiny="2.0"), "origins": {"tiny": {"archive": digest}}}
    monkeypatch.setattr(virtual_environment, "_create", lambda *given: python)
    with pytest.raises(TextforgeError, match=r"(?i)pip cannot install .* do not match the hashes"):
        build_environment(other, tmp_path / "env", said.append)


def test_a_version_that_no_index_has_is_named(wheels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(virtual_environment, "_create", lambda python, folder: Path(sys.executable))
    wheel(wheels, "torch", "2.0")
    (tmp_path / "env").mkdir()
    with pytest.raises(TextforgeError, match=r"No matching distribution found for torch==1\.0\+cpu") as told:
        build_environment(described(torch="1.0+cpu"), tmp_path / "env", lambda text: None)
    assert "--extra-index-url https://download.pytorch.org/whl/cpu" in str(told.value)


def test_a_source_folder_that_is_gone_is_named_before_anything_is_installed(tmp_path: Path) -> None:
    environment = {**described(mine="1.0"), "origins": {"mine": {"source_folder": str(tmp_path / "gone")}}}
    with pytest.raises(TextforgeError, match=r"mine was installed from .*gone, which is gone"):
        build_environment(environment, tmp_path / "env", lambda text: None)
    assert not (tmp_path / "env").exists()


def test_another_python_is_looked_for_by_its_minor_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(TextforgeError, match=r"made with Python 3\.5\.1, and no python3\.5 is on the path"):
        build_environment({"python": "3.5.1", "packages": {}, "files": {}}, tmp_path / "env", lambda text: None)
    (tmp_path / "python3.5").write_text("#!/bin/sh\necho no venv here >&2\nexit 1\n")
    (tmp_path / "python3.5").chmod(0o755)
    with pytest.raises(TextforgeError, match="no virtual environment can be created: no venv here"):
        build_environment({"python": "3.5.1", "packages": {}, "files": {}}, tmp_path / "env", lambda text: None)


def test_a_run_of_an_earlier_format_has_too_few_packages_for_an_environment(tmp_path: Path) -> None:
    with pytest.raises(TextforgeError, match="earlier format, which lists a few packages only"):
        build_environment({"python": "3.11.7", "packages": {"torch": "2.6.0"}}, tmp_path / "env", lambda text: None)


def test_source_folders_are_built_first_so_that_no_index_is_asked_for_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    called: list[list[str]] = []
    monkeypatch.setattr(virtual_environment, "_create", lambda *given: Path(sys.executable))
    monkeypatch.setattr(virtual_environment, "_pip", lambda python, arguments, environment: called.append(arguments))
    environment = {**described(mine="1.0", other="2.0"), "origins": {"mine": {"source_folder": str(tmp_path)}}}
    build_environment(environment, tmp_path, lambda text: None)
    assert called == [
        ["--no-deps", f"mine @ {tmp_path.as_uri()}"],
        ["--requirement", str(tmp_path / "requirements.txt")],
    ]
    assert (tmp_path / "requirements.txt").read_text().splitlines()[1:] == ["other==2.0"]


@pytest.mark.skipif(
    REAL not in os.environ,
    reason=f"installs torch and all else into a new environment, which takes 1.5 minutes and 1.5 GB: set {REAL}=1",
)
def test_a_run_is_replayed_with_its_own_versions_of_everything(tmp_path: Path) -> None:
    probe = [sys.executable, "-m", "pip", "download", "--no-deps", "-q", "-d", str(tmp_path), "pluggy"]
    if subprocess.run(probe, capture_output=True).returncode:
        pytest.skip("pip reaches no index and no mirror")
    run = textforge.run(small_recipe(write_csv(tmp_path / "small.csv", *make_texts(120))), out=tmp_path / "run").path
    found = textforge.replay(run, env=True, out=tmp_path / "again")
    assert found.same
    assert [str(change) for change in found.changes] == []
    now = json.loads((tmp_path / "again" / "environment.json").read_text())
    then = json.loads((run / "environment.json").read_text())
    assert then["origins"]["textforge"]["source_folder"] == str(ROOT)
    assert now["files"]["textforge"] == then["files"]["textforge"]
