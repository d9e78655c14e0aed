"""Shared by the benchmarks: measure a process, format tables, describe the machine. Run alone, print the machine."""

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
"""Starts a process and measures it. A small process does this, because a child's peak includes its parent's."""


def measure(command: Sequence[str], folder: str | Path) -> tuple[float, float, str]:
    """Run a process; return its wall time in seconds, peak resident memory in MB, and stdout."""
    with tempfile.NamedTemporaryFile("r") as figures:
        starter = [sys.executable, "-S", "-c", STARTER, figures.name]
        done = subprocess.run([*starter, *command], stdout=subprocess.PIPE, cwd=folder, text=True)
        if done.returncode:
            sys.exit(f"{' '.join(command)} ended with exit code {done.returncode}")
        seconds, peak_memory = map(float, figures.read().split())
    unit = 1 << 20 if sys.platform == "darwin" else 1 << 10  # macOS counts bytes, other systems kilobytes
    return seconds, peak_memory / unit, done.stdout


def forget_peak() -> None:
    """Reset the peak memory of this process to its current memory. Linux only."""
    Path("/proc/self/clear_refs").write_text("5")


def peak() -> float:
    """Peak memory of this process, in MB, since its start or the last `forget_peak`. Linux only."""
    (found,) = re.findall(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())
    return int(found) / 1024


def spread(values: Sequence[float], digits: int) -> str:
    """Median and range."""
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Format a table in Markdown."""
    return "".join(f"| {' | '.join(row)} |\n" for row in (head, ["---"] * len(head), *rows))


def verdict(met: bool) -> str:
    """'met' or 'missed', as shown in a table."""
    return "met" if met else "**missed**"


def machine() -> str:
    """Processor, cores and Python."""
    cpuinfo = Path("/proc/cpuinfo")
    model = re.search(r"model name\s*: (.*)", cpuinfo.read_text() if cpuinfo.exists() else "")
    return f"{os.cpu_count()} cores ({model[1] if model else platform.processor()}), Python {platform.python_version()}"


def arguments(doc: str | None) -> argparse.ArgumentParser:
    """An argument parser whose help is the script's docstring."""
    return argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)


if __name__ == "__main__":
    arguments(__doc__).parse_args()
    print(f"Measured on {machine()}.")
