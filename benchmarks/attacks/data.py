"""Damage data files at random: each must be rejected as data, or read with every row that the damage did not affect.

All texts are distinct, so that rows that a reader loses, joins or shifts are detected.
"""

from __future__ import annotations

import csv
import gzip
import json
import random
import zipfile
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from attacks import Attack, Verdict, bounded, crash, cut_off, delete, flip, insert
from attacks.texts import labelled, write_jsonl, write_xlsx

CASES = 1000
ROWS = [
    *labelled(30),
    ("row30 un café à la lune", "space"),
    ("row31 мяч и перчатка", "ball"),
    ("row32 ein blaues Bild", "paint"),
]
Row = tuple[str, str]
"""A text and its label."""

FORMATS = (
    "csv",
    "tsv",
    "jsonl",
    "json",
    "lines",
    "parquet",
    "excel",
    "fasttext",
    "folder",
    "csv.gz",
    "jsonl.zst",
    "tsv.zip",
)
BINARY = ("parquet", "excel", "csv.gz", "jsonl.zst", "tsv.zip")
STREAMED = ("csv", "tsv", "jsonl", "json", "lines", "parquet", "csv.gz", "jsonl.zst", "tsv.zip")
BYTES = {"one bit flipped": flip, "cut off": cut_off, "bytes inserted": insert, "bytes taken out": delete}
ENCODINGS = ("utf-16", "utf-8-sig", "cp1251", "latin-1")
LINES = ("a blank line", "a line twice")
TABLES = ("a field too many", "a field too few", "a quote unpaired", "the header twice", "a title line")


class Rule(NamedTuple):
    """The allowed results of reading a damaged file that is not rejected."""

    lost: int = 2
    """Rows that may be missing or changed: the damaged one, and the next if the line end between them goes."""
    invented: int = 2
    warned: bool = False
    """Whether rows that are invented are fine if a warning tells of something."""


EXACT, REFUSED = Rule(0, 0), Rule(-1, -1)
RULES = {
    "cut off": Rule(lost=len(ROWS), invented=1),
    "another encoding": EXACT,
    "a blank line": EXACT,
    "a line twice": EXACT,
    "a field too many": REFUSED,
    "a field too few": REFUSED,
    "a title line": EXACT,
    "the header twice": Rule(0, 0, warned=True),
}
UNSEEN = Rule(len(ROWS), len(ROWS))
"""Parquet has no digest of its values, and stores a shared label once, so any damage may go undetected."""


def prepare(folder: Path) -> Attack:
    from textforge.components.manager import PluginManager

    plugins = PluginManager()

    def attack(rng: random.Random, folder: Path) -> Verdict:
        form = rng.choice(FORMATS)
        kinds = [*BYTES]
        if form not in BINARY:
            kinds += ["another encoding"]
        if form not in (*BINARY, "folder", "json"):
            kinds += LINES
        if form in ("csv", "tsv"):
            kinds += TABLES
        kind = rng.choice(kinds)
        path = written(folder, form)
        damaged = rng.choice(sorted(path.rglob("*.txt"))) if form == "folder" else path
        damaged.write_bytes(_damage(rng, damaged.read_bytes(), form, kind))
        rule = UNSEEN if form == "parquet" else EXACT if form in BINARY else RULES.get(kind, Rule())
        stream = form in STREAMED and rng.randrange(3) == 0
        verdict = judged(form, rule, lambda: _read(plugins, form, path, stream))
        return verdict._replace(
            failure=verdict.failure and f"{kind}{', streamed' if stream else ''}: {verdict.failure}"
        )

    return attack


