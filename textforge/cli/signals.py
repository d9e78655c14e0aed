"""SIGINT, SIGTERM and SIGHUP: end in order within a grace time, at once after it or at a second signal.

Python calls its handlers between two instructions of the main thread, which may be a long computation away. So a
thread watches the signals, too, and ends the process if the main thread does not in time. Only the command line
installs handlers; the library never does.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
import time
from contextlib import suppress
from types import FrameType

from textforge.cli.messages import write_message
from textforge.runs.interruption import Interruption

GRACE = 10.0
"""Default of `--grace`: seconds from a signal to the end of the process."""
WORDS = {signal.SIGINT: "interrupted", signal.SIGTERM: "ended by SIGTERM"}
if hasattr(signal, "SIGHUP"):  # not on Windows
    WORDS[signal.SIGHUP] = "ended by SIGHUP"

interruption: Interruption = Interruption()
"""That of this process. A run heeds it through its `Progress`."""
grace: float = GRACE
_watched = False


def exit_code(number: int) -> int:
    """The exit code of a process that a signal ended, as shells give it: 130 for SIGINT, 143 for SIGTERM."""
    return 128 + number


def in_words(number: int) -> str:
    """What a signal did, as the beginning of a sentence."""
    return WORDS.get(signal.Signals(number), f"ended by signal {number}")


def set_grace(seconds: float) -> None:
    """Give the process so many seconds from a signal to its end."""
    global grace  # noqa: PLW0603
    grace = seconds


def install() -> None:
    """Install the handlers. A signal that is ignored, as SIGHUP is after `nohup`, stays ignored."""
    if threading.current_thread() is not threading.main_thread():
        return
    for number in WORDS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _heed)


def watch() -> None:
    """Start the thread that ends the process in time, if the handlers are installed."""
    global _watched  # noqa: PLW0603
    numbers = {number for number in WORDS if signal.getsignal(number) is _heed}
    if not numbers or _watched:
        return
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    threading.Thread(target=_watch, args=(reading, numbers), name="signals", daemon=True).start()
    _watched = True
    if hasattr(os, "register_at_fork"):  # a forked worker must not wake the thread of its parent
        os.register_at_fork(after_in_child=uninstall)


def uninstall() -> None:
    """Let signals end the process at once, as they do without handlers."""
    with suppress(ValueError):  # not in the main thread
        signal.set_wakeup_fd(-1)
        for number in WORDS:
            if signal.getsignal(number) is _heed:
                signal.signal(number, signal.SIG_DFL)


def _heed(number: int, frame: FrameType | None) -> None:
    if interruption.number is None:
        interruption.request(number)
    elif not _watched:
        _end_now(number, f"{in_words(interruption.number)}, then {in_words(number)}, so ended at once.")


def _watch(reading: int, numbers: set[signal.Signals]) -> None:
    """End the process at a second signal, or when the grace time after the first one is over."""
    first = _next(reading, numbers, None)
    assert first is not None
    second = _next(reading, numbers, grace)
    if second is None:
        _end_now(first, f"{in_words(first)}, and not done after {grace:g} s, so ended at once.")
    else:
        _end_now(second, f"{in_words(first)}, then {in_words(second)}, so ended at once.")


def _next(reading: int, numbers: set[signal.Signals], wait: float | None) -> int | None:
    """Wait for the next of these signals, for so many seconds; None if there is none."""
    until = None if wait is None else time.monotonic() + wait
    while select.select([reading], [], [], None if until is None else max(0.0, until - time.monotonic()))[0]:
        (number,) = os.read(reading, 1)
        if number in numbers:
            return number
    return None


def _end_now(number: int, why: str) -> None:
    """End the process at once. The last checkpoint stays."""
    if sys.stderr.isatty():
        with suppress(OSError, ValueError):
            sys.stderr.write("\x1b[?25h")  # a progress bar hides the cursor
    write_message(f"error: {why}{interruption.advice and f' You can {interruption.advice}'}")
    os._exit(exit_code(number))
