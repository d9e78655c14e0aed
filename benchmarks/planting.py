"""Faults to plant in corpora, for `doctor.py`. Run alone, list them.

Each planter changes the splits in place, and returns the rows that the doctor should name; none for a fault of the
whole data, which is found or not.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from measuring import arguments

from textforge.insight.doctor.finding import Place
from textforge.insight.doctor.header_lines import header_lines

Splits = dict[str, tuple[list[str], list[str]]]
Planter = Callable[[Splits, random.Random], set[Place]]

MOJIBAKE = " Der schöne Käse für die Größe der Brücke.".encode().decode("cp1252")
FOREIGN = (
    "Die Abgeordneten haben gestern nach einer langen Debatte über den Haushalt des kommenden Jahres abgestimmt. "
    "Wegen des schlechten Wetters konnten viele Züge nicht fahren.",
    "Der Trainer war nach dem Spiel enttäuscht, weil seine Mannschaft in der zweiten Hälfte kein Tor mehr erzielte.",
    "Les habitants du village se sont réunis hier soir pour discuter de la construction de la nouvelle école.",
    "Le ministre a déclaré que les prix du pain et du lait ne changeraient pas avant la fin de l'année prochaine.",
    "La empresa anunció que abrirá una nueva fábrica en el sur del país y contratará a más de mil trabajadores.",
    "Los jugadores llegaron tarde al estadio porque el autobús que los llevaba tuvo un problema en la carretera.",
    "Il governo ha deciso di aumentare gli stipendi degli insegnanti e di assumere nuovi medici negli ospedali.",
    "De regering heeft besloten dat de winkels op zondag langer open mogen blijven dan tot nu toe gebruikelijk was.",
)
OTHER_SCRIPTS = (
    "Вчера вечером в центре города состоялся большой концерт, на который пришли тысячи зрителей.",
    "Η κυβέρνηση ανακοίνωσε νέα μέτρα για την προστασία του περιβάλλοντος στις μεγάλες πόλεις.",
    "昨天晚上市中心举行了一场大型音乐会，吸引了数千名观众前来观看。",
    "أعلنت الحكومة عن خطة جديدة لبناء المدارس والمستشفيات في المناطق الريفية.",
)
TAG, TAGGED = "srcq", 0.97


@dataclass(frozen=True)
class Fault:
    """A fault to plant, and what should find it."""

    kind: str
    """The kind of finding."""
    detector: str
    """What the detector looks for."""
    plant: Planter
    known: bool = True
    """Whether it makes sense in 20 Newsgroups, whose posts have headers and quotes of their own."""


def rows_of(texts: Sequence[str], share: float, draw: random.Random) -> list[int]:
    return draw.sample(range(len(texts)), max(1, round(share * len(texts))))


def change(share: float, how: Callable[[str, random.Random], str]) -> Planter:
    """Change a share of the texts of train."""

    def plant(splits: Splits, draw: random.Random) -> set[Place]:
        texts = splits["train"][0]
        rows = rows_of(texts, share, draw)
        for row in rows:
            texts[row] = how(texts[row], draw)
        return {Place("train", row) for row in rows}

    return plant


def flip(splits: Splits, draw: random.Random) -> set[Place]:
    """Give 2 % of the texts of train another label."""
    labels = splits["train"][1]
    names = sorted({*labels})
    rows = rows_of(labels, 0.02, draw)
    for row in rows:
        labels[row] = draw.choice([name for name in names if name != labels[row]])
    return {Place("train", row) for row in rows}


def copies(*, near: bool) -> Planter:
    """Replace 1 % of the texts of test by texts of train; in near copies, one word in thirty is missing."""

    def copy(splits: Splits, draw: random.Random) -> set[Place]:
        (texts, labels), (held, held_labels) = splits["train"], splits["test"]
        long = [row for row, text in enumerate(texts) if len(text.split()) >= 12]
        rows = rows_of(held, 0.01, draw)
        for row in rows:
            source = draw.choice(long)
            words = texts[source].split(" ")
            for _ in range(max(1, len(words) // 30) if near else 0):
                del words[draw.choice([n for n, word in enumerate(words) if word.strip()])]
            held[row], held_labels[row] = " ".join(words), labels[source]
        return {Place("test", row) for row in rows}

    return copy


def conflicting(splits: Splits, draw: random.Random) -> set[Place]:
    """Copy 0.5 % of the texts of train over others, with another label."""
    texts, labels = splits["train"]
    names = sorted({*labels})
    rows = rows_of(texts, 0.01, draw)
    half = len(rows) // 2
    for source, row in zip(rows[:half], rows[half : 2 * half], strict=True):
        texts[row] = texts[source]
        labels[row] = draw.choice([name for name in names if name != labels[source]])
    return {Place("train", row) for row in rows[: 2 * half]}


def tag(splits: Splits, draw: random.Random) -> set[Place]:
    """Put a tag in front of 97 % of the texts of one label."""
    tagged = draw.choice(sorted({*splits["train"][1]}))
    for texts, labels in splits.values():
        for row, label in enumerate(labels):
            if label == tagged and draw.random() < TAGGED:
                texts[row] = f"{TAG} {texts[row]}"
    return set()


def own_name(splits: Splits, draw: random.Random) -> set[Place]:
    """Rename a label to `zeppelin`, and write this into half of its texts."""
    named = draw.choice(sorted({*splits["train"][1]}))
    places = set()
    for split, (texts, labels) in splits.items():
        for row in [row for row, label in enumerate(labels) if label == named]:
            labels[row] = "zeppelin"
            if draw.random() < 0.5:
                texts[row] = f"{texts[row]} Zeppelin"
                places.add(Place(split, row))
    return places


def headers(*, leak: bool) -> Planter:
    """Put two header lines in front of half of the texts; a leaking one is of one of three authors of the label."""

    def plant(splits: Splits, draw: random.Random) -> set[Place]:
        number = {label: n for n, label in enumerate(sorted({*splits["train"][1]}))}
        places = set()
        for split, (texts, labels) in splits.items():
            for row in rows_of(texts, 0.5, draw):
                author = f"{'p' * leak}{number[labels[row]] * 3 * leak + draw.randrange(3)}@example.org"
                texts[row] = f"From: {author}\nDate: day {draw.randrange(900)}\n\n{texts[row]}"
                places.add(Place(split, row))
        return places

    return plant


def groups(header: str) -> Planter:
    """Give every text an author and a subject of its own, and 2 % of test those of a text of train."""

    def plant(splits: Splits, draw: random.Random) -> set[Place]:
        number = 0
        for texts, _ in splits.values():
            for row, text in enumerate(texts):
                number += 1
                lines = f"From: person{number}@example.org\nSubject: matter {number}\n\n"
                texts[row] = lines + text[len(header_lines(text)) :]
        train, held = splits["train"][0], splits["test"][0]
        rows = rows_of(held, 0.02, draw)
        for row in rows:
            line = next(one for one in draw.choice(train).splitlines() if one.startswith(header))
            own = next(one for one in held[row].splitlines() if one.startswith(header))
            held[row] = held[row].replace(own, line.replace("Subject: ", "Subject: Re: "), 1)
        return {Place("test", row) for row in rows}

    return plant


def quotes(splits: Splits, draw: random.Random) -> set[Place]:
    """Put two lines of texts of train, with `> `, in front of 5 % of the texts of test."""
    lines = [line for text in splits["train"][0] for line in text.splitlines() if len(line.strip()) >= 30]
    held = splits["test"][0]
    rows = rows_of(held, 0.05, draw)
    for row in rows:
        held[row] = f"> {draw.choice(lines)}\n> {draw.choice(lines)}\n{held[row]}"
    return {Place("test", row) for row in rows}


def tiny(splits: Splits, draw: random.Random) -> set[Place]:
    """Make a class of five texts of train."""
    rows = draw.sample(range(len(splits["train"][1])), 5)
    for row in rows:
        splits["train"][1][row] = "planted"
    return {Place("train", row) for row in rows}


def unequal(splits: Splits, draw: random.Random) -> set[Place]:
    """Leave one text in thirty of one label in train."""
    texts, labels = splits["train"]
    label, n = Counter(labels).most_common()[-1]
    most = max(Counter(labels).values())
    kept = {*draw.sample([row for row, one in enumerate(labels) if one == label], max(1, min(n, most) // 30))}
    left = [row for row, one in enumerate(labels) if one != label or row in kept]
    splits["train"] = [texts[row] for row in left], [labels[row] for row in left]
    return set()


def alike(splits: Splits, draw: random.Random) -> set[Place]:
    """Write 1 % of the labels of train with a space, a zero-width space or in full-width characters."""
    labels = splits["train"][1]
    rows = rows_of(labels, 0.01, draw)
    wide = {code: code + 0xFEE0 for code in range(0x21, 0x7F)}
    for row in rows:
        label = labels[row]
        labels[row] = draw.choice([f"{label} ", f"\u200b{label}", label.translate(wide)])
    return {Place("train", row) for row in rows}


def long(splits: Splits, draw: random.Random) -> set[Place]:
    """Make 0.5 % of the texts of train 25 times as long as the median."""
    texts = splits["train"][0]
    length = max(2_500, 25 * sorted(map(len, texts))[len(texts) // 2])
    rows = rows_of(texts, 0.005, draw)
    for row in rows:
        texts[row] = (f"{texts[row]} " * (1 + length // max(1, len(texts[row]))))[:length] + "x" * draw.randrange(9)
    return {Place("train", row) for row in rows}


def cut(splits: Splits, draw: random.Random) -> set[Place]:
    """Cut all texts at the length that one text in ten exceeds."""
    every = sorted(len(text) for texts, _ in splits.values() for text in texts)
    length = every[int(0.9 * len(every))]
    places = set()
    for split, (texts, _) in splits.items():
        places |= {Place(split, row) for row, text in enumerate(texts) if len(text) > length}
        texts[:] = [text[:length] for text in texts]
    return places


def footer(splits: Splits, draw: random.Random) -> set[Place]:
    """Put a footer under half of the test texts."""
    texts = splits["test"][0]
    texts[::2] = [f"{text} sent from my phone" for text in texts[::2]]
    return set()


def rare_in_test(splits: Splits, draw: random.Random) -> set[Place]:
    """Leave out of test the texts of a third of the labels."""
    texts, labels = splits["test"]
    names = sorted({*labels})
    gone = {*names[: max(1, len(names) // 3)]}
    left = [row for row, label in enumerate(labels) if label not in gone]
    splits["test"] = [texts[row] for row in left], [labels[row] for row in left]
    return set()


def unknown(splits: Splits, draw: random.Random) -> set[Place]:
    """Give 1 % of the texts of test a label that train lacks."""
    rows = rows_of(splits["test"][1], 0.01, draw)
    for row in rows:
        splits["test"][1][row] = "never seen"
    return {Place("test", row) for row in rows}


def replaced(sentences: Sequence[str]) -> Callable[[str, random.Random], str]:
    """A random sentence in place of the text."""
    return lambda text, draw: draw.choice(sentences)


def lost(text: str, draw: random.Random) -> str:
    """A replacement character in place of a random one."""
    at = draw.randrange(max(1, len(text)))
    return f"{text[:at]}\ufffd{text[at + 1 :]}"


LENGTHS, SPLITS, GROUPS = (
    "empty, long and cut texts",
    "splits that are unlike train",
    "authors and threads across splits",
)
FAULTS = (
    Fault("wrong-labels", "wrong labels", flip),
    Fault("exact-duplicates-across-splits", "exact duplicates", copies(near=False)),
    Fault("near-duplicates-across-splits", "near duplicates", copies(near=True)),
    Fault("exact-duplicates-with-different-labels", "exact duplicates", conflicting),
    Fault("leaking-words", "words that give the label away", tag),
    Fault("label-in-text", "words that give the label away", own_name),
    Fault("leaking-headers", "header lines", headers(leak=True), known=False),
    Fault("headers", "header lines", headers(leak=False), known=False),
    Fault("authors-across-splits", GROUPS, groups("From: ")),
    Fault("threads-across-splits", GROUPS, groups("Subject: ")),
    Fault("quotes-across-splits", "quoted text", quotes),
    Fault("unlike-train", SPLITS, footer),
    Fault("shifted-labels", SPLITS, rare_in_test),
    Fault("unknown-labels", SPLITS, unknown),
    Fault("tiny-classes", "unequal classes", tiny),
    Fault("unequal-classes", "unequal classes", unequal),
    Fault("alike-labels", "labels that look alike", alike),
    Fault("empty-texts", LENGTHS, change(0.005, lambda text, draw: " ." * (len(text) % 3))),
    Fault("very-long-texts", LENGTHS, long),
    Fault("cut-texts", LENGTHS, cut),
    Fault("mixed-languages", "mixed languages", change(0.01, replaced(FOREIGN))),
    Fault("mixed-scripts", "mixed scripts", change(0.01, replaced(OTHER_SCRIPTS))),
    Fault("damaged-characters", "damaged characters", change(0.01, lost)),
    Fault("wrongly-decoded", "wrongly decoded texts", change(0.01, lambda text, draw: text + MOJIBAKE)),
    Fault("html-remnants", "remnants of HTML", change(0.01, lambda text, draw: f"<p>{text}<br/>")),
)

if __name__ == "__main__":
    arguments(__doc__).parse_args()
    print("\n".join(f"{fault.kind}: {fault.detector}" for fault in FAULTS))
