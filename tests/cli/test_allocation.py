"""What training does with memory that it frees: `textforge/cli/allocation.py`."""

import os
import platform
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="memory is kept on glibc alone")

# Twenty megabytes, allocated, touched and freed fifty times over: how many pages the system had to make.
STEPS = """
import resource
from textforge.cli.allocation import keep_freed_memory
import numpy as np
keep_freed_memory()
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
np.zeros(20 << 20, dtype=np.uint8).fill(1)
before = faults()
for _ in range(50):
    np.empty(20 << 20, dtype=np.uint8).fill(1)
    np.empty(18 << 20, dtype=np.uint8).fill(1)
print(faults() - before)
"""
PAGES = (20 << 20) // 4096


def pages_made(said: dict[str, str]) -> int:
    others = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    others["NUMPY_MADVISE_HUGEPAGE"] = "0"  # which would make 512 pages at once
    command = [sys.executable, "-c", STEPS]
    done = subprocess.run(command, env=others | said, check=True, stdout=subprocess.PIPE, text=True)
    return int(done.stdout)


def test_what_a_step_frees_is_used_by_the_next() -> None:
    assert pages_made({}) < 2 * PAGES


def test_what_the_environment_says_of_memory_stands() -> None:
    asked = {"MALLOC_TRIM_THRESHOLD_": "131072", "MALLOC_MMAP_THRESHOLD_": "131072"}
    assert pages_made(asked) > 40 * PAGES
