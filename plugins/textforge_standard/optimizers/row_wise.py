"""Optimizers that update only the rows of weights whose words occur in the batch."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch.optim import Optimizer

from textforge import RecipeError
from textforge_standard.optimizers.joined import Joined
from textforge_standard.optimizers.undecorated import undecorated

Tensor = torch.Tensor


class _RowWise(Optimizer):
    """Base of optimizers that step only the rows present in a sparse gradient.

    Args:
        params: weights with one row per word, whose gradients are sparse.
        lr: learning rate.
        weight_decay: fraction of a word's weights subtracted, times lr, in each batch that contains the word.
        others: further settings, stored in the group for `update`.
    """

    def __init__(self, params: Iterable[Tensor], *, lr: float, weight_decay: float = 0.0, **others: Any) -> None:
        super().__init__(list(params), {"lr": lr, "weight_decay": weight_decay, **others})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]  # closures are not used
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    rows, gradient = rows_of(parameter.grad)
                    weights = parameter.index_select(0, rows)
                    if group["weight_decay"]:
                        weights.mul_(1 - group["lr"] * group["weight_decay"])
                    self.update(parameter, rows, weights, gradient, group)
                    parameter.index_copy_(0, rows, weights)

    def update(self, parameter: Tensor, rows: Tensor, weights: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        """Update `weights` in place, a copy of `rows` of a parameter, without changing `gradient`."""
        raise NotImplementedError

    def _kept(self, parameter: Tensor, name: str, width: int | None = None, start: float = 0.0) -> Tensor:
        """State of each row between steps: `width` numbers per row, by default one per weight."""
        state = self.state[parameter]
        if name not in state:
            shape = (len(parameter), parameter.shape[1] if width is None else width)
            state[name] = parameter.new_full(shape, start)
        found: Tensor = state[name]
        return found


class _RowSGD(_RowWise):
    """Stochastic gradient descent; without weight decay its steps equal those of dense SGD."""

    def update(self, parameter: Tensor, rows: Tensor, weights: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        weights.sub_(gradient, alpha=group["lr"])


class _RowAdagrad(_RowWise):
    """Adagrad; with `per_row` it sums the mean square of each row's gradient, so that a row has one step size."""

    def update(self, parameter: Tensor, rows: Tensor, weights: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        squares = self._kept(parameter, "sum", 1 if group["per_row"] else None, group["start"])
        if group["per_row"]:
            total = squares.index_select(0, rows).add_(gradient.square().mean(dim=1, keepdim=True))
        else:
            total = squares.index_select(0, rows).addcmul_(gradient, gradient)
        squares.index_copy_(0, rows, total)
        weights.addcdiv_(gradient, total.sqrt_().add_(group["eps"]), value=-group["lr"])


class _RowAdam(_RowWise):
    """Adam whose running means do not decay for words that do not occur."""

    def update(self, parameter: Tensor, rows: Tensor, weights: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        (beta, beta_square), state = group["betas"], self.state[parameter]
        state["step"] = step = state.get("step", 0) + 1
        means, squares = self._kept(parameter, "exp_avg"), self._kept(parameter, "exp_avg_sq")
        mean = means.index_select(0, rows).lerp_(gradient, 1 - beta)
        square = squares.index_select(0, rows).mul_(beta_square).addcmul_(gradient, gradient, value=1 - beta_square)
        means.index_copy_(0, rows, mean)
        squares.index_copy_(0, rows, square)
        scale = square.sqrt_().div_((1 - beta_square**step) ** 0.5).add_(group["eps"])
        weights.addcdiv_(mean, scale, value=-group["lr"] / (1 - beta**step))


RowSGD, RowAdagrad, RowAdam = map(undecorated, (_RowSGD, _RowAdagrad, _RowAdam))


def rows_of(gradient: Tensor) -> tuple[Tensor, Tensor]:
    """Distinct row numbers of a sparse gradient, and their gradients."""
    (rows,), values = gradient._indices(), gradient._values()
    if not gradient.is_coalesced() and bool((rows[1:] <= rows[:-1]).any()):
        gradient = gradient.coalesce()
        (rows,), values = gradient.indices(), gradient.values()
    return rows, values


def row_wise(
    name: str,
    params: Iterable[Tensor],
    module: Any,
    words: Callable[[list[Tensor]], Optimizer],
    others: Callable[[list[Tensor]], Optimizer],
) -> Optimizer:
    """Join an optimizer of a model's word weights with an optimizer of all its other weights.

    Args:
        name: name of the component, for error messages.
        params: the parameters to train.
        module: the model; its layers with an attribute `sparse` hold the word weights.
        words: makes the optimizer of the word weights.
        others: makes the optimizer of the other weights.

    Raises:
        RecipeError: there are no word weights to train; or, at a step, their gradient is dense.
    """
    layers = [layer for layer in module.modules() if hasattr(layer, "sparse") and hasattr(layer, "weight")]
    with_rows = {id(layer.weight) for layer in layers}
    sparse = [parameter for parameter in params if id(parameter) in with_rows]
    dense = [parameter for parameter in params if id(parameter) not in with_rows]
    if not sparse:
        raise RecipeError(f"optimizer '{name}': the model has no weights with sparse gradients. Use another optimizer.")

    def refuse_dense(*_: Any) -> None:
        if any(parameter.grad is not None and not parameter.grad.is_sparse for parameter in sparse):
            raise RecipeError(
                f"optimizer '{name}': the word weights got a dense gradient, as over one vector a text. "
                "Use another optimizer, or one without sparse gradients."
            )

    first = words(sparse)
    first.register_step_pre_hook(refuse_dense)
    return Joined(first, others(dense)) if dense else first
