"""Recurrent layers as ONNX has them: torch's exporter would write one copy of the cell for each word of its example."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

OPSET = 14
"""Version of the operators `GRU` and `LSTM`."""
GATES = {nn.GRU: ("GRU", (1, 0, 2)), nn.LSTM: ("LSTM", (0, 3, 1, 2))}
"""ONNX's operator for a layer of torch, and the place in torch of each of its gates, in ONNX's order."""


class OnnxRecurrent(nn.Module):
    """A GRU or LSTM of torch, for `torch.onnx.export` only: outside of a graph its states are zeros.

    Args:
        layers: the layers; their weights are copied.
    """

    def __init__(self, layers: nn.GRU | nn.LSTM) -> None:
        super().__init__()
        self._operator, gates = GATES[type(layers)]
        self._hidden, self._batch_first = layers.hidden_size, layers.batch_first
        self._directions = 2 if layers.bidirectional else 1
        self._layers = layers.num_layers
        for layer in range(layers.num_layers):
            own = [f"_l{layer}", f"_l{layer}_reverse"][: self._directions]
            for name in ("weight_ih", "weight_hh"):
                stacked = torch.stack([_in_order(getattr(layers, name + end), gates) for end in own])
                self.register_buffer(f"{name}_{layer}", stacked)
            if layers.bias:
                both = [[_in_order(getattr(layers, name + end), gates) for name in ("bias_ih", "bias_hh")] for end in own]
                self.register_buffer(f"bias_{layer}", torch.stack([torch.cat(pair) for pair in both]))

    def forward(self, states: torch.Tensor, hx: Any = None) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the states of the last layer and the final states of all layers, as torch's layers do.

        Raises:
            NotImplementedError: initial states are given.
        """
        if hx is not None:
            raise NotImplementedError("a recurrent layer with initial states")
        if self._batch_first:
            states = states.transpose(0, 1)
        ends = []
        for layer in range(self._layers):
            length, rows = states.shape[0], states.shape[1]
            final = (self._directions, rows, self._hidden)
            found, *last = torch.onnx.ops.symbolic_multi_out(
                self._operator,
                [states, *(getattr(self, f"{name}_{layer}", None) for name in ("weight_ih", "weight_hh", "bias"))],
                self._attributes(),
                dtypes=[states.dtype] * (2 if self._operator == "GRU" else 3),
                shapes=[(length, self._directions, rows, self._hidden), *([final] * (1 if self._operator == "GRU" else 2))],
                version=OPSET,
            )
            states = found.transpose(1, 2).flatten(2)  # (length, rows, directions * hidden)
            ends.append(last)
        final_states = tuple(torch.cat(each) for each in zip(*ends, strict=True))
        states = states.transpose(0, 1) if self._batch_first else states
        return states, final_states[0] if self._operator == "GRU" else final_states  # type: ignore[return-value]

    def _attributes(self) -> dict[str, Any]:
        attributes: dict[str, Any] = {
            "hidden_size": self._hidden,
            "direction": "bidirectional" if self._directions == 2 else "forward",
        }
        return {**attributes, "linear_before_reset": 1} if self._operator == "GRU" else attributes


def with_onnx_layers(module: nn.Module) -> nn.Module:
    """Replace the recurrent layers of a module, in place, by ones that ONNX has an operator for."""
    for name, child in module.named_children():
        if type(child) in GATES and not getattr(child, "proj_size", 0):
            setattr(module, name, OnnxRecurrent(child))  # type: ignore[arg-type]
        else:
            with_onnx_layers(child)
    return module


def _in_order(rows: torch.Tensor, gates: tuple[int, ...]) -> torch.Tensor:
    parts = rows.detach().chunk(len(gates))
    return torch.cat([parts[gate] for gate in gates])
