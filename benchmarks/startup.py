"""Measure start-up time; prints a table.

Processes run alternately, after one uncounted run of each. Times above Python's own are medians of the differences.
"""

from __future__ import annotations

import re
import statistics
import subprocess
import sys
import tempfile

from measuring import ROOT, TEXTFORGE, arguments, measure, spread, table, verdict

HEAVY = ("torch", "numpy", "sklearn", "polars")
PYTHON = sys.executable
RECIPE = str(ROOT / "recipes" / "newsgroups.yaml")
COMMANDS = {
    "`python -c pass`": [PYTHON, "-c", "pass"],
    '`python -c "import click, pluggy, yaml"`': [PYTHON, "-c", "import click, pluggy, yaml"],
    '`python -c "import textforge"`': [PYTHON, "-c", "import textforge"],
    "`textforge --help`": [*TEXTFORGE, "--help"],
    "`textforge check recipes/newsgroups.yaml`": [*TEXTFORGE, "check", RECIPE],
}


TARGET = 50
"""Target for `import textforge`, in milliseconds above Python's own start."""


def loaded(command: list[str]) -> list[str]:
    """The heavy packages that a command imports."""
    rest = ["-m", "textforge", *command[1:]] if command[0] == TEXTFORGE[0] else command[1:]
    output = subprocess.run([PYTHON, "-X", "importtime", *rest], check=True, capture_output=True, text=True).stderr
    names = set(re.findall(r"\| +(\w+)$", output, re.MULTILINE))
    assert "site" in names, output
    return [name for name in HEAVY if name in names]


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--pairs", type=int, default=11, help="turns; default 11")
    pairs = parser.parse_args().pairs
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in COMMANDS}
    with tempfile.TemporaryDirectory() as folder:
        for turn in range(pairs + 1):
            for name, command in COMMANDS.items():
                seconds, memory, _ = measure(command, folder)
                if turn:  # the first run of each writes bytecode and warms the disk cache
                    found[name].append((1000 * seconds, memory))
    bare = next(iter(found.values()))
    rows, imported = [], 0.0
    for name, runs in found.items():
        times, peaks = zip(*runs, strict=True)
        above = statistics.median(one[0] - other[0] for one, other in zip(runs, bare, strict=True))
        imported = above if "import textforge" in name else imported
        heavy = ", ".join(loaded(COMMANDS[name])) or "none"
        rows.append((name, spread(times, 0), f"{above:.0f}", f"{statistics.median(peaks):.0f}", heavy))
    head = ("whole process", "ms, median (range)", "above Python's own", "peak MB", f"loads of {', '.join(HEAVY)}")
    print(table(head, rows))
    print(f"Target: `import textforge` below {TARGET} ms ({verdict(imported < TARGET)}).")


if __name__ == "__main__":
    main()
