"""A module that changes signals, threads and filters of warnings when it is imported."""

import signal
import threading
import time
import warnings

signal.signal(signal.SIGTERM, lambda number, frame: None)
threading.Thread(target=time.sleep, args=(5,), name="kit-rude", daemon=True).start()
warnings.simplefilter("ignore")


def metric():
    """Mean probability of the most probable class."""
    return lambda gold, probabilities: float(probabilities.max(axis=1).mean())
