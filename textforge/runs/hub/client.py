"""The library of the Hugging Face hub: whether it is there, its client, and its silence."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from importlib.util import find_spec
from typing import TYPE_CHECKING

from textforge.errors import RecipeError

if TYPE_CHECKING:
    from huggingface_hub import HfApi


def require_library() -> None:
    """Refuse to go on without huggingface_hub.

    Raises:
        RecipeError: it is not installed.
    """
    if find_spec("huggingface_hub") is None:
        raise RecipeError(
            "the Hugging Face hub needs the package 'huggingface_hub'. Install it: pip install 'textforge[hub]'"
        )


def endpoint() -> str:
    """The URL of the hub: HF_ENDPOINT, else the public one."""
    from huggingface_hub import constants

    return (os.environ.get("HF_ENDPOINT") or constants.ENDPOINT).rstrip("/")


def hub_api() -> HfApi:
    """A client of the hub, with the token of this machine."""
    from huggingface_hub import HfApi

    return HfApi(endpoint(), library_name="textforge", library_version=metadata.version("textforge"))


@contextmanager
def quietly() -> Iterator[None]:
    """Keep the hub's library from drawing bars, warning and logging in the block."""
    import logging
    import warnings

    from huggingface_hub.utils.tqdm import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars

    logger, bars = logging.getLogger("huggingface_hub"), not are_progress_bars_disabled()
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    disable_progress_bars()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
        if bars:
            enable_progress_bars()
