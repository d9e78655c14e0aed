"""Import an installed plugin in a process of its own to learn what it offers, how long that takes and what it changes.

A plugin that exits, hangs or changes the process at import therefore disturbs nobody, and no command waits for the
import of a plugin that it does not use.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict
from importlib import metadata
from pathlib import Path

from textforge.components.api_version import unmet_requirement
from textforge.components.component import Origin
from textforge.components.hook_reader import HookReader
from textforge.components.hookspecs import GROUP
from textforge.components.import_effects import watching
from textforge.components.offers import Examined
from textforge.components.options import try_call
from textforge.errors.temporaries import Scratch

TIMEOUT = 10.0
"""Seconds after which an import counts as hanging."""
_CODE = """
import json, sys
given = json.loads(sys.argv[1])
sys.path[:] = given["path"]
from textforge.components.examination import report
report(given["value"], given["name"], given["origin"], given["file"])
"""


def examined(entry_points: Sequence[tuple[metadata.EntryPoint, Origin]]) -> list[Examined]:
    """Examine plugins, each in a process of its own, several at a time."""
    if not entry_points:
        return []
    running: set[subprocess.Popen[bytes]] = set()
    with ThreadPoolExecutor(min(len(entry_points), os.cpu_count() or 1, 4)) as pool:
        try:
            return list(pool.map(lambda one: _in_own_process(one[0], one[1], running), entry_points))
        except BaseException:  # an interrupt must not wait for plugins that hang
            pool.shutdown(wait=False, cancel_futures=True)
            for process in [*running]:
                _kill(process)
            raise


def examined_here(entry_point: metadata.EntryPoint, origin: Origin) -> Examined:
    """Examine a plugin in this process."""
    with watching(entry_point.value.partition(".")[0].partition(":")[0]) as effects:
        plugin, error = try_call(entry_point.load)
    if error:
        unmet, _ = try_call(unmet_requirement, entry_point.dist)
        reason = f"cannot be imported: {type(error).__name__}: {error}{unmet or ''}"
        return Examined(broken=[reason], seconds=effects.seconds, changed=effects.changed)
    offered = HookReader().read(plugin, entry_point.name, origin)
    targets = [[one.kind.name, one.name, one.target if isinstance(one.target, str) else None]
               for one in offered.components]  # fmt: skip
    return Examined(targets, offered.reasons, effects.seconds, effects.changed)


def report(value: str, name: str, origin: list[str], file: str) -> None:
    """Examine a plugin, write the result to `file`, and end the process, whatever threads the plugin has started."""
    distribution, _ = try_call(metadata.distribution, origin[0])
    entry_point = metadata.EntryPoint(name, value, GROUP)
    if distribution is not None:
        entry_point = next((one for one in distribution.entry_points
                            if (one.name, one.value, one.group) == (name, value, GROUP)), entry_point)  # fmt: skip
    found = examined_here(entry_point, Origin(*origin))
    Path(file).write_text(json.dumps(asdict(found)), encoding="utf-8", errors="backslashreplace")
    os._exit(0)


def _in_own_process(
    entry_point: metadata.EntryPoint, origin: Origin, running: set[subprocess.Popen[bytes]]
) -> Examined:
    if not sys.executable or getattr(sys, "frozen", False):  # no Python to start
        return examined_here(entry_point, origin)
    with Scratch() as scratch:
        file = scratch.path / "examined.json"
        given = {"path": sys.path, "value": entry_point.value, "name": entry_point.name, "file": str(file),
                 "origin": [origin.distribution, origin.version]}  # fmt: skip
        try:
            code = _ended([sys.executable, "-c", _CODE, json.dumps(given)], running)
        except OSError:  # a system that starts no more processes
            return examined_here(entry_point, origin)
        if code is None:
            return Examined(broken=[f"hangs: its import is not done after {TIMEOUT:g} s."])
        try:
            return Examined(**json.loads(file.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            how = f"by the signal {-code}" if code < 0 else f"with exit code {code}"
            return Examined(broken=[f"cannot be imported: it ends the process {how}."])


def _ended(command: list[str], running: set[subprocess.Popen[bytes]]) -> int | None:
    """Run a command silently; return its exit code, or None if it was killed after `TIMEOUT`."""
    # A plugin that looks up plugins while it is imported sees the standard parts only: else each would start the next.
    environment = {**os.environ, "TEXTFORGE_PLUGINS": "none"}
    null = subprocess.DEVNULL
    process = subprocess.Popen(  # noqa: S603
        command, stdin=null, stdout=null, stderr=null, env=environment, start_new_session=True
    )
    running.add(process)
    try:
        return process.wait(TIMEOUT)
    except subprocess.TimeoutExpired:
        return None
    finally:
        running.discard(process)
        if process.poll() is None:
            _kill(process)
            process.wait()


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a process and all that it has started."""
    with suppress(OSError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
