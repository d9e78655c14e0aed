"""Addresses, versions, and the command line in a process of its own: a local cluster, and an interrupt."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from importlib import metadata

import pytest
import yaml
from click.testing import CliRunner
from ray_work import Heard, recipe
from textforge import PluginError, RecipeError

from textforge_ray import cluster as clusters, versions
from textforge_ray.cluster import connected
from textforge_ray.commands import ray
from textforge_ray.versions import refuse_other_versions

pytest_plugins = ["ray_nodes"]


@pytest.fixture
def alone(monkeypatch):
    """A process that is not connected, and no address in the environment."""
    pytest.importorskip("ray", reason="Ray is not installed: pip install -e plugins/textforge-ray")
    monkeypatch.setattr("ray.is_initialized", lambda: False)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def refusal(address, progress=None):
    with pytest.raises(RecipeError) as info, connected(address, progress or Heard()):
        pass
    return str(info.value)


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("10.0.0.1", "10.0.0.1: expected the address of a Ray cluster, as in 10.0.0.1:6379, or 'auto'."),
        ("host:port", "expected the address"),
        ("ray://127.0.0.1:10001", "Ray Client is not supported. Run this command on a node of the cluster"),
        ("127.0.0.1:99999999", "no Ray cluster answers"),
    ],
)
def test_what_is_no_address_is_refused(alone, address, says):
    assert says in refusal(address)


def test_an_address_at_which_nothing_listens_is_refused_at_once(alone, monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", f"127.0.0.1:{free_port()}")
    began = time.monotonic()
    assert refusal(None).endswith(
        "no Ray cluster answers (Connection refused). Name another with --address or RAY_ADDRESS, or unset RAY_ADDRESS "
        "to use this machine alone."
    )
    assert time.monotonic() - began < 20


def test_what_listens_but_is_no_ray_is_refused_in_bounded_time(alone, monkeypatch):
    monkeypatch.setattr(clusters, "WAIT", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as server:
        began = time.monotonic()
        assert "no Ray cluster answers (timed out)" in refusal(f"127.0.0.1:{server.getsockname()[1]}")
        assert time.monotonic() - began < 10


def test_a_server_that_speaks_something_else_is_refused(alone):
    def greet(server):
        with server.accept()[0] as stream:
            stream.sendall(b"220 mail\r\n")

    with socket.create_server(("127.0.0.1", 0)) as server:
        talking = threading.Thread(target=greet, args=[server])
        talking.start()
        said = refusal(f"127.0.0.1:{server.getsockname()[1]}")
        talking.join()
    assert "no Ray cluster answers (what listens there is no gRPC server)" in said


@pytest.fixture(autouse=True)
def not_asked_before(monkeypatch):
    monkeypatch.setattr(versions, "_EQUAL", set())


def test_every_node_has_the_versions_of_this_machine(cluster):
    refuse_other_versions()


def test_a_node_with_another_version_is_named_with_the_difference(cluster, monkeypatch):
    true = metadata.version
    monkeypatch.setattr(metadata, "version", lambda name: "0.0.1" if name == "numpy" else true(name))
    said = (
        rf"^node 127\.0\.0\.[23] differs from this machine: numpy is {true('numpy')} there and 0\.0\.1 here\. Install"
    )
    with pytest.raises(PluginError, match=said):
        refuse_other_versions()


def test_a_distribution_that_a_node_lacks_is_named(cluster, monkeypatch):
    true = metadata.version
    monkeypatch.setattr(versions, "COMPARED", ("textforge", "only-here"))
    monkeypatch.setattr(metadata, "version", lambda name: "2" if name == "only-here" else true(name))
    with pytest.raises(PluginError, match="only-here is missing there and 2 here"):
        refuse_other_versions()


def test_every_command_has_help():
    for command in ("predict", "run"):
        done = CliRunner().invoke(ray, [command, "--help"])
        assert done.exit_code == 0
        assert "--address" in done.output


# -- the command line in a process of its own --------------------------------------------------


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A folder with what pip would write for the distribution, so that its entry point is found."""
    folder = tmp_path_factory.mktemp("site")
    info = folder / "textforge_ray-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: textforge-ray\nVersion: 0.1.0\n")
    (info / "entry_points.txt").write_text("[textforge]\nray = textforge_ray\n")
    return folder


def started(site, work, *arguments):
    paths = [str(site), *filter(None, [os.environ.get("PYTHONPATH")])]
    env = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}
    env |= {"PYTHONPATH": os.pathsep.join(paths), "TMPDIR": str(work), "RAY_AUTH_MODE": "disabled"}
    return subprocess.Popen(
        [sys.executable, "-m", "textforge", *map(str, arguments)], cwd=work, env=env, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
    )  # fmt: skip


@pytest.fixture
def short(tmp_path_factory):
    """A folder with a short path, for the sockets of Ray."""
    import shutil
    import tempfile

    folder = tempfile.mkdtemp(prefix="t-")
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def write(folder, **sections):
    from pathlib import Path

    path = Path(folder) / "recipe.yaml"
    path.write_text(yaml.safe_dump(recipe(Path(folder), **sections)))
    return path


def test_without_an_address_a_cluster_is_started_and_ended(site, short):
    process = started(site, short, "run", write(short), "--seeds", "0,1", "--on", "ray", "--out", "seeds", "--json")
    out, err = process.communicate(timeout=200)
    assert process.returncode == 0, err
    assert json.loads(out)["runs"] == ["seed-0", "seed-1"]
    assert "starting Ray on this machine" in err
    assert "seed 1: at work on 127.0.0.2, process " in err
    assert not [name for name in os.listdir(short) if name.startswith("ray-")]


def test_an_interrupt_ends_all_workers_and_leaves_nothing_but_what_is_done(site, short):
    sections = {"trainer": {"epochs": 1_000_000, "batch_size": 16}}
    process = started(site, short, "run", write(short, **sections), "--seeds", "0,1", "--on", "ray", "--out", "seeds")
    lines, pids = [], []
    watchdog = threading.Timer(200, process.kill)
    watchdog.start()
    for line in process.stderr:
        lines.append(line)
        if ": at work on" in line:
            pids.append(int(re.search(r"process (\d+)", line)[1]))
        if "epoch 2 of" in line:
            break
    process.send_signal(signal.SIGINT)
    rest = process.communicate(timeout=100)[1]
    watchdog.cancel()
    assert process.returncode == 130, "".join(lines) + rest
    assert "Traceback" not in rest
    assert "error: interrupted." in rest
    until = time.monotonic() + 20
    while any(os.path.exists(f"/proc/{pid}") for pid in pids) and time.monotonic() < until:
        time.sleep(0.1)
    assert pids
    assert not [pid for pid in pids if os.path.exists(f"/proc/{pid}")]
    assert not [name for name in os.listdir(short) if name.startswith("ray-")]
