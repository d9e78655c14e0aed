"""Compare Python, textforge and its plugins on every node with those here, before anything runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from textforge import PluginError, PluginManager
from textforge.errors import listed

COMPARED = ("textforge", "textforge-ray", "torch", "numpy", "scikit-learn", "safetensors", "polars")
"""Distributions that change what is computed; those of the installed plugins are added."""
WAIT = 120.0
"""Seconds for all nodes to start a process and answer."""
_EQUAL: set[tuple[str, frozenset[str]]] = set()
"""Jobs and nodes whose versions are known to be the same, so that a program asks once."""
ADVICE = (
    "Install the same versions on every node, for example with a runtime_env of Ray: "
    "https://docs.ray.io/en/latest/ray-core/handling-dependencies.html"
)


def refuse_other_versions() -> None:
    """Refuse a cluster on which a node has other versions.

    Raises:
        PluginError: names the node and every difference.
    """
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    nodes = {node["NodeID"]: node["NodeManagerAddress"] for node in ray.nodes() if node["Alive"]}
    asked_before = (ray.get_runtime_context().get_job_id(), frozenset(nodes))
    if asked_before in _EQUAL:
        return
    installed = (one.origin.distribution for one in PluginManager().installed)
    names = [*dict.fromkeys([*COMPARED, *installed])]
    describe = _describer()
    here = describe(names)
    remote: Any = ray.remote(num_cpus=0, max_retries=0)(describe)
    asked = {
        remote.options(scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=False)).remote(names): address
        for node, address in nodes.items()
    }
    answered, silent = ray.wait([*asked], num_returns=len(asked), timeout=WAIT)
    if silent:
        whose = listed(sorted({asked[one] for one in silent}))
        raise PluginError(f"no process started within {WAIT:.0f} s on {whose}. See the logs of Ray there.")
    for one in answered:
        try:
            there = ray.get(one)
        except ray.exceptions.RayError as error:
            raise PluginError(f"node {asked[one]} cannot tell its versions: {last_line(error)}") from error
        if differences := [*_differences(here, there)]:
            raise PluginError(f"node {asked[one]} differs from this machine: {'; '.join(differences)}. {ADVICE}")
    _EQUAL.add(asked_before)


def _describer() -> Callable[[list[str]], dict[str, str | None]]:
    """Make the function that tells the versions: an inner one, whose code Ray sends along with the task."""

    def versions(names: list[str]) -> dict[str, str | None]:
        import platform
        from importlib import metadata

        found: dict[str, str | None] = {"Python": platform.python_version()}
        for name in names:
            try:
                found[name] = metadata.version(name)
            except metadata.PackageNotFoundError:
                found[name] = None
        return found

    return versions


def _differences(here: Mapping[str, str | None], there: Mapping[str, str | None]) -> Iterable[str]:
    for name, version in here.items():
        if there.get(name) != version:
            yield f"{name} is {there.get(name) or 'missing'} there and {version or 'missing'} here"


def last_line(error: BaseException) -> str:
    """The last line of an exception's message, which in those of Ray is that of the cause."""
    return ([line for line in str(error).splitlines() if line.strip()] or [type(error).__name__])[-1].strip()
