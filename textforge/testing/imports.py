"""What the import of a component's module costs, measured in a fresh process."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from functools import cache
from typing import Any

from textforge.testing.checks import Skipped
from textforge.testing.subject import Subject

KNOWN = (
    "textforge, textforge.recipe, textforge.schema, click, typing, pathlib, collections.abc, dataclasses, functools, re"
)
"""What 'textforge check' has imported before it comes to a plugin."""
CODE = f"""
import importlib, json, sys, time
sys.path[:] = json.loads(sys.argv[2])
import {KNOWN}
began = time.process_time()
importlib.import_module(sys.argv[1])
sys.__stdout__.write("\\n" + json.dumps(time.process_time() - began))
"""
TRIES = 3


def hold_to_budget(subject: Subject) -> None:
    """Import the subject's module in a fresh process.

    Raises:
        ContractError: it fails there, or takes more processor time than its budget.
        Skipped: its module cannot be imported by name.
    """
    target = subject.component.target
    module = target.partition(":")[0] if isinstance(target, str) else getattr(target, "__module__", None)
    if module is None or module == "__main__":
        raise Skipped("it is in no module that another process could import.")
    seconds, failed = _seconds(module)
    for _ in range(TRIES - 1):  # another process may have been in the way
        if failed or seconds <= subject.import_budget:
            break
        seconds = min(seconds, _measured(module)[0])
    if failed:
        raise Skipped(f"another process cannot import its module: {failed}")
    if seconds > subject.import_budget:
        raise subject.breaks(
            f"the import of its module '{module}' takes {seconds:.2f} s of processor time, more than "
            f"{subject.import_budget:g} s; slowest: {_slowest(module)}.",
            "Import these inside the factory, or name the factory by a string 'package.module:attribute' in the hook "
            "and keep its module light.",
        )


@cache
def _seconds(module: str) -> tuple[float, str]:
    return _measured(module)


def _measured(module: str) -> tuple[float, str]:
    """Seconds of processor time; or why the module cannot be imported."""
    done = _run(module)
    if done.returncode:
        return 0.0, (done.stderr.strip().splitlines() or ["it ended without a word"])[-1]
    return float(done.stdout.splitlines()[-1]), ""


def _slowest(module: str) -> str:
    """The packages that take longest, by what Python tells of its imports."""
    own = module.partition(".")[0]
    told = re.findall(r"^import time:\s+\d+ \|\s+(\d+) \|(\s*)(\S+)", _run(module, "-X", "importtime").stderr, re.M)
    rows = [(len(indent), name, int(total)) for total, indent, name in told]
    spent: dict[str, int] = {}
    # Rows come after those that they imported, which stand further to the right: read them from the end.
    inside: int | None = None
    for depth, name, total in reversed(rows):
        if inside is not None and depth > inside:
            continue
        package = name.partition(".")[0]
        inside = None if package == own else depth
        if package != own:
            spent[package] = spent.get(package, 0) + total
    known = {name.strip().partition(".")[0] for name in KNOWN.split(",")} | set(sys.stdlib_module_names)
    worst = sorted((name for name in spent if name not in known), key=lambda name: -spent[name])[:3]
    return ", ".join(f"{name} {spent[name] / 1e6:.2f} s" for name in worst) or own


def _run(module: str, *flags: str) -> subprocess.CompletedProcess[str]:
    command: list[Any] = [sys.executable, *flags, "-c", CODE, module, json.dumps(sys.path)]
    return subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)  # noqa: S603
