"""What `textforge doctor` finds of faults that were planted in corpora; prints precision and recall of each detector.

FOLDER holds NAME-train.csv and NAME-test.csv for each corpus, with the columns text and label; 20 Newsgroups is read by
its own dataset. Each fault of `planting.py` is planted in a copy of its own.

A corpus has faults of its own. `before` is the number of rows that the detector finds without anything planted, and
precision leaves these rows out. But for wrong labels: there precision counts every label that was not flipped as right,
although some are not, and is too low. A fault of the whole data, such as a split that is unlike train, is found or not.
Times are CPU seconds of one thread.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from measuring import arguments, table
from planting import FAULTS, TAG, Fault, Splits

from textforge import Dataset, PluginManager
from textforge.insight.doctor.detectors import DETECTORS
from textforge.insight.doctor.examined import Examined
from textforge.insight.doctor.finding import Finding, Place

NEWSGROUPS = "newsgroups"


def findings(splits: Splits, fault: Fault) -> tuple[list[Finding], float, int]:
    """The findings of a kind, the CPU seconds that the detector took, and the number of texts."""
    examined = Examined.of(Dataset(train=splits["train"], test=splits["test"]))
    (detector,) = [one for one in DETECTORS if one.what == fault.detector]
    began = time.process_time()
    found = [one for one in detector.find(examined, PluginManager()) if one.kind == fault.kind]
    return found, time.process_time() - began, len(examined)


def share(some: Iterable[Place], of: Iterable[Place]) -> str:
    """The share of `of` that is in `some`."""
    whole = {*of}
    return f"{len(whole & {*some}) / len(whole):.2f}" if whole else "-"


def figures(splits: Splits, fault: Fault) -> tuple[str, ...]:
    """Numbers of planted and found rows, of rows found before, recall, precision, and the time."""
    changed = {name: ([*texts], [*labels]) for name, (texts, labels) in splits.items()}
    places = fault.plant(changed, random.Random(0))
    found, seconds, n = findings(changed, fault)
    took = f"{seconds:.1f} s"
    rows = [place for one in found for place in one.rows]
    before, _, _ = findings(splits, fault)
    if fault.kind == "wrong-labels":
        recall = f"{share(rows, places)}; {share(rows[: n // 20], places)} in the first 5 %"
        own = sum(one.count for one in before)
        return str(len(places)), str(len(rows)), str(own), recall, share(places, rows), took
    if fault.kind == "leaking-words":
        words, known = ([word.split(" ")[0] for one in some for word in one.examples] for some in (found, before))
        new = [word for word in words if word not in known]
        return "1 word", str(len(words)), str(len(known)), f"{TAG in new:d}", f"{TAG in new:d} of {len(new)}", took
    if not places:
        said = f" (AUC {found[0].what.split('AUC of ')[1][:4]})" if found and "AUC of " in found[0].what else ""
        return "1", f"{len(found)}{said}", str(len(before)), f"{len(found)}", "", took
    old = {place for one in before for place in one.rows} - places
    return (str(len(places)), str(len(rows)), str(len(old)), share(rows, places),
            share(places, {*rows} - old), took)  # fmt: skip


def corpus(folder: Path, name: str) -> Splits:
    """The splits of a corpus."""
    plugins = PluginManager()
    if name == NEWSGROUPS:
        part = plugins.part("dataset", NEWSGROUPS)
    else:
        files = {split: str(folder.absolute() / f"{name}-{split}.csv") for split in ("train", "test")}
        part = plugins.part("dataset", "csv", **files)
    return {split: (list(texts), list(map(str, labels))) for split, (texts, labels) in
            part.build({"seed": 0}).splits().items()}  # fmt: skip


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--fault", action="append", metavar="KIND", help="plant this fault only; may be repeated")
    parser.add_argument("corpora", nargs="*", help=f"names of corpora; default: all of the folder, and {NEWSGROUPS}")
    given = parser.parse_args()
    names = sorted(path.name.removesuffix("-train.csv") for path in given.folder.glob("*-train.csv"))
    rows = []
    for name in given.corpora or [*names, NEWSGROUPS]:
        splits = corpus(given.folder, name)
        for fault in FAULTS:
            if fault.kind in (given.fault or [fault.kind]) and (fault.known or name != NEWSGROUPS):
                rows.append((name, fault.kind, *figures(splits, fault)))
                print(rows[-1], file=sys.stderr, flush=True)
    print(table(("corpus", "fault", "planted", "found", "before", "recall", "precision", "time"), rows))


if __name__ == "__main__":
    main()
