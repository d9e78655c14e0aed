"""Name a process in its temporary files, so that others can find out whether it still runs.

A process id alone does not name a process: ids are reused, and each host and container counts its own. So the name has
three parts. The host part stands for one boot of a kernel and one table of process ids; only processes with the same
host part can look each other up. The start time distinguishes processes that have had the same id.
"""

from __future__ import annotations

import hashlib
import os
import sys
from functools import cache
from pathlib import Path

_PROC = Path("/proc")
UNKNOWN = "0"
"""Start time of a process on a system without /proc."""


def maker() -> str:
    """Return the name of this process, `<host>-<process id>-<start time>`, in small letters and digits."""
    pid = os.getpid()
    return f"{_host()}-{pid}-{_started(pid) or UNKNOWN}"


def is_running(name: str) -> bool | None:
    """Whether the process of this name still runs; None if it ran on another host, in another container or boot.

    On Windows, where asking could disturb the process, only this process itself is known to run.
    """
    host, pid, started = name.split("-")
    if name == maker():
        return True
    if host != _host() or os.name != "posix":
        return None
    try:
        os.kill(int(pid), 0)  # sends nothing
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:  # it belongs to another user
        pass
    now = _started(int(pid))
    return now is None or started in (now, UNKNOWN)


@cache
def _host() -> str:
    """Eight hexadecimal digits that stand for this boot of this machine and its table of process ids."""
    try:
        known = [(_PROC / "sys/kernel/random/boot_id").read_text(), os.readlink(_PROC / "self/ns/pid")]
    except OSError:  # not on Linux
        import socket
        import uuid

        known = [socket.gethostname(), hex(uuid.getnode())]
    return hashlib.sha256(" ".join([sys.platform, *known]).encode()).hexdigest()[:8]


def _started(pid: int) -> str | None:
    """When a process started, in clock ticks since the boot; None if that cannot be read; "ended" for a zombie."""
    try:
        status = (_PROC / str(pid) / "stat").read_bytes()
    except OSError:
        return None
    state, *numbers = status.rpartition(b")")[2].split()
    return "ended" if state in (b"Z", b"X") else numbers[18].decode()
