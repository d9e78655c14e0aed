"""Places for workers that must run at the same time."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from textforge import RecipeError, TextforgeError

WAIT = 300.0
"""Seconds to wait for places, which other work of the cluster may hold."""


@contextmanager
def places(n: int, cpus: int, gpus: int) -> Iterator[Any]:
    """Reserve places on as few nodes as possible in the `with` block.

    Args:
        n: number of workers.
        cpus, gpus: what each has.

    Yields:
        The placement group of Ray.

    Raises:
        RecipeError: the cluster is too small.
        TextforgeError: the places do not become free in time.
    """
    import ray
    from ray.util.placement_group import placement_group, remove_placement_group

    wanted = {"CPU": cpus, **({"GPU": gpus} if gpus else {})}
    whole = ray.cluster_resources()
    for kind, each in wanted.items():
        if whole.get(kind, 0) < n * each:
            raise RecipeError(
                f"{n} workers with {each} {kind} each need {n * each}, and the cluster has {whole.get(kind, 0):g}. "
                "Give fewer workers, or another cluster with --address."
            )
    group = placement_group([wanted] * n, strategy="PACK")
    try:
        if not group.wait(WAIT):
            raise TextforgeError(f"no places for {n} workers became free within {WAIT:.0f} s.")
        yield group
    finally:
        remove_placement_group(group)


def in_place(group: Any, number: int) -> Any:
    """The scheduling strategy of a worker."""
    from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

    return PlacementGroupSchedulingStrategy(group, placement_group_bundle_index=number)


def free_address() -> tuple[str, int]:
    """The address of this node, and a port that is free now."""
    import ray

    host = ray.util.get_node_ip_address()
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as found:
        found.bind((host, 0))
        return host, found.getsockname()[1]
