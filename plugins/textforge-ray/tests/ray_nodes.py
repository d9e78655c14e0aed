"""The cluster of all tests, started once. A module with `pytest_plugins = ["ray_nodes"]` has the fixture `cluster`."""

import os
import shutil
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest

HEAD, OTHER = "127.0.0.2", "127.0.0.3"  # not 127.0.0.1, for which Ray takes the machine's own address
HERE = Path(__file__).resolve().parent
STORE = 80 * 2**20
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("RAY_AUTH_MODE", "disabled")


@pytest.fixture(scope="session")
def cluster():
    """Two nodes with a core each, to which this process is connected."""
    ray = pytest.importorskip("ray", reason="Ray is not installed: pip install -e plugins/textforge-ray")
    from ray.cluster_utils import Cluster

    folder, common = tempfile.mkdtemp(prefix="ray-"), {"num_cpus": 1, "object_store_memory": STORE}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_TMPDIR", folder)  # where Ray writes the address that 'auto' means, too
        os.mkdir(f"{folder}/ray")
        paths = [str(HERE), *filter(None, [os.environ.get("PYTHONPATH")])]
        patch.setenv("PYTHONPATH", os.pathsep.join(paths))  # for the workers, which import the work of tests
        made = Cluster()
        made.add_node(**common, include_dashboard=False, node_ip_address=HEAD)
        made.add_node(**common, node_ip_address=OTHER)
        ray.init(address=made.address, logging_level="error", log_to_driver=False, _node_ip_address=HEAD)
        try:
            yield SimpleNamespace(address=made.address, nodes=made, common=common)
        finally:
            ray.shutdown()
            made.shutdown()
            shutil.rmtree(folder, ignore_errors=True)
