"""The gradient mode that training needs, whatever the caller has set."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def recording_gradients() -> Iterator[None]:
    """Enable gradients and disable inference mode.

    Tensors created in inference mode cannot be used for training.
    """
    with torch.inference_mode(False), torch.enable_grad():
        yield
