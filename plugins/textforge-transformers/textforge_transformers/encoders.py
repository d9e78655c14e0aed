"""Encoders of transformers: made from a configuration or with pretrained weights, and taken apart into layers."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from textforge_transformers.checkpoint import Pretrained
from textforge_transformers.quiet import quietly

TOKENS_AT_ONCE = 1 << 13
"""Tokens that are computed together where no gradients are needed, padding included, which bounds memory."""


def encoder(config: Mapping[str, Any], weights: Pretrained | None = None) -> nn.Module:
    """An encoder in float32, without a pooler: with pretrained weights, or random ones.

    Raises:
        DataError: transformers does not know the configuration, or the weights do not belong to it.
    """
    from textforge import DataError
    from transformers import AutoModel

    made = _configuration(config)
    common = {"dtype": torch.float32, "trust_remote_code": False}
    missing: set[str] = set()
    try:
        with quietly():
            if weights is None:
                found = AutoModel.from_config(made, **common)
            else:
                found, told = AutoModel.from_pretrained(
                    str(weights.folder),
                    config=made,
                    use_safetensors=True,
                    local_files_only=True,
                    output_loading_info=True,
                    **common,
                )
                missing = {name for name in told["missing_keys"] if not name.startswith("pooler.")}
    except Exception as error:  # of many kinds: sizes that do not fit, a file cut short, a part not installed
        where = f"{weights.folder}: the weights cannot be loaded" if weights else "the encoder cannot be made"
        raise DataError(f"{where}: {_line(error)}") from error
    if missing:
        raise DataError(
            f"{weights.folder}: the weights lack '{min(missing)}'"
            f"{f' and {len(missing) - 1} more' if len(missing) > 1 else ''}: they do not belong to the configuration."
        )
    if getattr(found, "pooler", None) is not None:
        found.pooler = None  # of BERT's pretraining, for pairs of sentences
    return found


def _configuration(config: Mapping[str, Any]) -> Any:
    from textforge import DataError
    from transformers import CONFIG_MAPPING, MODEL_MAPPING, AutoConfig, __version__

    kind = config["model_type"]
    if kind not in CONFIG_MAPPING or CONFIG_MAPPING[kind] not in MODEL_MAPPING:
        raise DataError(
            f"the checkpoint's model_type '{kind}' is unknown to transformers {__version__}. Install a newer one, or "
            "take another checkpoint; code that comes with a checkpoint is never run."
        )
    unused = ("model_type", "auto_map", "dtype", "torch_dtype", "gradient_checkpointing", "_name_or_path")
    try:
        with quietly():  # it tells of every number that is out of its usual range
            made = AutoConfig.for_model(kind, **{name: value for name, value in config.items() if name not in unused})
    except Exception as error:  # a number that is none, or two that contradict each other
        raise DataError(f"the checkpoint's configuration ({kind}) cannot be used: {_line(error)}") from error
    if made.is_encoder_decoder:
        raise DataError(f"the checkpoint's model_type '{kind}' is an encoder-decoder. Take an encoder, such as BERT.")
    return made


def pad_id(config: Mapping[str, Any]) -> int:
    """The encoder's own number of the padding token; its configuration class may know it where the file does not."""
    return _configuration(config).pad_token_id or 0


def depths(found: nn.Module) -> list[list[nn.Parameter]]:
    """An encoder's parameters by depth: what lies below the layers, then each layer from the lowest.

    What comes after the layers, such as a last norm, counts to the highest.
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
    """The places of rows, shortest first, as many at a time as TOKENS_AT_ONCE allows once they are padded."""
    order = np.argsort(lengths, kind="stable")
    start = 0
    for stop in range(1, len(order) + 1):
        if stop == len(order) or (stop - start + 1) * lengths[order[stop]] > TOKENS_AT_ONCE:
            yield order[start:stop]
            start = stop


def pooled(states: torch.Tensor, mask: torch.Tensor, pooling: str) -> torch.Tensor:
    """One vector a text, float32: the state of its first token ('cls'), or the mean of all that are real ('mean')."""
    if pooling == "cls":
        return states[:, 0].float()
    weights = mask.unsqueeze(-1).float()
    return (states.float() * weights).sum(dim=1) / weights.sum(dim=1)


def _line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
