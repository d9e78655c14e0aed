"""The processes of a distributed training, and what they exchange."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from numpy.typing import NDArray
from safetensors.torch import load, save

from textforge.classifiers.checkpoints.values import join_values, split_values
from textforge.errors import ProcessError, TextforgeError
from textforge.features.ragged import Features, features_of, features_state, joined
from textforge.training.distributed.wire import packed, unpacked

CPU = torch.device("cpu")


class Workers:
    """The processes that train one classifier together; each makes one of these and calls its methods in step.

    Every process does the same, on its share of each batch. All of them have the same weights, figures and decisions.
    The first process also writes files and reports progress.

    Args:
        group: a process group of torch.distributed, which is initialized; None for the default one. If its backend
            sends only tensors on GPUs, as nccl does, a second group for all other values is made.
        explain: returns why the exchange with another process failed, if anybody knows.

    Raises:
        ProcessError: by every method, if another process has ended or does not answer in time.
    """

    def __init__(self, group: Any = None, *, explain: Callable[[], ProcessError | None] | None = None) -> None:
        self._group, self._explain = group, explain or (lambda: None)
        self.rank: int = dist.get_rank(group)
        self.size: int = dist.get_world_size(group)
        self._values = dist.new_group(backend="gloo") if dist.get_backend(group) == "nccl" else group
        self.signalled: Callable[[], bool] = lambda: False
        """Whether this process was asked to end, by a signal."""
        self.ending: bool = False
        """Whether any process was, as of the last step; equal in all of them."""

    def __repr__(self) -> str:
        return f"<process {self.rank} of {self.size}>"

    @property
    def first(self) -> bool:
        """Whether this is the process that writes files and reports progress."""
        return self.rank == 0

    def share(self, n: int) -> range:
        """The numbers, of `n` items in order, of those that are this process's; at most one more than another's."""
        return range(n * self.rank // self.size, n * (self.rank + 1) // self.size)

    # -- tensors ---------------------------------------------------------------------------------

    def sum_(self, tensor: torch.Tensor) -> torch.Tensor:
        """Add up a contiguous tensor of all processes in place, and return it. Every process gets the same bits."""
        with self._exchanging():
            dist.all_reduce(tensor, group=self._group_for(tensor))
        return tensor

    def gather_tensors(self, tensor: torch.Tensor) -> list[torch.Tensor]:
        """The tensors of all processes, by rank; all have the same shape."""
        found = [torch.empty_like(tensor) for _ in range(self.size)]
        with self._exchanging():
            dist.all_gather(found, tensor.contiguous(), group=self._group_for(tensor))
        return found

    @torch.no_grad()
    def copy_from_first(self, tensors: Iterable[torch.Tensor]) -> None:
        """Give tensors the values that they have in the first process."""
        for tensor in tensors:
            with self._exchanging():
                sent = tensor.detach().contiguous()
                dist.broadcast(sent, 0, group=self._group_for(sent))
            if sent is not tensor:
                tensor.copy_(sent)

    def _group_for(self, tensor: torch.Tensor) -> Any:
        return self._values if tensor.device.type == "cpu" else self._group

    # -- values ----------------------------------------------------------------------------------

    def gather(self, state: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The dicts of all processes, by rank: JSON values and numeric arrays, which may be nested."""
        own = torch.from_numpy(packed(state))
        sizes = [int(size) for size in self.gather_tensors(torch.tensor([len(own)]))]
        room = torch.zeros(max(sizes), dtype=torch.uint8)
        room[: len(own)] = own
        return [unpacked(one[:size].numpy()) for one, size in zip(self.gather_tensors(room), sizes, strict=True)]

    def from_first(self, compute: Callable[[], Mapping[str, Any]]) -> dict[str, Any]:
        """Compute a dict of JSON values and arrays in the first process, and return it in all of them.

        Raises:
            TextforgeError: `compute` raised it in the first process. The others raise a `ProcessError`.
        """
        failure: TextforgeError | None = None
        data = np.zeros(0, dtype=np.uint8)
        if self.first:
            try:
                data = packed(compute())
            except TextforgeError as error:
                failure = error
        head = torch.tensor([len(data), 0 if failure is None else failure.exit_code])
        self.copy_from_first([head])
        if failure is not None:
            raise failure
        size, code = head.tolist()
        if code:
            raise ProcessError("the first process has failed.", code)
        sent = torch.from_numpy(data) if self.first else torch.zeros(size, dtype=torch.uint8)
        self.copy_from_first([sent])
        return unpacked(sent.numpy())

    def state_from_first(self, compute: Callable[[], Mapping[str, Any]]) -> dict[str, Any]:
        """As `from_first`, for a state that holds tensors, as that of a trainer does."""

        def flat() -> dict[str, Any]:
            encoded, tensors = split_values(compute())
            copies = {name: tensor.clone() for name, tensor in tensors.items()}  # safetensors refuses shared memory
            return {"encoded": encoded, "tensors": np.frombuffer(save(copies), dtype=np.uint8)}

        found = self.from_first(flat)
        state: dict[str, Any] = join_values(found["encoded"], load(found["tensors"].tobytes()))
        return state

    def gather_rows(self, rows: NDArray[Any]) -> NDArray[Any]:
        """The rows of all processes, by rank, as one array."""
        return np.concatenate([one["rows"] for one in self.gather({"rows": rows})])

    def gather_features(self, features: Features) -> Features:
        """The rows of features of all processes, by rank."""
        return joined([features_of(one) for one in self.gather(features_state(features))])

    @contextmanager
    def _exchanging(self) -> Iterator[None]:
        """Raise a `ProcessError` for what torch raises when another process has ended or does not answer."""
        try:
            yield
        except RuntimeError as error:
            raise self._explain() or ProcessError(
                "another process of the training has ended, or does not answer."
            ) from error
