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
from collections.abc import Iterable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TEXTFORGE = [str(Path(sys.executable).parent / "textforge")]


STARTER = """
import resource, subprocess, sys, time

began = time.perf_counter()
code = subprocess.call(sys.argv[2:])
figures = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
with open(sys.argv[1], "w") as file:
    print(*figures, file=file)
sys.exit(code)
"""
"""Starts a process and measures it: a process's peak counts that of the one which starts it, and this one is small."""


def measure(command: Sequence[str], folder: str | Path) -> tuple[float, float, str]:
    """Wall seconds, peak resident MB and stdout of one process."""
    with tempfile.NamedTemporaryFile("r") as figures:
        starter = [sys.executable, "-S", "-c", STARTER, figures.name]
        done = subprocess.run([*starter, *command], stdout=subprocess.PIPE, cwd=folder, text=True)
        if done.returncode:
            sys.exit(f"{' '.join(command)} ended with exit code {done.returncode}")
        seconds, peak_memory = map(float, figures.read().split())
    unit = 1 << 20 if sys.platform == "darwin" else 1 << 10  # bytes there, kilobytes elsewhere
    return seconds, peak_memory / unit, done.stdout


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


def verdict(met: bool) -> str:
    """How a table says that a target is met."""
    return "met" if met else "**missed**"


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
