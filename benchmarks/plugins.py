"""Measure commands with 50 plugins installed, 5 of them slow to import and 5 broken; prints a table.

Each command runs alternately with these plugins and without, after a first call that examines them. They are in a
folder on PYTHONPATH, as pip installs them; the cache folder is a new one. Ratios are medians of the pairs' ratios.
"""

from __future__ import annotations

import hashlib
import os
import statistics
import sys
import tempfile
from pathlib import Path

from measuring import ROOT, TEXTFORGE, arguments, measure, spread, table, verdict

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
SLOW = "import time\ntime.sleep(3)\n"
"""Stands for a module that takes three seconds to import."""
BROKEN = (
    "import a_module_that_nobody_has\n",
    "raise SystemExit('bye')\n",
    "from textforge import hookimpl\n@hookimpl\ndef textforge_models(): return ['a list']\n",
    "from textforge import hookimpl\n@hookimpl\ndef textforge_modles(): return {}\n",
    "TEXTFORGE_API = '99.0'\n",
)
COMMANDS = {
    "`textforge --help`": ["--help"],
    "`textforge check recipes/newsgroups.yaml`": ["check", str(ROOT / "recipes" / "newsgroups.yaml")],
}
TARGET = 1.1
"""Target for the ratio of the times with the plugins and without."""


def install(folder: Path, number: int, source: str) -> None:
    """Write a distribution with one plugin, as pip installs it."""
    module = f"plugin_{number}"
    info = f"{module}-1.0.dist-info"
    described = f"Metadata-Version: 2.1\nName: plugin-{number}\nVersion: 1.0\n\n" + "A line of its README.\n" * 100
    written = {
        f"{module}.py": source,
        f"{info}/METADATA": described,
        f"{info}/entry_points.txt": f"[textforge]\nplugin-{number} = {module}\n",
    }
    (folder / info).mkdir()
    lines = []
    for name, text in written.items():
        (folder / name).write_text(text)
        lines.append(f"{name},sha256={hashlib.sha256(text.encode()).hexdigest()},{len(text)}")
    (folder / info / "RECORD").write_text("\n".join([*lines, f"{info}/RECORD,,"]) + "\n")


def install_all(folder: Path) -> None:
    """Install 40 good plugins, five that take three seconds to import, and five that are broken."""
    for number in range(45):
        install(folder, number, (SLOW if number < 5 else "") + GOOD % (number, number))
    for number, source in enumerate(BROKEN, start=45):
        install(folder, number, source)


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--pairs", type=int, default=11, help="turns; default 11")
    pairs = parser.parse_args().pairs
    rows, met = [], True
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "site"
        folder.mkdir()
        install_all(folder)
        environment = ["env", f"TEXTFORGE_CACHE={name}/cache"]
        path = os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH")]))
        beside = [*environment, f"PYTHONPATH={path}"]
        first, _, _ = measure([*beside, *TEXTFORGE, "--help"], name)
        rows.append(("`textforge --help`, the first call, which examines them", f"{first:.1f}", "", ""))
        for label, command in COMMANDS.items():
            found: list[tuple[float, float]] = []
            for turn in range(pairs + 1):
                without, _, _ = measure([*environment, *TEXTFORGE, *command], name)
                together, _, _ = measure([*beside, *TEXTFORGE, *command], name)
                if turn:  # the first run of each writes bytecode and warms the disk cache
                    found.append((together, without))
            ratio = statistics.median(one / other for one, other in found)
            met = met and ratio <= TARGET
            with_them, none = ([one[n] for one in found] for n in (0, 1))
            rows.append((label, spread(with_them, 3), spread(none, 3), f"{ratio:.2f}"))
        seconds, _, output = measure([*beside, *TEXTFORGE, "plugins"], name)
        if output.partition("\nbroken:\n")[2].count("\n") != len(BROKEN):
            sys.exit(f"not {len(BROKEN)} plugins are reported as broken:\n{output}")
        rows.append(("`textforge plugins`, which examines broken ones again", f"{seconds:.2f}", "", ""))
    print(table(("whole process, seconds, median (range)", "50 plugins more", "none more", "ratio"), rows))
    print(f"Target: a ratio of at most {TARGET} ({verdict(met)}).")


if __name__ == "__main__":
    os.environ.pop("TEXTFORGE_PLUGINS", None)
    main()
