"""A module that changes signals, threads and filters of warnings when it is imported, but not those of the tests."""

import signal
import sys
import threading
import time
import warnings

if "pytest" not in sys.modules:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    threading.Thread(target=time.sleep, args=(5,), name="kit-rude", daemon=True).start()
    warnings.simplefilter("ignore")


def metric():
    """Mean probability of the most probable class."""
    return lambda gold, probabilities: float(probabilities.max(axis=1).mean())
