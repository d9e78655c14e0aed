"""Measure the stages of a recipe's run, as a whole process; prints a table with a column per recipe.

Run `textforge run` in a process that records when each stage begins (from the run's progress), and within the stages
the times of imports, forward, backward and update (from Python's import and torch's hooks). Times are exclusive:
imports count as imports, whichever stage triggers them. Work in other threads is not measured, only the time spent
waiting for it. Figures are medians of the runs, in seconds.

--operators instead prints torch.profiler's table of the slowest operators in one recipe's training.
"""

from __future__ import annotations

import atexit
import importlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, NoReturn

from measuring import ROOT, arguments, table

RECIPES = ("newsgroups.yaml", "newsgroups-linear.yaml", "newsgroups20-linear.yaml", "newsgroups20-mlp.yaml")
STAGES = {
    "begin": "Python's start",
    "imports": "imports",
    "check": "reading and checking the recipe",
    "loading": "loading the data",
    "turning": "vectorizing, making model and optimizer",
    "forward": "training: forward",
    "backward": "training: backward",
    "update": "training: update",
    "training": "training: the rest (batches, loss, averages)",
    "evaluating": "evaluating, forward included",
    "saving": "writing the run folder",
    "end": "Python's end",
}


class Clock:
    """Exclusive time by name, in the main thread only; an inner stage pauses the outer one."""

    def __init__(self, name: str) -> None:
        self.spent = dict.fromkeys(STAGES, 0.0)
        self._names, self._since = [name], time.monotonic()

    def _settle(self) -> None:
        now = time.monotonic()
        self.spent[self._names[-1]] += now - self._since
        self._since = now

    def stage(self, name: str) -> None:
        self._settle()
        self._names[0] = name
        self.spent.setdefault(name, 0.0)

    def begin(self, name: str) -> None:
        if threading.current_thread() is threading.main_thread():
            self._settle()
            self._names.append(name if name == "imports" or self._names[0] == "training" else self._names[0])

    def done(self) -> None:
        if threading.current_thread() is threading.main_thread():
            self._settle()
            self._names.pop()

    def ended(self) -> dict[str, float]:
        self._settle()
        return self.spent


def watch_imports(clock: Clock) -> None:
    """Measure imports: Python calls the hook for each module that is not imported yet."""
    bootstrap: Any = importlib.import_module("importlib._bootstrap")  # private, so without stubs
    find_and_load = bootstrap._find_and_load

    def watched(name: str, *rest: Any) -> Any:
        clock.begin("imports")
        try:
            return find_and_load(name, *rest)
        finally:
            clock.done()
            if name == "torch":
                watch_torch(clock)

    bootstrap._find_and_load = watched


def watch_torch(clock: Clock) -> None:
    import torch
    from torch.nn.modules import module
    from torch.optim import optimizer

    module.register_module_forward_pre_hook(lambda *_: clock.begin("forward"))
    module.register_module_forward_hook(lambda *_: clock.done())
    optimizer.register_optimizer_step_pre_hook(lambda *_: clock.begin("update"))
    optimizer.register_optimizer_step_post_hook(lambda *_: clock.done())
    backward = torch.autograd.backward

    def watched(*args: Any, **options: Any) -> None:
        clock.begin("backward")
        try:
            backward(*args, **options)
        finally:
            clock.done()

    torch.autograd.backward = watched


class Operators:
    """Profile the training of a run with torch.profiler."""

    def __init__(self) -> None:
        self._profiler: Any = None

    def stage(self, name: str) -> None:
        if name == "training":
            from torch.profiler import ProfilerActivity, profile

            self._profiler = profile(activities=[ProfilerActivity.CPU])
            self._profiler.start()
        elif name == "evaluating" and self._profiler is not None:
            self._profiler.stop()
            print(self._profiler.key_averages().table(sort_by="self_cpu_time_total", row_limit=12), file=sys.stderr)


def watch_stages(clock: Clock | Operators) -> None:
    from textforge.runs import progress

    def evaluated(self: progress.Progress, done: int, texts: int) -> None:
        if done >= texts:
            clock.stage("saving")

    patched: Any = progress.Progress
    patched.stage = lambda self, text: clock.stage(text.split()[0])
    patched.evaluated = evaluated


def run_watched(recipe: str, out: str, report: str, began: float) -> None:
    """Run `textforge run` in this process; write the times of its stages and of its end to `report`."""
    clock = Clock("check")
    clock.spent["begin"] = time.monotonic() - began
    watch_imports(clock)
    watch_stages(clock)
    leave = os._exit

    def write_report() -> None:
        Path(report).write_text(json.dumps({**clock.ended(), "end": time.monotonic()}))

    def leave_with_status(status: int) -> NoReturn:
        write_report()
        leave(status)

    atexit.register(write_report)
    os._exit = leave_with_status
    textforge(recipe, out)


def textforge(recipe: str, out: str) -> None:
    from textforge.__main__ import main

    sys.argv = ["textforge", "run", recipe, "--out", out, "--quiet", "--json"]
    main()


def spent(recipe: str) -> dict[str, float]:
    """Seconds of each stage and of the whole run, in a new process."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        began = time.monotonic()
        command = [sys.executable, __file__, recipe, "--inside", f"{folder}/run", str(report), str(began)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        ended = time.monotonic()
        found: dict[str, float] = json.loads(report.read_text())
    return {**found, "end": ended - found["end"], "all": ended - began}


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument(
        "recipes", nargs="*", default=RECIPES, metavar="NAME.yaml", help=f"default {', '.join(RECIPES)}"
    )
    parser.add_argument("--times", type=int, default=3, help="runs of each; default 3, after one uncounted run")
    parser.add_argument("--operators", action="store_true", help="print torch.profiler's report")
    parser.add_argument("--inside", nargs=3, metavar=("OUT", "REPORT", "BEGAN"), help="measure a run in this process")
    given = parser.parse_args()
    paths = [str(ROOT / "recipes" / name) for name in given.recipes]
    if given.inside:
        out, report, began = given.inside
        run_watched(paths[0], out, report, float(began))
        return
    if given.operators:
        watch_stages(Operators())
        with tempfile.TemporaryDirectory() as folder:
            textforge(paths[0], f"{folder}/run")
        return
    columns = []
    for path in paths:
        runs = [spent(path) for _ in range(given.times + 1)][1:]
        columns.append({name: statistics.median(run[name] for run in runs) for name in runs[0]})
        print(path, columns[-1], file=sys.stderr, flush=True)
    names = dict.fromkeys([*STAGES, *(name for column in columns for name in column if name != "all")])
    rows = [(STAGES.get(name, name), *(f"{column.get(name, 0):.2f}" for column in columns)) for name in names]
    rows.append(("**whole process**", *(f"**{column['all']:.2f}**" for column in columns)))
    print(table(("seconds", *(f"`{name}`" for name in given.recipes)), rows), end="")


if __name__ == "__main__":
    main()
