"""Give damaged data files to `textforge init`: each must become a recipe that passes, or be rejected in one sentence.

Unlike the attacks on data, nothing says which format a file has: init recognizes it, by its content, too.
"""

from __future__ import annotations

import contextlib
import io
import random
import shutil
import sqlite3
import sys
from pathlib import Path
from unittest.mock import patch

from attacks import Attack, Verdict, bounded, crash
from attacks.data import BYTES, ENCODINGS, FORMATS, ROWS, written

CASES = 1000
KINDS = (*(form for form in FORMATS if form != "lines"), "txt", "sqlite", "tsv.gz", "json.zst", "fasttext.zip")
LONGEST = 5000
"""Limit on the characters of a message; longer ones are unreadable."""


def prepare(folder: Path) -> Attack:
    whole = {}
    for kind in KINDS:
        place = folder / kind
        place.mkdir()
        whole[kind] = _written(place, kind)
        init(whole[kind], folder / f"{kind}.yaml")  # loads what it needs, so that it does not count in a case

    def attack(rng: random.Random, folder: Path) -> Verdict:
        kind = rng.choice(KINDS)
        path = folder / whole[kind].name
        shutil.copytree(whole[kind], path) if whole[kind].is_dir() else shutil.copy(whole[kind], path)
        file = rng.choice(sorted(path.rglob("*.txt"))) if path.is_dir() else path
        for _ in range(rng.choice((1, 1, 2, 5))):
            data = file.read_bytes()
            if data:
                file.write_bytes(_damaged(rng, data))
        if rng.randrange(5) == 0 and file is path:
            path = path.rename(path.with_suffix(rng.choice(("", ".csv", ".json", ".txt", ".gz", ".xlsx", ".parquet"))))
        return judged(kind, path, folder / "recipe.yaml")

    return attack


def _written(folder: Path, kind: str) -> Path:
    if kind == "txt":
        path = folder / "data.txt"
        path.write_text("".join(f"{text};{label}\n" for text, label in ROWS), encoding="utf-8")
        return path
    if kind == "sqlite":
        path = folder / "data.sqlite"
        with contextlib.closing(sqlite3.connect(path)) as database, database:
            database.execute("create table posts (text, label)")
            database.executemany("insert into posts values (?, ?)", ROWS)
        return path
    return written(folder, kind)


def _damaged(rng: random.Random, data: bytes) -> bytes:
    way = rng.randrange(len(BYTES) + 3)
    if way < len(BYTES):
        return [*BYTES.values()][way](rng, data)
    if way == len(BYTES):
        return data.decode("utf-8", "replace").encode(rng.choice(ENCODINGS), "replace")
    at, end = sorted((rng.randrange(len(data)), rng.randrange(len(data))))
    return data[:at] + data[end:] if way == len(BYTES) + 1 else data[:end] + data[at:]


def init(data: Path, recipe: Path) -> tuple[int, str]:
    """The exit code and the messages of `textforge init`."""
    from textforge.cli import cli
    from textforge.cli.failures import guarded

    streams = {name: io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for name in ("stdout", "stderr")}
    with contextlib.ExitStack() as stack:
        for name, stream in streams.items():
            stack.enter_context(patch.object(sys, name, stream))
        stack.enter_context(patch.object(sys, "argv", ["textforge", "init", str(data), "-o", str(recipe)]))
        stack.enter_context(patch("textforge.errors.shortage.require_room"))  # all is loaded when the limit is set
        code = guarded(cli)
        streams["stderr"].seek(0)
        return code, streams["stderr"].read()


def judged(kind: str, data: Path, recipe: Path) -> Verdict:
    from textforge import load_recipe
    from textforge.errors import TextforgeError

    try:
        with bounded():
            code, said = init(data, recipe)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return crash(kind, error)
    if code == 0:
        try:
            load_recipe(recipe)
        except TextforgeError as error:
            return Verdict(kind, "recipe", f"it is rejected: {error}"[:300])
        return Verdict(kind, "recipe")
    if code not in (2, 3) or "internal error" in said or "Traceback" in said:
        return Verdict(kind, "crash", f"exit code {code}: {' '.join(said.split())[:300]}")
    if recipe.exists():
        return Verdict(kind, "refused", "but it leaves a recipe")
    return Verdict(kind, "refused", "a message too long to read" if len(said) > LONGEST else "")
