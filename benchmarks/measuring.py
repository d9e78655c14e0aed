"""What the benchmarks share: one process measured, tables, the machine in words. Run alone it prints the machine."""

from __future__ import annotations

import argparse
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TEXTFORGE = [str(Path(sys.executable).parent / "textforge")]


def measure(command: Sequence[str], folder: str) -> tuple[float, float, str]:
    """Wall seconds, peak resident MB and stdout of one process."""
    with tempfile.TemporaryFile() as out:
        began = time.perf_counter()
        process = subprocess.Popen(command, stdout=out, cwd=folder)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            sys.exit(f"{' '.join(command)} ended with exit code {process.returncode}")
        out.seek(0)
        unit = 1 << 20 if sys.platform == "darwin" else 1 << 10  # bytes there, kilobytes elsewhere
        return seconds, usage.ru_maxrss / unit, out.read().decode()


def forget_peak() -> None:
    """The peak of this process's memory becomes what it takes now. Linux only."""
    Path("/proc/self/clear_refs").write_text("5")


def peak() -> float:
    """Most MB that this process took since its start, or since the peak was forgotten. Linux only."""
    (found,) = re.findall(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())
    return int(found) / 1024


def spread(values: Sequence[float], digits: int) -> str:
    """Median and range."""
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    return "".join(f"| {' | '.join(row)} |\n" for row in (head, ["---"] * len(head), *rows))


def machine() -> str:
    """Processor, cores and Python."""
    cpuinfo = Path("/proc/cpuinfo")
    model = re.search(r"model name\s*: (.*)", cpuinfo.read_text() if cpuinfo.exists() else "")
    return f"{os.cpu_count()} cores ({model[1] if model else platform.processor()}), Python {platform.python_version()}"


def arguments(doc: str | None) -> argparse.ArgumentParser:
    """A parser whose help is the script's docstring."""
    return argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)


if __name__ == "__main__":
    arguments(__doc__).parse_args()
    print(f"Measured on {machine()}.")
