"""Silence transformers and huggingface_hub: no progress bars, reports or warnings."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

_SETTINGS_LOCK = threading.RLock()
"""The settings are global to the process; two threads must not restore them in the wrong order."""


@contextmanager
def quietly() -> Iterator[None]:
    """Silence the two libraries within the block, and restore their settings afterwards."""
    import logging

    from huggingface_hub.utils.tqdm import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars
    from transformers.utils import logging as library

    with _SETTINGS_LOCK:
        loggers = [logging.getLogger(name) for name in ("transformers", "huggingface_hub")]
        levels = [logger.level for logger in loggers]
        bars, hub_bars = library.is_progress_bar_enabled(), not are_progress_bars_disabled()
        library.disable_progress_bar()  # type: ignore[no-untyped-call]  # also disables the hub's bars
        disable_progress_bars()
        for logger in loggers:
            logger.setLevel(logging.CRITICAL)
        try:
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)
            if bars:
                library.enable_progress_bar()  # type: ignore[no-untyped-call]
            (enable_progress_bars if hub_bars else disable_progress_bars)()
