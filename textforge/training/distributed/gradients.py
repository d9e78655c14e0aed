"""Add up the gradients of several processes: small ones in one buffer, those of vocabularies by their rows."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from textforge.training.distributed.workers import Workers

MANY_ROWS = 4096
"""A matrix of so many rows has one for each word, of which a batch has few."""
_BASE = 1 << 20
"""A number of rows is sent as two numbers below this, because float32 holds whole numbers only up to 2**24."""
_WHOLE = {torch.float32: torch.int32, torch.float64: torch.int64}
"""Integers of the same size, to send row numbers and values in one buffer."""


@dataclass(frozen=True)
class _Rows:
    """The rows of a gradient that are not zero.

    Args:
        numbers: int64, shape (n,), ascending.
        values: shape (n, width).
    """

    numbers: torch.Tensor
    values: torch.Tensor


class GradientSum:
    """Adds up the gradients of a module over all processes, to the same bits in each of them.

    Gradients are added up in one flat buffer for each type. Of a sparse gradient, and of a dense one with a row for
    each word of a vocabulary, only rows that are not zero are sent, as long as they are fewer bytes: every process gets
    those of all others and adds them up in the order of their ranks. A parameter that has a gradient in some processes
    only, has it in all of them afterwards.

    Args:
        module: the module in training.
        workers: the processes.
    """

    def __init__(self, module: nn.Module, workers: Workers) -> None:
        self._workers = workers
        self.parameters: list[nn.Parameter] = [one for one in module.parameters() if one.requires_grad]
        self._sparse: list[bool] | None = None
        """Of each parameter, whether its gradient is sparse in any process."""
        self.sent_bytes: int = 0
        """Bytes of gradients that this process has contributed to the last sum."""

    @torch.no_grad()
    def __call__(self, more: torch.Tensor) -> torch.Tensor:
        """Add up all gradients, and `more`, float32 of shape (k,), of which the sum is returned."""
        self.sent_bytes = 0
        by_rows = self._by_rows()
        rows = [_rows_of(one) for one, _ in by_rows]
        head = self._head(more, [len(one.numbers) for one in rows])
        self._sum_dense([one for one in self.parameters if not any(one is other for other, _ in by_rows)], head)
        k, n = len(more), len(self.parameters)
        total, given, counts = torch.split(head, [k, n, len(head) - k - n])
        sizes = counts.view(len(by_rows), self._workers.size, 2).tolist() if by_rows else []
        for (parameter, sparse), own, of_ranks in zip(by_rows, rows, sizes, strict=True):
            lengths = [int(high) * _BASE + int(low) for high, low in of_ranks]
            # A sum passes each element about twice, whatever the number of processes; rows go to all of them.
            if not sparse and self._workers.size * max(lengths) > 2 * len(parameter):
                parameter.grad = self._summed(_dense(parameter).contiguous())
            else:
                self._sum_rows(parameter, own, lengths, sparse=sparse)
        for parameter, present in zip(self.parameters, given.tolist(), strict=True):
            if not present:  # as in one process: an optimizer leaves out what has no gradient
                parameter.grad = None
        return total

    def _by_rows(self) -> list[tuple[nn.Parameter, bool]]:
        """The parameters whose gradients are sent by rows, and whether they are sparse, as found in the first call."""
        if self._sparse is None:
            found = torch.tensor([float(one.grad is not None and one.grad.is_sparse) for one in self.parameters])
            self._sparse = [bool(any_sparse) for any_sparse in self._workers.sum_(found).tolist()]
        several = zip(self.parameters, self._sparse, strict=True)
        return [
            (one, sparse) for one, sparse in several
            if one.dim() == 2 and one.dtype in _WHOLE and (sparse or len(one) >= MANY_ROWS)
        ]  # fmt: skip

    def _head(self, more: torch.Tensor, counts: list[int]) -> torch.Tensor:
        """What is added up besides gradients: `more`, which gradients exist, and the rows of each process."""
        given = [float(one.grad is not None) for one in self.parameters]
        of_ranks = torch.zeros(len(counts), self._workers.size, 2)
        for number, count in enumerate(counts):
            of_ranks[number, self._workers.rank] = torch.tensor([count // _BASE, count % _BASE], dtype=torch.float32)
        return torch.cat([more, torch.tensor([*given, *of_ranks.flatten().tolist()], device=more.device)])

    def _summed(self, gradients: torch.Tensor) -> torch.Tensor:
        self.sent_bytes += gradients.nbytes
        return self._workers.sum_(gradients)

    def _sum_dense(self, parameters: list[nn.Parameter], head: torch.Tensor) -> None:
        """Add up dense gradients in one buffer for each type; `head` goes with those of type float32."""
        for dtype in sorted({torch.float32, *(one.dtype for one in parameters)}, key=str):
            several = [one for one in parameters if one.dtype == dtype]
            parts = [head] if dtype == torch.float32 else []
            parts += [_dense(one).reshape(-1) for one in several]
            flat = self._summed(torch.cat(parts))
            summed = torch.split(flat, [len(part) for part in parts])
            if dtype == torch.float32:
                head.copy_(summed[0])
                summed = summed[1:]
            for parameter, gradient in zip(several, summed, strict=True):
                parameter.grad = gradient.view_as(parameter)

    def _sum_rows(self, parameter: nn.Parameter, own: _Rows, sizes: list[int], *, sparse: bool) -> None:
        """Add up the rows of a gradient, of which process r has `sizes[r]`."""
        width, whole = parameter.shape[1], _WHOLE[parameter.dtype]
        sent = parameter.new_zeros(max(1, *sizes), width + 1)
        sent[: len(own.numbers), 0] = own.numbers.to(whole).view(parameter.dtype)
        sent[: len(own.numbers), 1:] = own.values
        self.sent_bytes += len(own.numbers) * (width + 1) * sent.element_size()
        found = [one[:size] for one, size in zip(self._workers.gather_tensors(sent), sizes, strict=True)]
        numbers = [one[:, 0].contiguous().view(whole).long() for one in found]
        if sparse:
            rows, places = torch.unique(torch.cat(numbers), return_inverse=True)
            values, at = parameter.new_zeros(len(rows), width), [*places.split(sizes)]
        else:
            values, at = torch.zeros_like(parameter), numbers
        for one, place in zip(found, at, strict=True):  # in this order, so that all round alike
            values[place] += one[:, 1:]  # a process has each row once
        if sparse:
            values = torch.sparse_coo_tensor(
                rows[None], values, parameter.shape, is_coalesced=True, check_invariants=False
            )
        parameter.grad = values


def _rows_of(parameter: nn.Parameter) -> _Rows:
    gradient = parameter.grad
    if gradient is None:
        return _Rows(parameter.new_zeros(0, dtype=torch.int64), parameter.new_zeros(0, parameter.shape[1]))
    if gradient.is_sparse:
        rows = gradient.coalesce()
        return _Rows(rows.indices()[0], rows.values())
    numbers = gradient.ne(0).any(dim=1).nonzero()[:, 0]
    return _Rows(numbers, gradient[numbers])


def _dense(parameter: nn.Parameter) -> torch.Tensor:
    gradient = parameter.grad
    if gradient is None:
        return torch.zeros_like(parameter)
    return gradient.to_dense() if gradient.is_sparse else gradient
