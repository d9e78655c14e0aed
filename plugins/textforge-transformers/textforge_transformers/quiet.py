"""transformers and huggingface_hub without what they print: progress bars, reports, warnings."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

_ALONE = threading.RLock()
"""Their settings are the process's: two threads that put them back must not cross."""


@contextmanager
def quietly() -> Iterator[None]:
    """Inside, the two libraries print nothing; afterwards they are as they were."""
    import logging

    from huggingface_hub.utils import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars
    from transformers.utils import logging as library

    with _ALONE:
        loggers = [logging.getLogger(name) for name in ("transformers", "huggingface_hub")]
        levels = [logger.level for logger in loggers]
        bars, hub_bars = library.is_progress_bar_enabled(), not are_progress_bars_disabled()
        library.disable_progress_bar()  # the hub's with it
        disable_progress_bars()
        for logger in loggers:
            logger.setLevel(logging.CRITICAL)
        try:
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)
            if bars:
                library.enable_progress_bar()
            (enable_progress_bars if hub_bars else disable_progress_bars)()