def written(folder: Path, form: str) -> Path:
    """Write the rows in a format, packed or not. Tables of text have an extra column, which is not read."""
    kind, _, packing = form.partition(".")
    if packing:
        return _packed(written(folder, kind), packing)
    path = folder / f"data.{'xlsx' if form == 'excel' else form}"
    if form == "jsonl":
        return write_jsonl(path, ROWS)
    if form == "excel":
        return write_xlsx(path, [("text", "label"), *ROWS])
    if form == "json":
        rows = [{"text": text, "label": label, "by": "ann"} for text, label in ROWS]
        path.write_text(json.dumps(rows, ensure_ascii=False, indent=1), encoding="utf-8")
        return path
    if form == "lines":
        path.write_text("".join(f"{text}\t{label}\n" for text, label in ROWS), encoding="utf-8")
        return path
    if form == "folder":
        for number, (text, label) in enumerate(ROWS):
            (path / label).mkdir(parents=True, exist_ok=True)
            (path / label / f"{number}.txt").write_text(text, encoding="utf-8")
    elif form == "parquet":
        import polars

        polars.DataFrame({"text": [text for text, _ in ROWS], "label": [label for _, label in ROWS]}).write_parquet(
            path
        )
    elif form == "fasttext":
        path.write_text("".join(f"__label__{label} {text}\n" for text, label in ROWS), encoding="utf-8")
    else:
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, delimiter="," if form == "csv" else "\t", lineterminator="\n")
            writer.writerows([("text", "label", "by"), *((text, label, "ann") for text, label in ROWS)])
    return path


def _packed(path: Path, packing: str) -> Path:
    """Compress a file, with a checksum of its content."""
    import zstandard

    to, content = path.with_name(f"{path.name}.{packing}"), path.read_bytes()
    if packing == "gz":
        to.write_bytes(gzip.compress(content, mtime=0))
    elif packing == "zst":
        to.write_bytes(zstandard.ZstdCompressor(write_checksum=True).compress(content))
    else:
        with zipfile.ZipFile(to, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(zipfile.ZipInfo(path.name), content, zipfile.ZIP_DEFLATED)
    return to


def _damage(rng: random.Random, data: bytes, form: str, kind: str) -> bytes:
    if kind in BYTES:
        return BYTES[kind](rng, data)
    text = data.decode()
    if kind == "another encoding":
        encoded = text.encode(rng.choice(ENCODINGS), "replace")
        lossy = encoded.isascii() and not text.isascii()  # question marks are ordinary text
        return text.encode("utf-16") if lossy else encoded
    lines, separator = text.splitlines(), "," if form == "csv" else "\t"
    at = rng.randrange(1, len(lines))
    if kind == "a blank line":
        lines.insert(at, "")
    elif kind == "a line twice":
        lines.insert(at, lines[at])
    elif kind == "a field too many":
        first, _, rest = lines[at].partition(" ")
        lines[at] = f"{first}{separator}{rest}"
    elif kind == "a field too few":
        lines[at] = lines[at].rpartition(separator)[0]
    elif kind == "a quote unpaired":
        lines[at] = f'"{lines[at]}'
    else:
        lines.insert(*((at, lines[0]) if kind == "the header twice" else (0, "Texts of last week")))
    return "".join(f"{line}\n" for line in lines).encode()


def _read(plugins: Any, form: str, path: Path, stream: bool) -> tuple[list[Row], bool]:
    """All rows of a dataset, and whether it has warnings."""
    from textforge.data.dataset import as_dataset
    from textforge.data.streams import Stream

    options = {"train": str(path), **({"stream": True} if stream else {})}
    dataset = as_dataset(plugins.part("dataset", form.partition(".")[0], **options), 0)
    splits = [*dataset.splits().values()]
    if isinstance(dataset.train, Stream):
        splits += dataset.train.chunks()
    rows = chain.from_iterable(zip(texts, labels, strict=True) for texts, labels in splits)
    return [(text, label if isinstance(label, str) else " ".join(label)) for text, label in rows], bool(
        dataset.warnings
    )


def judged(kind: str, rule: Rule, read: Callable[[], tuple[list[Row], bool]]) -> Verdict:
    from textforge.errors import DataError

    try:
        with bounded():
            rows, warned = read()
    except DataError as error:
        return Verdict(kind, "refused", "a message too long to read" if len(str(error)) > 5000 else "")
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return crash(kind, error)
    if rule is REFUSED:
        return Verdict(kind, "read", "a row with another number of fields is accepted as data")
    lost, invented = [*{*ROWS} - {*rows}], [*{*rows} - {*ROWS}]
    if len(lost) > rule.lost:
        return Verdict(kind, "read", f"{len(lost)} rows are lost without a warning, such as {lost[0]}"[:250])
    if len(invented) > rule.invented and not (rule.warned and warned):
        return Verdict(kind, "read", f"{len(invented)} rows are added without a warning, such as {invented[0]}"[:250])
    return Verdict(kind, "read")
