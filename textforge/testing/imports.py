"""Wall time and side effects of importing a component's module, measured in a fresh process."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import metadata

from textforge.components.component import Component
from textforge.components.hookspecs import GROUP
from textforge.errors import listed
from textforge.testing.checks import Skipped
from textforge.testing.subject import Subject

KNOWN = (
    "textforge",
    "textforge.recipes.recipe",
    "textforge.recipes.schema",
    "click",
    "typing",
    "typing_extensions",
    "pathlib",
    "random",
)
"""Modules that 'textforge check' imports before any plugin."""
CODE = """
import importlib, json, os, sys
modules, path, known = json.loads(sys.argv[1])
sys.path[:] = path
from textforge.components.import_effects import watching
for one in known:
    importlib.import_module(one)
with watching(modules[-1].partition(".")[0]) as effects:
    for one in modules:
        importlib.import_module(one)
sys.stdout.flush()
os.write(1, ("\\0" + json.dumps([effects.seconds, effects.changed])).encode())
os._exit(0)
"""
TRIES = 3
RETRY_LIMIT = 3
"""Beyond this multiple of the budget, load from other processes cannot be the cause; the import is not retried."""


@dataclass(frozen=True)
class Import:
    """Result of an import."""

    modules: tuple[str, ...]
    seconds: float
    """Wall time, without the time in which other processes had the processor."""
    changed: list[str]
    """Side effects: output on stdout and stderr, changed environment variables, signals, threads, …"""


def of(subject: Subject) -> Import:
    """Import the subject's module in a fresh process. Results are cached by module.

    Raises:
        Skipped: the module cannot be imported by name, or is a test module.
    """
    component = subject.component
    target = component.target if isinstance(component.target, str) else component.factory
    module = target.partition(":")[0] if isinstance(target, str) else getattr(target, "__module__", None)
    if module is None and not isinstance(target, str):  # such as a click.Command
        module = getattr(getattr(target, "callback", None), "__module__", None)
    if module is None or module == "__main__":
        raise Skipped("it is in no module that another process could import.")
    if re.search(r"(^|\.)(test_\w*|\w*_test|conftest)$", module):
        raise Skipped("it is defined in a test module, which may import anything.")
    return _imported(tuple(dict.fromkeys([*_entry(subject.component), module])))


@cache
def loads(module: str, other: str) -> bool:
    """Whether importing a module in a fresh process imports another, too."""
    code = "import importlib, json, sys; module, other, sys.path[:] = json.loads(sys.argv[1])\n"
    code += "importlib.import_module(module); sys.exit(3 if other in sys.modules else 0)"
    given = json.dumps([module, other, sys.path])
    done = subprocess.run([sys.executable, "-c", code, given], capture_output=True, check=False)  # noqa: S603
    return done.returncode == 3


def check_budget(subject: Subject) -> None:
    """Check that importing the subject's module stays within its budget.

    Raises:
        ContractError: the import takes longer.
        Skipped: the module cannot be imported by name.
    """
    found = of(subject)
    seconds = found.seconds  # includes textforge's own imports, which the budget does not cover
    for _ in range(TRIES):  # other processes may have slowed the import down
        if not subject.import_budget < seconds < RETRY_LIMIT * subject.import_budget:
            break
        seconds = min(seconds, _import(found.modules, KNOWN).seconds)
    if seconds > subject.import_budget:
        raise subject.breaks(
            f"importing its module '{found.modules[-1]}' takes {seconds:.2f} s, more than "
            f"{subject.import_budget:g} s; the slowest: {listed(_slowest(found.modules))}.",
            "Import these inside the factory, or name the factory by a string 'package.module:attribute' in the hook "
            "and keep its module light.",
        )


def _entry(component: Component) -> list[str]:
    """The module of the component's entry point, which is imported with every component of the plugin."""
    found = metadata.entry_points(group=GROUP, name=component.plugin) if component.plugin else ()
    return [one.module for one in found if one.dist and one.dist.name == component.origin.distribution]


@cache
def _imported(modules: tuple[str, ...]) -> Import:
    return _import(modules)


def _import(modules: tuple[str, ...], known: Sequence[str] = ()) -> Import:
    """Import modules in a fresh process, after those in `known`."""
    done = _run(modules, known)
    if done.returncode:
        message = (done.stderr.strip().splitlines() or ["it ended without an error message"])[-1]
        raise Skipped(f"another process cannot import its module: {message}")
    printed, _, result = done.stdout.rpartition("\0")
    seconds, changed = json.loads(result)
    streams = [name for name, text in (("stdout", printed), ("stderr", done.stderr)) if text]
    return Import(modules, seconds, [f"{name} (it printed)" for name in streams] + changed)


def _slowest(modules: tuple[str, ...]) -> list[str]:
    """The packages that take longest to import, from the output of `python -X importtime`."""
    lines = _run(modules, KNOWN, "-X", "importtime").stderr
    entries = re.findall(r"^import time:\s+\d+ \|\s+(\d+) \|(\s*)(\S+)", lines, re.MULTILINE)
    rows = [(len(indent), name.partition(".")[0], int(total)) for total, indent, name in entries]
    light = {name.partition(".")[0] for name in (*KNOWN, *modules)} | set(sys.stdlib_module_names)
    spent: dict[str, int] = {}
    depth = sys.maxsize  # indentation of the package that the current rows belong to
    for indent, package, total in reversed(rows):  # backwards: a module's imports are listed before it, indented
        if indent > depth:
            continue
        depth = sys.maxsize
        if package not in light:
            depth = indent
            spent[package] = spent.get(package, 0) + total
    worst = sorted((package for package in spent if spent[package] > 5e4), key=lambda package: -spent[package])[:3]
    return [f"{package} {spent[package] / 1e6:.2f} s" for package in worst] or [modules[-1]]


def _run(modules: Sequence[str], known: Sequence[str], *flags: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *flags, "-c", CODE, json.dumps([modules, sys.path, known])]
    return subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)  # noqa: S603
