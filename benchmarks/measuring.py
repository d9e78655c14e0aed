"""One process measured, the machine in words, and tables put between the marks of a page."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TEXTFORGE = [str(Path(sys.executable).parent / "textforge")]


def measure(command: list[str], folder: str) -> tuple[float, float, str]:
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


def machine() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    model = re.search(r"model name\s*: (.*)", cpuinfo.read_text() if cpuinfo.exists() else "")
    return f"{os.cpu_count()} cores ({model[1] if model else platform.processor()}), Python {platform.python_version()}"


def write_sections(page: Path, sections: dict[str, str]) -> None:
    """Replace what stands between `<!-- name -->` and `<!-- end -->`."""
    text = page.read_text()
    for name, table in sections.items():
        pattern = rf"(<!-- {name} -->\n).*?(<!-- end -->)"
        text, found = re.subn(pattern, lambda m, t=table: m[1] + t + m[2], text, flags=re.DOTALL)
        if not found:
            sys.exit(f"{page}: has no marks for '{name}'")
    page.write_text(text)
