"""Add up the gradients of several processes: dense ones in one buffer, sparse ones by their rows."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from textforge.training.distributed.workers import Workers

_BASE = 1 << 20
"""A number of rows is sent as two numbers below this, because float32 holds whole numbers only up to 2**24."""
_WHOLE = {torch.float32: torch.int32, torch.float64: torch.int64}
"""Integers of the same size, to send row numbers and values in one buffer."""


@dataclass(frozen=True)
class _Rows:
    """The rows of a sparse gradient.

    Args:
        numbers: int64, shape (n,), ascending.
        values: shape (n, width).
    """

    numbers: torch.Tensor
    values: torch.Tensor


class GradientSum:
    """Adds up the gradients of a module over all processes, to the same bits in each of them.

    Dense gradients are added up in one flat buffer for each type. Of a sparse gradient only the rows that occur are
    sent: every process gets those of all others and adds them up in the order of their ranks. A parameter that has a
    gradient in some processes only, has it in all of them afterwards.

    Args:
        module: the module in training.
        workers: the processes.
    """

    def __init__(self, module: nn.Module, workers: Workers) -> None:
        self._workers = workers
        self.parameters: list[nn.Parameter] = [one for one in module.parameters() if one.requires_grad]
        self._sparse: list[nn.Parameter] | None = None
        self.sent_bytes: int = 0
        """Bytes of gradients that this process has contributed to the last sum."""

    @torch.no_grad()
    def __call__(self, more: torch.Tensor) -> torch.Tensor:
        """Add up all gradients, and `more`, float32 of shape (k,), of which the sum is returned."""
        self.sent_bytes = 0
        sparse = self._sparse_parameters()
        rows = [_rows_of(one) for one in sparse]
        head = self._head(more, [len(one.numbers) for one in rows])
        self._sum_dense([one for one in self.parameters if not any(one is other for other in sparse)], head)
        k, n = len(more), len(self.parameters)
        total, given, counts = torch.split(head, [k, n, len(head) - k - n])
        sizes = counts.view(len(sparse), self._workers.size, 2).tolist() if sparse else []
        for parameter, own, of_ranks in zip(sparse, rows, sizes, strict=True):
            self._sum_rows(parameter, own, [int(high) * _BASE + int(low) for high, low in of_ranks])
        for parameter, present in zip(self.parameters, given.tolist(), strict=True):
            if not present:  # as in one process: an optimizer leaves out what has no gradient
                parameter.grad = None
        return total

    def _sparse_parameters(self) -> list[nn.Parameter]:
        """The parameters whose gradient is sparse in any process; found out in the first call."""
        if self._sparse is None:
            found = torch.tensor([float(one.grad is not None and one.grad.is_sparse) for one in self.parameters])
            kinds = self._workers.sum_(found).tolist()
            several = zip(self.parameters, kinds, strict=True)
            self._sparse = [one for one, sparse in several if sparse and one.dim() == 2 and one.dtype in _WHOLE]
        return self._sparse

    def _head(self, more: torch.Tensor, counts: list[int]) -> torch.Tensor:
        """What is added up besides gradients: `more`, which gradients exist, and the rows of each process."""
        given = [float(one.grad is not None) for one in self.parameters]
        of_ranks = torch.zeros(len(counts), self._workers.size, 2)
        for number, count in enumerate(counts):
            of_ranks[number, self._workers.rank] = torch.tensor([count // _BASE, count % _BASE], dtype=torch.float32)
        return torch.cat([more, torch.tensor([*given, *of_ranks.flatten().tolist()], device=more.device)])

    def _sum_dense(self, parameters: list[nn.Parameter], head: torch.Tensor) -> None:
        """Add up dense gradients in one buffer for each type; `head` goes with those of type float32."""
        for dtype in sorted({torch.float32, *(one.dtype for one in parameters)}, key=str):
            several = [one for one in parameters if one.dtype == dtype]
            parts = [head] if dtype == torch.float32 else []
            parts += [_dense(one).reshape(-1) for one in several]
            flat = torch.cat(parts)
            self.sent_bytes += flat.nbytes
            self._workers.sum_(flat)
            summed = torch.split(flat, [len(part) for part in parts])
            if dtype == torch.float32:
                head.copy_(summed[0])
                summed = summed[1:]
            for parameter, gradient in zip(several, summed, strict=True):
                parameter.grad = gradient.view_as(parameter)

    def _sum_rows(self, parameter: nn.Parameter, own: _Rows, sizes: list[int]) -> None:
        """Add up the rows of a sparse gradient, of which process r has `sizes[r]`."""
        if not max(sizes):
            return
        width, whole = parameter.shape[1], _WHOLE[parameter.dtype]
        sent = parameter.new_zeros(max(sizes), width + 1)
        sent[: len(own.numbers), 0] = own.numbers.to(whole).view(parameter.dtype)
        sent[: len(own.numbers), 1:] = own.values
        self.sent_bytes += len(own.numbers) * (width + 1) * sent.element_size()
        found = [one[:size] for one, size in zip(self._workers.gather_tensors(sent), sizes, strict=True)]
        numbers = [one[:, 0].contiguous().view(whole).long() for one in found]
        all_numbers, places = torch.unique(torch.cat(numbers), return_inverse=True)
        values = parameter.new_zeros(len(all_numbers), width)
        for one, place in zip(found, places.split(sizes), strict=True):  # in this order, so that all round alike
            values[place] += one[:, 1:]  # a process has each row once
        parameter.grad = torch.sparse_coo_tensor(
            all_numbers[None], values, parameter.shape, is_coalesced=True, check_invariants=False
        )


def _rows_of(parameter: nn.Parameter) -> _Rows:
    gradient = parameter.grad
    if gradient is None:
        return _Rows(parameter.new_zeros(0, dtype=torch.int64), parameter.new_zeros(0, parameter.shape[1]))
    rows = (gradient if gradient.is_sparse else gradient.to_sparse(1)).coalesce()
    return _Rows(rows.indices()[0], rows.values())


def _dense(parameter: nn.Parameter) -> torch.Tensor:
    gradient = parameter.grad
    if gradient is None:
        return torch.zeros_like(parameter)
    return gradient.to_dense() if gradient.is_sparse else gradient
