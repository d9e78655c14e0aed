"""Build encoders of transformers, group their parameters by layer, and pool their states."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from textforge_transformers.checkpoint import Pretrained
from textforge_transformers.quiet import quietly

TOKENS_AT_ONCE = 1 << 13
"""Most tokens, padding included, in one forward pass without gradients; bounds memory."""


def encoder(config: Mapping[str, Any], weights: Pretrained | None = None) -> nn.Module:
    """Build an encoder in float32 without a pooler, with pretrained or random weights.

    Raises:
        DataError: transformers does not know the configuration, or the weights do not match it.
    """
    from textforge import DataError
    from transformers import AutoModel

    made = _configuration(config)
    common = {"dtype": torch.float32, "trust_remote_code": False}
    missing: set[str] = set()
    try:
        with quietly():
            if weights is None:
                found: Any = AutoModel.from_config(made, **common)  # type: ignore[no-untyped-call]
            else:
                found, report = AutoModel.from_pretrained(
                    str(weights.folder),
                    config=made,
                    use_safetensors=True,
                    local_files_only=True,
                    output_loading_info=True,
                    **common,
                )
                missing = {name for name in report["missing_keys"] if not name.startswith("pooler.")}
    except Exception as error:  # sizes that do not match, a truncated file, a missing dependency, …
        where = f"{weights.folder}: the weights cannot be loaded" if weights else "the encoder cannot be made"
        raise DataError(f"{where}: {_line(error)}") from error
    if weights and missing:
        raise DataError(
            f"{weights.folder}: the weights lack '{min(missing)}'"
            f"{f' and {len(missing) - 1} more' if len(missing) > 1 else ''}: they do not match the configuration."
        )
    if getattr(found, "pooler", None) is not None:
        found.pooler = None  # from BERT's pretraining, for pairs of sentences
    module: nn.Module = found
    return module


def _configuration(config: Mapping[str, Any]) -> Any:
    from textforge import DataError
    from transformers import CONFIG_MAPPING, MODEL_MAPPING, AutoConfig, __version__

    kind = config["model_type"]
    if kind not in CONFIG_MAPPING or CONFIG_MAPPING[kind] not in MODEL_MAPPING:
        raise DataError(
            f"the checkpoint's model_type '{kind}' is unknown to transformers {__version__}. Install a newer one, or "
            "use another checkpoint; code that comes with a checkpoint is never run."
        )
    unused = ("model_type", "auto_map", "dtype", "torch_dtype", "gradient_checkpointing", "_name_or_path")
    try:
        with quietly():  # it warns of every number outside its usual range
            made = AutoConfig.for_model(kind, **{name: value for name, value in config.items() if name not in unused})
    except Exception as error:  # an invalid number, or two that contradict each other
        raise DataError(f"the checkpoint's configuration ({kind}) cannot be used: {_line(error)}") from error
    if made.is_encoder_decoder:
        raise DataError(f"the checkpoint's model_type '{kind}' is an encoder-decoder. Use an encoder, such as BERT.")
    return made


def pad_id(config: Mapping[str, Any]) -> int:
    """The encoder's padding id: from the file, or else from its configuration class, or else 0."""
    return _configuration(config).pad_token_id or 0


def depths(found: nn.Module) -> list[list[nn.Parameter]]:
    """An encoder's parameters by depth: those below the layers first, then each layer from the lowest.

    Parameters after the layers, such as a final norm, belong to the highest layer.
    """
    stacks = [(name, module) for name, module in found.named_modules() if isinstance(module, nn.ModuleList)]
    if not stacks:
        return [list(found.parameters())]
    stack, layers = max(stacks, key=lambda one: sum(p.numel() for p in one[1].parameters()))
    parameters = dict(found.named_parameters())
    embeddings = {id(module.weight) for module in found.modules() if isinstance(module, nn.Embedding)}
    parts: list[list[nn.Parameter]] = [[], *(list(layer.parameters()) for layer in layers)]
    after = False
    for name, parameter in parameters.items():
        if name.startswith(f"{stack}."):
            after = True
        elif after and id(parameter) not in embeddings and "embed" not in name:
            parts[-1].append(parameter)
        else:
            parts[0].append(parameter)
    return parts


def in_batches(lengths: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """Yield batches of row indices, shortest rows first, each with at most `TOKENS_AT_ONCE` tokens after padding."""
    order = np.argsort(lengths, kind="stable")
    start = 0
    for stop in range(1, len(order) + 1):
        if stop == len(order) or (stop - start + 1) * lengths[order[stop]] > TOKENS_AT_ONCE:
            yield order[start:stop]
            start = stop


def pooled(states: torch.Tensor, mask: torch.Tensor, pooling: str) -> torch.Tensor:
    """One float32 vector per text: the state of its first token ('cls'), or the mean over its real tokens ('mean')."""
    if pooling == "cls":
        return states[:, 0].float()
    weights = mask.unsqueeze(-1).float()
    return (states.float() * weights).sum(dim=1) / weights.sum(dim=1)


def _line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
