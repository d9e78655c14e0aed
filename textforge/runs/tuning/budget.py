"""The time of a tuning: read it, and know how much is left."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

from textforge.errors import RecipeError, cut

UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}
_TIME = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]*)")


def read_budget(text: str | float) -> float:
    """Seconds from a text such as `90`, `90s`, `5m`, `1.5h` or `1h 30m`.

    Raises:
        RecipeError: it is no such text, or not above 0.
    """
    given = str(text).strip().lower()
    found = _TIME.findall(given)
    whole = bool(found) and not _TIME.sub("", given).strip()
    seconds = sum(float(number) * UNITS.get(unit, float("nan")) for number, unit in found)
    if not whole or not 0 < seconds < float("inf"):
        raise RecipeError(f"budget must be a time above 0, as in 90s, 5m or 1.5h, not '{cut(str(text))}'.")
    return seconds


def process_age() -> float:
    """Seconds since this process was started; 0 where the system does not say."""
    try:
        fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
        up = float(Path("/proc/uptime").read_text().split()[0])
        return max(0.0, up - int(fields[19]) / os.sysconf("SC_CLK_TCK"))
    except (OSError, ValueError, LookupError):
        return 0.0


class Budget:
    """How much time is left.

    Args:
        seconds: the whole time; None for no limit.
        spent: seconds of it that are spent already.
    """

    def __init__(self, seconds: float | None, spent: float = 0.0) -> None:
        self.seconds: float | None = seconds
        self._began = time.monotonic() - spent

    def spent(self) -> float:
        """Seconds since the beginning."""
        return time.monotonic() - self._began

    def left(self) -> float:
        """Seconds to the end; infinite without a limit."""
        return float("inf") if self.seconds is None else self.seconds - self.spent()
