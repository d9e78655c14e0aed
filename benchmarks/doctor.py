"""What `textforge doctor` finds of faults that were planted in corpora; prints precision and recall of each detector.

FOLDER holds NAME-train.csv and NAME-test.csv for each corpus, with the columns text and label; 20 Newsgroups is read by
its own dataset. Planted: 2 % flipped labels in train; 1 % of test texts replaced by copies of train texts, and 1 % by
near copies; a tag in 97 % of the texts of one label; 1 % wrongly decoded, 1 % with HTML, 0.5 % empty; and, in a copy
of its own, a footer in half of the test texts.

A corpus has faults of its own. So `before` is the number of rows that the detector finds without anything planted, and
precision counts as wrong only what is neither planted nor found before. For wrong labels, whose ranking is what counts,
precision counts planted labels only: other labels may be wrong, too.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from measuring import arguments, table

from textforge import Dataset, PluginManager
from textforge.insight.doctor.detectors import DETECTORS
from textforge.insight.doctor.examined import Examined
from textforge.insight.doctor.finding import Finding, Place

NEWSGROUPS = "newsgroups"
FLIPPED, COPIED, DECODED, MARKED, EMPTIED = 0.02, 0.01, 0.01, 0.01, 0.005
TAG, TAGGED = "srcq7", 0.97
SENTENCE = " Der schöne Käse für die Größe der Brücke."
KINDS = {
    "wrong-labels": "wrong labels",
    "exact-duplicates-across-splits": "exact duplicates",
    "near-duplicates-across-splits": "near duplicates",
    "leaking-words": "words that give the label away",
    "wrongly-decoded": "wrongly decoded texts",
    "html-remnants": "remnants of HTML",
    "empty-texts": "empty, long and cut texts",
    "unlike-train": "splits that are unlike train",
}
"""The kind of finding of each planted fault, and the detector that looks for it."""


@dataclass
class Planted:
    """A corpus with faults, and where they are."""

    splits: dict[str, tuple[list[str], list[str]]]
    places: dict[str, set[Place]] = field(default_factory=dict)

    def dataset(self) -> Dataset:
        return Dataset(**self.splits)


def plant(splits: dict[str, tuple[list[str], list[str]]], seed: int) -> Planted:
    """Plant every fault but the shift, each in other rows than the others but for the tag."""
    draw = random.Random(seed)
    found = Planted({name: ([*texts], [*labels]) for name, (texts, labels) in splits.items()})
    texts, labels = found.splits["train"]
    names = sorted({*labels})
    rows = draw.sample(range(len(texts)), len(texts))

    def take(share: float) -> list[int]:
        return [rows.pop() for _ in range(round(share * len(texts)))]

    tagged = draw.choice(names)
    for split in found.splits.values():
        for row, label in enumerate(split[1]):
            if label == tagged and draw.random() < TAGGED:
                split[0][row] = f"{TAG} {split[0][row]}"
    for row in (flipped := take(FLIPPED)):
        labels[row] = draw.choice([name for name in names if name != labels[row]])
    for row in (decoded := take(DECODED)):
        texts[row] = texts[row] + SENTENCE.encode().decode("cp1252")
    for row in (marked := take(MARKED)):
        texts[row] = f"<p>{texts[row]}<br/>"
    for row in (emptied := take(EMPTIED)):
        texts[row] = draw.choice(["", " ", "..", "-"])
    held, held_labels = found.splits["test"]
    chosen = draw.sample(range(len(held)), 2 * round(COPIED * len(held)))
    long = [row for row in rows if len(texts[row].split()) >= 12]
    for number, row in enumerate(chosen):
        source = draw.choice(long)
        words = texts[source].split(" ")
        if number % 2:  # near: a word in thirty is dropped, at least one
            for _ in range(max(1, len(words) // 30)):
                words.pop(draw.randrange(len(words)))
        held[row], held_labels[row] = " ".join(words), labels[source]
    found.places = {
        "wrong-labels": {Place("train", row) for row in flipped},
        "wrongly-decoded": {Place("train", row) for row in decoded},
        "html-remnants": {Place("train", row) for row in marked},
        "empty-texts": {Place("train", row) for row in emptied},
        "exact-duplicates-across-splits": {Place("test", row) for row in chosen[::2]},
        "near-duplicates-across-splits": {Place("test", row) for row in chosen[1::2]},
        "leaking-words": {Place(tagged, 0)},
    }
    return found


def with_footer(splits: dict[str, tuple[list[str], list[str]]]) -> Dataset:
    """The corpus with a footer in half of the test texts."""
    texts, labels = splits["test"]
    changed = [f"{text} sent from my phone" if row % 2 else text for row, text in enumerate(texts)]
    return Dataset(train=splits["train"], test=(changed, labels))


def findings(dataset: Dataset, kind: str) -> tuple[list[Finding], float, int]:
    """The findings of a kind, the seconds that the detector took, and the number of texts."""
    examined = Examined.of(dataset)
    (detector,) = [one for one in DETECTORS if one.what == KINDS[kind]]
    began = time.perf_counter()
    found = [one for one in detector.find(examined, PluginManager()) if one.kind == kind]
    return found, time.perf_counter() - began, len(examined)


def share(some: Iterable[Place], of: Iterable[Place]) -> str:
    """The share of `of` that is in `some`."""
    whole = {*of}
    return f"{len(whole & {*some}) / len(whole):.2f}" if whole else "-"


def figures(name: str, splits: dict[str, tuple[list[str], list[str]]]) -> Iterable[tuple[str, ...]]:
    """A row of the table for each kind."""
    planted = plant(splits, 0)
    for kind, places in planted.places.items():
        found, seconds, n = findings(planted.dataset(), kind)
        rows = [place for one in found for place in one.rows]
        where = f"{seconds:.0f} s"
        if kind == "leaking-words":
            words = [word.split(" ")[0] for one in found for word in one.examples]
            yield name, kind, "1 word", str(len(words)), "-", f"{TAG in words:d}.00", f"{len(words)} named", where
            continue
        if kind == "wrong-labels":
            first = share(rows[: n // 20], places)
            yield (name, kind, str(len(places)), str(len(rows)), "-", share(rows, places),
                   f"{share(places, rows)}; recall in the first 5 %: {first}", where)  # fmt: skip
            continue
        before = {place for one in findings(Dataset(**splits), kind)[0] for place in one.rows}
        judged = places | {*rows} - (before - places)
        precise = share(places, [place for place in rows if place in judged])
        yield (name, kind, str(len(places)), str(len(rows)), str(len(before)), share(rows, places), precise, where)  # fmt: skip
    shifted, seconds, _ = findings(with_footer(splits), "unlike-train")
    clean, _, _ = findings(Dataset(**splits), "unlike-train")
    said = [one.what.split("AUC of ")[1][:4] for one in (*shifted, *clean)]
    yield (name, "unlike-train", "1 split", str(len(shifted)), str(len(clean)), f"{len(shifted):d}.00",
           f"AUC {', without the footer '.join(said)}", f"{seconds:.0f} s")  # fmt: skip


def corpus(folder: Path, name: str) -> dict[str, tuple[list[str], list[str]]]:
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
        for row in figures(name, corpus(given.folder, name)):
            rows.append(row)
            print(row, file=sys.stderr, flush=True)
    print(table(("corpus", "fault", "planted", "found", "before", "recall", "precision", "time"), rows))


if __name__ == "__main__":
    main()
