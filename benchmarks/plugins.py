"""Measure `textforge plugins` with 50 plugins installed, 5 of them broken; prints a table."""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
from pathlib import Path

from measuring import TEXTFORGE, arguments, measure, spread, table

GOOD = '''\
from typing import Annotated, Literal

from annotated_types import Ge
from textforge import hookimpl


def model(n_features, n_classes, /, *, dim: Annotated[int, Ge(1)] = 100, pool: Literal["mean", "sum"] = "mean"):
    """A model.

    Options:
        dim: width.
        pool: how word vectors become one.
    """


@hookimpl
def textforge_models():
    return {"model-%d": model, "lazy-%d": "package_that_is_not_looked_at:model"}
'''
BROKEN = (
    "import a_module_that_nobody_has\n",
    "raise SystemExit('bye')\n",
    "from textforge import hookimpl\n@hookimpl\ndef textforge_models(): return ['a list']\n",
    "from textforge import hookimpl\n@hookimpl\ndef textforge_modles(): return {}\n",
    "TEXTFORGE_API = '99.0'\n",
)


def install(folder: Path, number: int, source: str) -> None:
    """Write a distribution with one plugin, as pip installs it."""
    (folder / f"plugin_{number}.py").write_text(source)
    info = folder / f"plugin_{number}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: plugin-{number}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[textforge]\nplugin-{number} = plugin_{number}\n")


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--pairs", type=int, default=11, help="turns; default 11")
    times = parser.parse_args().pairs
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number in range(45):
            install(folder, number, GOOD % (number, number))
        for number, source in enumerate(BROKEN, start=45):
            install(folder, number, source)
        listing = [*TEXTFORGE, "plugins"]
        commands = {
            "`textforge plugins`, 50 plugins more, 5 of them broken": ["env", f"PYTHONPATH={folder}", *listing],
            "`textforge plugins`, none more": listing,
            '`python -c "import click, pluggy, yaml"`': [sys.executable, "-c", "import click, pluggy, yaml"],
        }
        found: dict[str, list[tuple[float, float]]] = {label: [] for label in commands}
        for turn in range(times + 1):
            for label, command in commands.items():
                seconds, memory, output = measure(command, name)
                if turn:  # the first run of each writes bytecode and warms the disk cache
                    found[label].append((seconds, memory))
                if "5 of them" in label and output.partition("\nbroken:\n")[2].count("\n") != len(BROKEN):
                    sys.exit(f"not {len(BROKEN)} plugins are reported as broken:\n{output}")
    rows = [
        (label, spread([one[0] for one in runs], 2), f"{statistics.median(one[1] for one in runs):.0f}")
        for label, runs in found.items()
    ]
    print(table(("whole process", "seconds, median (range)", "peak MB"), rows), end="")


if __name__ == "__main__":
    os.environ.pop("PYTHONPATH", None)
    main()
