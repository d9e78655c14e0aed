"""What `textforge doctor` finds of faults that were planted in corpora; prints precision and recall of each detector.

FOLDER holds NAME-train.csv and NAME-test.csv for each corpus, with the columns text and label; 20 Newsgroups is read by
its own dataset. Each fault is planted in a copy of its own: 2 % flipped labels in train; 1 % of test texts replaced by
copies, or by near copies, of train texts; a tag in 97 % of the texts of one label; 1 % of train wrongly decoded, 1 %
with HTML, 0.5 % empty; a footer in half of the test texts.

A corpus has faults of its own. `before` is the number of rows that the detector finds without anything planted, and
precision leaves these rows out. But for wrong labels: there precision counts every label that was not flipped as right,
although some are not, and is too low.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from measuring import arguments, table

from textforge import Dataset, PluginManager
from textforge.insight.doctor.detectors import DETECTORS
from textforge.insight.doctor.examined import Examined
from textforge.insight.doctor.finding import Finding, Place

NEWSGROUPS = "newsgroups"
FLIPPED, COPIED, DECODED, MARKED, EMPTIED = 0.02, 0.01, 0.01, 0.01, 0.005
TAG, TAGGED = "srcq", 0.97
MOJIBAKE = " Der schöne Käse für die Größe der Brücke.".encode().decode("cp1252")
Splits = dict[str, tuple[list[str], list[str]]]
Planter = Callable[[Splits, random.Random], set[Place]]


def flip(splits: Splits, draw: random.Random) -> set[Place]:
    """Give texts of train another label."""
    labels = splits["train"][1]
    names = sorted({*labels})
    rows = draw.sample(range(len(labels)), round(FLIPPED * len(labels)))
    for row in rows:
        labels[row] = draw.choice([name for name in names if name != labels[row]])
    return {Place("train", row) for row in rows}


def copies(*, near: bool) -> Planter:
    """Replace texts of test by texts of train; in near copies, one word in thirty is missing, at least one."""

    def copy(splits: Splits, draw: random.Random) -> set[Place]:
        (texts, labels), (held, held_labels) = splits["train"], splits["test"]
        long = [row for row, text in enumerate(texts) if len(text.split()) >= 12]
        rows = draw.sample(range(len(held)), round(COPIED * len(held)))
        for row in rows:
            source = draw.choice(long)
            words = texts[source].split(" ")
            for _ in range(max(1, len(words) // 30) if near else 0):
                del words[draw.choice([n for n, word in enumerate(words) if word.strip()])]
            held[row], held_labels[row] = " ".join(words), labels[source]
        return {Place("test", row) for row in rows}

    return copy


def tag(splits: Splits, draw: random.Random) -> set[Place]:
    """Put a tag in front of nearly all texts of one label."""
    tagged = draw.choice(sorted({*splits["train"][1]}))
    for texts, labels in splits.values():
        for row, label in enumerate(labels):
            if label == tagged and draw.random() < TAGGED:
                texts[row] = f"{TAG} {texts[row]}"
    return set()


def footer(splits: Splits, draw: random.Random) -> set[Place]:
    """Put a footer under half of the test texts."""
    texts = splits["test"][0]
    texts[::2] = [f"{text} sent from my phone" for text in texts[::2]]
    return set()


def change(share: float, how: Callable[[str], str]) -> Planter:
    """Change a share of the texts of train."""

    def plant(splits: Splits, draw: random.Random) -> set[Place]:
        texts = splits["train"][0]
        rows = draw.sample(range(len(texts)), round(share * len(texts)))
        for row in rows:
            texts[row] = how(texts[row])
        return {Place("train", row) for row in rows}

    return plant


FAULTS: dict[str, tuple[str, Planter]] = {
    "wrong-labels": ("wrong labels", flip),
    "exact-duplicates-across-splits": ("exact duplicates", copies(near=False)),
    "near-duplicates-across-splits": ("near duplicates", copies(near=True)),
    "leaking-words": ("words that give the label away", tag),
    "unlike-train": ("splits that are unlike train", footer),
    "wrongly-decoded": ("wrongly decoded texts", change(DECODED, lambda text: text + MOJIBAKE)),
    "html-remnants": ("remnants of HTML", change(MARKED, lambda text: f"<p>{text}<br/>")),
    "empty-texts": ("empty, long and cut texts", change(EMPTIED, lambda text: " ." * (len(text) % 3))),
}
"""The kind of finding of each fault, the detector that looks for it, and what plants it."""


def findings(splits: Splits, kind: str) -> tuple[list[Finding], float, int]:
    """The findings of a kind, the seconds that the detector took, and the number of texts."""
    examined = Examined.of(Dataset(train=splits["train"], test=splits["test"]))
    (detector,) = [one for one in DETECTORS if one.what == FAULTS[kind][0]]
    began = time.perf_counter()
    found = [one for one in detector.find(examined, PluginManager()) if one.kind == kind]
    return found, time.perf_counter() - began, len(examined)


def share(some: Iterable[Place], of: Iterable[Place]) -> str:
    """The share of `of` that is in `some`."""
    whole = {*of}
    return f"{len(whole & {*some}) / len(whole):.2f}" if whole else "-"


def figures(splits: Splits, kind: str) -> tuple[str, ...]:
    """Numbers of planted and found rows, of rows found before, recall, precision, and the time."""
    changed = {name: ([*texts], [*labels]) for name, (texts, labels) in splits.items()}
    places = FAULTS[kind][1](changed, random.Random(0))
    found, seconds, n = findings(changed, kind)
    took = f"{seconds:.1f} s"
    rows = [place for one in found for place in one.rows]
    before, _, _ = findings(splits, kind)
    if kind == "wrong-labels":
        recall = f"{share(rows, places)}; {share(rows[: n // 20], places)} in the first 5 %"
        own = sum(one.count for one in before)
        return str(len(places)), str(len(rows)), str(own), recall, share(places, rows), took
    if kind == "leaking-words":
        words, known = ([word.split(" ")[0] for one in some for word in one.examples] for some in (found, before))
        new = [word for word in words if word not in known]
        return "1 word", str(len(words)), str(len(known)), f"{TAG in new:d}", f"{TAG in new:d} of {len(new)}", took
    if kind == "unlike-train":
        said = [one.what.split("AUC of ")[1][:4] for one in (*found, *before)]
        return "1 split", f"{len(found)} (AUC {said[0]})" if found else "0", str(len(before)), f"{len(found)}", "", took
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
    parser.add_argument("corpora", nargs="*", help=f"names of corpora; default: all of the folder, and {NEWSGROUPS}")
    given = parser.parse_args()
    names = sorted(path.name.removesuffix("-train.csv") for path in given.folder.glob("*-train.csv"))
    rows = []
    for name in given.corpora or [*names, NEWSGROUPS]:
        splits = corpus(given.folder, name)
        for kind in FAULTS:
            rows.append((name, kind, *figures(splits, kind)))
            print(rows[-1], file=sys.stderr, flush=True)
    print(table(("corpus", "fault", "planted", "found", "before", "recall", "precision", "time"), rows))


if __name__ == "__main__":
    main()
