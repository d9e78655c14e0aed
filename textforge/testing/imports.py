"""What the import of a component's module costs and changes, seen in a fresh process."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from functools import cache

from textforge.errors import listed
from textforge.testing.checks import Skipped
from textforge.testing.subject import Subject

KNOWN = (
    "textforge",
    "textforge.recipe",
    "textforge.schema",
    "click",
    "typing",
    "typing_extensions",
    "pathlib",
    "random",
)
"""What 'textforge check' has imported before it comes to a plugin."""
CODE = f"""
import importlib, json, logging, os, random, sys, time
sys.path[:] = json.loads(sys.argv[2])
import {", ".join(KNOWN)}

def world():
    root = logging.getLogger()
    return {{
        "the working directory": os.getcwd(),
        "os.environ": sorted(one for one in os.environ.items() if not one[0].startswith("_")),
        "the level of the root logger": root.level,
        "the handlers of the root logger": len(root.handlers),
        "the global random state": hash(random.getstate()),
    }}

before, began = world(), time.process_time()
importlib.import_module(sys.argv[1])
seconds, after = time.process_time() - began, world()
sys.stdout.flush()
os.write(1, ("\\0" + json.dumps([seconds, [name for name in before if before[name] != after[name]]])).encode())
"""
TRIES = 3
HOPELESS = 3
"""Times the budget: no other process makes that of a quick import."""


@dataclass(frozen=True)
class Import:
    """What came of an import."""

    module: str
    seconds: float
    """Of processor time."""
    changed: list[str]
    """What is not what it was: stdout and stderr, environment variables, …"""


def of(subject: Subject) -> Import:
    """Import the subject's module in a fresh process; once for each module.

    Raises:
        Skipped: it cannot be imported by name.
    """
    target = subject.component.target
    module = target.partition(":")[0] if isinstance(target, str) else getattr(target, "__module__", None)
    if module is None and not isinstance(target, str):  # such as a click.Command
        module = getattr(getattr(target, "callback", None), "__module__", None)
    if module is None or module == "__main__":
        raise Skipped("it is in no module that another process could import.")
    if re.search(r"(^|\.)(test_\w*|\w*_test|conftest)$", module):
        raise Skipped("it is defined in a module of tests, which imports what it likes.")
    return _imported(module)


def hold_to_budget(subject: Subject) -> None:
    """Hold the import of the subject's module to its budget.

    Raises:
        ContractError: it takes more processor time.
        Skipped: the module cannot be imported by name.
    """
    found = of(subject)
    seconds = found.seconds
    for _ in range(TRIES - 1):  # another process may have been in the way
        if not subject.import_budget < seconds < HOPELESS * subject.import_budget:
            break
        seconds = min(seconds, _import(found.module).seconds)
    if seconds > subject.import_budget:
        raise subject.breaks(
            f"importing its module '{found.module}' takes {seconds:.2f} s of processor time, more than "
            f"{subject.import_budget:g} s; the slowest: {listed(_slowest(found.module))}.",
            "Import these inside the factory, or name the factory by a string 'package.module:attribute' in the hook "
            "and keep its module light.",
        )


@cache
def _imported(module: str) -> Import:
    return _import(module)


def _import(module: str) -> Import:
    done = _run(module)
    if done.returncode:
        told = (done.stderr.strip().splitlines() or ["it ended without a word"])[-1]
        raise Skipped(f"another process cannot import its module: {told}")
    printed, _, told = done.stdout.rpartition("\0")
    seconds, changed = json.loads(told)
    streams = [name for name, text in (("stdout", printed), ("stderr", done.stderr)) if text]
    return Import(module, seconds, [f"{name} (it printed)" for name in streams] + changed)


def _slowest(module: str) -> list[str]:
    """The packages that take longest, by what Python tells of its imports."""
    told = re.findall(r"^import time:\s+\d+ \|\s+(\d+) \|(\s*)(\S+)", _run(module, "-X", "importtime").stderr, re.M)
    rows = [(len(indent), name.partition(".")[0], int(total)) for total, indent, name in told]
    light = {name.partition(".")[0] for name in KNOWN} | set(sys.stdlib_module_names) | {module.partition(".")[0]}
    spent: dict[str, int] = {}
    depth = sys.maxsize  # of the library that the rows are inside of
    for indent, package, total in reversed(rows):  # from the end: what a module imports stands before it, indented
        if indent > depth:
            continue
        depth = sys.maxsize
        if package not in light:
            depth = indent
            spent[package] = spent.get(package, 0) + total
    worst = sorted((package for package in spent if spent[package] > 5e4), key=lambda package: -spent[package])[:3]
    return [f"{package} {spent[package] / 1e6:.2f} s" for package in worst] or [module]


def _run(module: str, *flags: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *flags, "-c", CODE, module, json.dumps(sys.path)]
    return subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)  # noqa: S603
