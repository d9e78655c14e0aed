"""Recurrent layers as ONNX has them: torch's exporter would write one copy of the cell for each word of its example."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

OPSET = 14
"""Version of the operators `GRU` and `LSTM`."""
GATES: dict[type[nn.Module], tuple[str, tuple[int, ...]]] = {
    nn.GRU: ("GRU", (1, 0, 2)),
    nn.LSTM: ("LSTM", (0, 3, 1, 2)),
}
"""ONNX's operator for a layer of torch, and the place in torch of each of its gates, in ONNX's order."""
FINAL = {"GRU": 1, "LSTM": 2}
"""Number of final states: an LSTM has a cell's state, too."""


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
            parts = {"weight_ih": ("weight_ih",), "weight_hh": ("weight_hh",)}
            for name, joined in {**parts, **({"bias": ("bias_ih", "bias_hh")} if layers.bias else {})}.items():
                each = [torch.cat([_in_order(getattr(layers, one + end), gates) for one in joined]) for end in own]
                self.register_buffer(f"{name}_{layer}", torch.stack(each))

    def forward(self, states: torch.Tensor, hx: Any = None) -> tuple[torch.Tensor, Any]:
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
            states, *final = self._layer(layer, states)
            ends.append(final)
        states = states.transpose(0, 1) if self._batch_first else states
        final_states = tuple(torch.cat(each) for each in zip(*ends, strict=True))
        return states, final_states if len(final_states) > 1 else final_states[0]

    def _layer(self, layer: int, states: torch.Tensor) -> list[torch.Tensor]:
        """The states of one layer, (length, rows, directions * hidden), and its final states."""
        final = (self._directions, states.shape[1], self._hidden)
        n_final = FINAL[self._operator]
        found, *ends = torch.onnx.ops.symbolic_multi_out(
            self._operator,
            [states, *(getattr(self, f"{name}_{layer}", None) for name in ("weight_ih", "weight_hh", "bias"))],
            self._attributes(),
            dtypes=[states.dtype] * (1 + n_final),
            shapes=[(states.shape[0], *final), *[final] * n_final],
            version=OPSET,
        )
        return [found.transpose(1, 2).flatten(2), *ends]

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
