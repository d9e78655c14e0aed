"""Join the processes of a launch for one run, and compare what they have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from textforge.errors import DataError, ProcessError, RecipeError, TextforgeError, listed
from textforge.runs.processes.launch import Launch, longest_wait

if TYPE_CHECKING:
    from textforge.training.distributed.workers import Workers

COMPARED = {
    "python": "another Python",
    "packages": "other versions of packages",
    "files": "other code of packages",
    "plugins": "other plugins",
    "recipe": "another recipe",
    "inputs": "other files that the recipe names",
    "data": "other data",
}
"""What must be the same in all processes, and the words for a difference."""


@contextmanager
def joined(launch: Launch, device: str) -> Iterator[Workers]:
    """The processes of a launch, in a process group of their own inside the `with` block.

    With CUDA, this process takes the GPU of its local rank, and gradients are exchanged by nccl; all else by gloo.

    Args:
        launch: the place of this process.
        device: the setting `trainer.device`.

    Raises:
        RecipeError: this process has no GPU for its local rank.
        ProcessError: another process has failed, or does not come in time.
    """
    import torch
    import torch.distributed as dist

    from textforge.runs.processes.board import Board
    from textforge.training.distributed.workers import Workers

    wait = longest_wait()
    board = Board.connect(launch)
    try:
        cuda = device != "cpu" and torch.cuda.is_available()
        if cuda and launch.local_rank >= torch.cuda.device_count():
            raise RecipeError(
                f"{launch} has the local rank {launch.local_rank}, and this machine has {torch.cuda.device_count()} "
                "GPUs. Start one process for each GPU."
            )
        board.meet(wait)
        if cuda:
            torch.cuda.set_device(launch.local_rank)
        dist.init_process_group(
            "cpu:gloo,cuda:nccl" if cuda else "gloo", store=board.store, rank=launch.rank, world_size=launch.size,
            timeout=timedelta(seconds=wait),
        )  # fmt: skip
        try:
            yield Workers(explain=board.explain)
        finally:
            dist.destroy_process_group()  # closes the connections, by which the others notice a failure
    except ProcessError:
        raise
    except TextforgeError as error:
        board.fail(str(error), error.exit_code)
        raise
    except Exception as error:
        board.fail(f"{type(error).__name__}: {error}", 1)
        raise


def refuse_differences(workers: Workers, described: Mapping[str, Any], recipe: Mapping[str, Any]) -> None:
    """Compare data, recipe and versions of all processes with those of the first.

    Args:
        workers: the processes.
        described: the environment of this process; see `describe_environment`.
        recipe: the resolved recipe. Its dataset may be in another place, as long as the data are the same.

    Raises:
        DataError: the data differ.
        RecipeError: something else differs. Every process raises it.
    """
    own = {name: described.get(name) for name in COMPARED}
    data = {**described["data"]}
    own |= {"recipe": {name: one for name, one in recipe.items() if name != "dataset"}}
    own |= {"inputs": sorted(data.pop("inputs").values()), "data": data}
    first, *others = workers.gather(own)
    for rank, other in enumerate(others, start=1):
        if differing := [words for name, words in COMPARED.items() if first[name] != other[name]]:
            kind = DataError if differing == [COMPARED["data"]] else RecipeError
            detail = _packages(first["packages"], other["packages"])
            raise kind(
                f"process {rank} of {workers.size} has {listed(differing)}{detail} than process 0. Give all of them "
                "the same."
            )


def _packages(first: Mapping[str, str], other: Mapping[str, str]) -> str:
    """The packages whose versions differ, in brackets."""
    names = [name for name in sorted({*first, *other}) if first.get(name) != other.get(name)]
    versions = [f"{name} {other.get(name, 'missing')}, not {first.get(name, 'missing')}" for name in names]
    return f" ({'; '.join(versions[:3])})" if versions else ""
