"""Test textforge with damaged recipes, bundles and data and with killed runs; write the counts to docs/reliability.md.

The number of a case is its seed. It is printed if the case fails, and --seed NUMBER --cases 1 replays the case. Replays
and --quick do not update the page. The exit code is 1 if any case failed.
"""

from __future__ import annotations

import importlib
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from attacks import Verdict
from measuring import ROOT, arguments, table
from run import write_section

PAGE = ROOT / "docs" / "reliability.md"
SECTIONS = ("recipes", "bundles", "checkpoints", "data", "inits", "kills", "power", "requests")


def cases(section: str, start: int, n: int, kept: Path | None = None) -> Iterator[tuple[int, Verdict]]:
    """Yield the verdicts on the cases `start` to `start + n - 1` of a section.

    Args:
        kept: a new folder that keeps the files of every case; by default they are deleted.
    """
    module = importlib.import_module(f"attacks.{section}")
    with tempfile.TemporaryDirectory() as temporary:
        folder = kept or Path(temporary)
        (folder / "setup").mkdir(parents=True)
        attack = module.prepare(folder / "setup")
        for number in range(start, start + n):
            case = folder / str(number)
            case.mkdir()
            yield number, attack(random.Random(f"{section} {number}"), case)
            if kept is None:
                shutil.rmtree(case)


def counted(verdicts: list[Verdict], head: str = "damage to") -> str:
    """Count the outcomes of the cases of each kind."""
    counts = Counter((verdict.kind, verdict.outcome) for verdict in verdicts)
    failures = Counter(verdict.kind for verdict in verdicts if verdict.failure)
    outcomes, kinds = sorted({outcome for _, outcome in counts}), sorted({kind for kind, _ in counts})
    further = [*dict.fromkeys(name for verdict in verdicts for name in verdict.counts)]
    added = Counter[tuple[str, str]]()
    for verdict in verdicts:
        added.update({(verdict.kind, name): number for name, number in verdict.counts.items()})
    rows = [
        (kind, str(sum(counts[kind, outcome] for outcome in outcomes)), *(str(added[kind, name]) for name in further),
         *(str(counts[kind, outcome]) for outcome in outcomes), f"**{failures[kind]}**")
        for kind in kinds
    ]  # fmt: skip
    return table((head, "cases", *further, *outcomes, "failures"), rows)


def main(sections: Sequence[str] = SECTIONS, doc: str | None = __doc__) -> None:
    """Attack as the command line says: these sections, if it names none."""
    parser = arguments(doc)
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=f"by default {', '.join(sections)}")
    parser.add_argument("--seed", type=int, default=0, help="number of the first case; default 0")
    parser.add_argument("--cases", type=int, help="number of cases per section; by default that of the page")
    parser.add_argument("--quick", action="store_true", help="a quarter of the cases")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="a new folder that keeps the files of every case")
    given = parser.parse_args()
    if unknown := [name for name in given.sections if name not in SECTIONS]:
        parser.error(f"unknown section {', '.join(unknown)}; the sections are {', '.join(SECTIONS)}")
    failed = 0
    for section in given.sections or sections:
        module = importlib.import_module(f"attacks.{section}")
        rule = module.CASES
        n, began, verdicts = given.cases or rule // (4 if given.quick else 1), time.monotonic(), []
        for number, verdict in cases(section, given.seed, n, given.keep and given.keep / section):
            verdicts.append(verdict)
            if verdict.failure:
                failed += 1
                replay = f"benchmarks/reliability.py {section} --seed {number} --cases 1"
                print(
                    f"{verdict.kind}: {verdict.outcome}: {verdict.failure}\n    {replay}", file=sys.stderr, flush=True
                )
        last = given.seed + n - 1
        counts = counted(verdicts, getattr(module, "HEAD", "damage to"))
        summary = f"{counts}\nCases {given.seed} to {last}, {time.monotonic() - began:.0f} seconds."
        print(f"--- {section}\n{summary}", flush=True)
        if n >= rule:
            write_section(section, summary, PAGE)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
