"""The image of a server: what its files promise, and the five commands of docs/service.md, carried out."""

from __future__ import annotations

import fnmatch
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from bare_service import Service, install, pip_lines, stage, stages, write_command
from conftest import ROOT, make_texts, write_csv

DOCKERFILE, COMPOSE = ROOT / "Dockerfile", ROOT / "compose.yaml"


def pinned() -> set[str]:
    """The distributions that constraints.txt pins."""
    lines = re.findall(r"(?m)^([\w.-]+)==\S+", (ROOT / "constraints.txt").read_text())
    return {re.sub(r"[-_.]+", "-", name).lower() for name in lines}


def test_base_images_have_a_version_and_every_stage_is_of_the_same() -> None:
    arguments, found = stages(DOCKERFILE.read_text())
    assert re.fullmatch(r"3\.\d+-slim-\w+", arguments["PYTHON"])
    outer = [one.base for one in found if one.base not in {other.name for other in found}]
    assert outer
    assert {*outer} == {"python:${PYTHON}"}
    assert "latest" not in DOCKERFILE.read_text() + COMPOSE.read_text()


def test_every_package_is_installed_at_a_version_of_the_constraints() -> None:
    wheel, own, packages = pip_lines()
    assert wheel.startswith("PIP_CONSTRAINT=constraints.txt pip wheel ")
    assert "--no-deps" in own.split()
    assert own.split()[-1] == "/tmp/wheels/textforge-*.whl"
    words = packages.removeprefix("pip install --no-cache-dir --constraint /tmp/constraints.txt ").split()
    assert words[-1] == "$MORE"
    assert words[:-1] == sorted(words[:-1])
    more = stage("server").all("ARG")[0].partition("=")[2].strip('"').split()
    assert {*words[:-1], *more} <= pinned(), "the versions of these are not in constraints.txt"
    assert not {"torch", "scikit-learn", "scipy", "polars"} & {*words}


def test_the_server_runs_as_its_own_user_in_exec_form_with_a_health_check() -> None:
    server, last = stage("server"), stages(DOCKERFILE.read_text())[1][-1]
    assert last.base == "server"
    assert not last.instructions
    user, group = map(int, server.all("USER")[-1].split(":"))
    assert user >= 10_000
    assert group >= 10_000
    assert server.instructions.index(("USER", f"{user}:{group}")) > max(
        number for number, (keyword, _) in enumerate(server.instructions) if keyword in ("RUN", "COPY")
    )
    assert server.exec_form("ENTRYPOINT")[:2] == ["textforge", "serve"]
    assert server.exec_form("CMD") == ["/model"]
    assert server.health[0] == "python"
    assert "/healthz" in server.health[-1]
    assert not re.search(r"curl|wget|apt|sudo", "".join(value for _, value in server.instructions))
    assert not re.search(r"(?i)key|token|password|secret", "".join([*server.all("ENV"), *server.all("ARG")]))


def test_the_builder_sees_what_the_image_is_built_from_and_no_data_runs_or_keys() -> None:
    first, *patterns = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line[:1] != "#"]
    assert first == "*"

    def seen(path: str) -> bool:
        """Whether the last pattern that fits a path, or a folder above it, lets it through."""
        parents = [path, *map(str, Path(path).parents)]
        found = False
        for pattern in patterns:
            allow, wanted = pattern.startswith("!"), pattern.lstrip("!")
            if any(_fits(one, wanted) for one in parents):
                found = allow
        return found

    copied = {source for line in stage("wheel").all("COPY") for source in line.split()[:-1]}
    for source in copied:
        assert (ROOT / source).exists(), source
        assert seen(source), source
    assert seen("model/bundle.json")
    for path in ("posts.csv", "runs/a/model/bundle.json", ".git/config", ".env", "plugins/textforge-tracking/x.py",
                 "tests/conftest.py", "textforge/__pycache__/a.pyc"):  # fmt: skip
        assert not seen(path), path
    built = {"pyproject.toml", "README.md", "LICENSE", "constraints.txt", "textforge", "plugins/textforge_standard"}
    assert copied == built


def _fits(path: str, pattern: str) -> bool:
    """Whether a pattern of .dockerignore fits a path: `**/` at any depth, others from the root, `*` within a folder."""
    if pattern.startswith("**/"):
        return fnmatch.fnmatch(Path(path).name, pattern.removeprefix("**/"))
    return path.count("/") == pattern.count("/") and fnmatch.fnmatch(path, pattern)


def test_compose_runs_it_read_only_without_capabilities_and_for_this_machine_only() -> None:
    (service,) = yaml.safe_load(COMPOSE.read_text())["services"].values()
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["ports"] == ["127.0.0.1:${PORT:-8000}:8000"]
    assert service["volumes"] == ["${BUNDLE:-./model}:/model:ro"]
    assert service["environment"] == ["TEXTFORGE_API_KEY"]
    assert "privileged" not in service


def five_commands() -> list[str]:
    """The commands of docs/service.md."""
    (block,) = re.findall(r"```sh\n(.*?)```", (ROOT / "docs" / "service.md").read_text(), re.DOTALL)
    return block.splitlines()


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user may read; pytest's own are closed to others."""
    folder = Path(tempfile.mkdtemp(prefix="textforge-service-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def test_five_commands_lead_from_a_csv_to_an_answer(open_folder: Path) -> None:
    """They are carried out as written. In place of a container, the image's own lines run in a bare environment."""
    write_csv(open_folder / "posts.csv", *make_texts(120))
    init, run, copy, compose, curl = five_commands()
    assert compose == "docker compose up --build --detach --wait"
    (open_folder / "bin").mkdir()
    write_command(open_folder / "bin" / "textforge", f"{sys.executable} -m textforge")
    env = {**os.environ, "PATH": f"{open_folder / 'bin'}:{os.environ['PATH']}"}
    for command in (init, run, copy):
        done = subprocess.run(["sh", "-ec", command], cwd=open_folder, env=env, capture_output=True, text=True)
        assert done.returncode == 0, f"{command}: {done.stderr}"
    commands, scratch = install(open_folder), open_folder / "scratch"
    scratch.mkdir()
    scratch.chmod(0o777)  # the only place that the server may write to, as /tmp in the image
    with serving(commands, open_folder / "model", scratch) as service:
        status, body = asked(curl, service.port)
        assert status == "200"
        (found,) = json.loads(body)["predictions"]
        assert found["label"] == max(found["probabilities"], key=found["probabilities"].get) == "space"
        assert service.stop() == 0
    with serving(commands, open_folder / "model", scratch, TEXTFORGE_API_KEY="k1") as service:
        assert asked(curl, service.port)[0] == "401"
        assert asked(f"{curl} -H 'Authorization: Bearer k1'", service.port) == (status, body)
    probe = [
        commands / "python",
        "-c",
        "import importlib.util as u; print(u.find_spec('torch'), u.find_spec('sklearn'))",
    ]
    assert subprocess.run(probe, capture_output=True, text=True, check=True).stdout == "None None\n"


@contextmanager
def serving(commands: Path, bundle: Path, scratch: Path, **variables: str) -> Iterator[Service]:
    """The service, once it is healthy."""
    service = Service(commands, bundle, scratch, **variables)
    try:
        service.wait()
        yield service
    finally:
        service.kill()


def asked(curl: str, port: int) -> tuple[str, str]:
    """Status and body that a command of curl gets from another port."""
    command = f"{curl.replace('8000', str(port))} -w '\\n%{{http_code}}'"
    done = subprocess.run(["sh", "-ec", command], capture_output=True, text=True, check=True)
    body, _, status = done.stdout.rpartition("\n")
    return status, body
