"""`textforge tune` beside the recommended recipe and beside fastText's autotune, on anyone's corpora; prints a table.

FOLDER holds NAME-train.csv and NAME-test.csv for each corpus, with the columns text and label. `tune` has --budget
seconds and two workers; fastText has --times that budget and two threads. Each result is kept in OUT, so an
interrupted benchmark can be continued, and the sides can be measured at different times (--only). fastText runs in the
Python of FASTTEXT_PYTHON; without it, its column says that it was left out.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

from measuring import ROOT, TEXTFORGE, arguments, measure, table

HEAD = (
    "corpus",
    "strong",
    "tune",
    "chosen",
    "seconds",
    "fastText autotune",
    "its seconds",
    "not below strong",
    "above fastText",
)
SIDES = ("strong", "tune", "fasttext")


def dataset(folder: Path, name: str) -> list[str]:
    train, test = (folder.absolute() / f"{name}-{split}.csv" for split in ("train", "test"))
    return ["--set", f"dataset={{use: csv, train: {train}, test: {test}}}"]


def strong(folder: Path, name: str, out: Path) -> dict[str, Any]:
    """Run the recommended recipe."""
    shutil.rmtree(out / f"{name}-strong", ignore_errors=True)
    command = [*TEXTFORGE, "run", str(ROOT / "recipes" / "strong.yaml"), "--quiet", "--json", *dataset(folder, name)]
    seconds, _, printed = measure([*command, "--out", str(out / f"{name}-strong")], folder)
    return {"seconds": seconds, "test": _figures(json.loads(printed)["test"])}


def tuned(folder: Path, name: str, out: Path, budget: int) -> dict[str, Any]:
    """Tune on the data alone."""
    shutil.rmtree(out / f"{name}-tune", ignore_errors=True)
    train, test = (folder.absolute() / f"{name}-{split}.csv" for split in ("train", "test"))
    command = [*TEXTFORGE, "tune", str(train), "--set", f"test={test}", "--budget", f"{budget}s", "--workers", "2"]
    seconds, _, printed = measure([*command, "--quiet", "--json", "--out", str(out / f"{name}-tune")], folder)
    found = json.loads(printed)
    chosen = next(one for one in found["trials"] if one["number"] == found["chosen"]["trial"])
    return {
        "seconds": seconds, "test": _figures(found["test"]), "chosen": chosen["what"],
        "trials": len([one for one in found["trials"] if one["value"] is not None]),
    }  # fmt: skip


def fasttext(folder: Path, name: str, out: Path, budget: int) -> dict[str, Any] | None:
    """Let fastText tune itself; the better of its two ways to end counts."""
    python = os.environ.get("FASTTEXT_PYTHON")
    if not python:
        return None
    script = str(Path(__file__).with_name("fasttext_autotune.py"))
    command = [python, script, str(folder.absolute()), name, "--seconds", str(budget)]
    seconds, _, printed = measure(command, folder)
    found = json.loads(printed.splitlines()[-1])
    best = max((found["autotune"], found["trained again on all"]), key=lambda one: float(one["accuracy"]))
    return {"seconds": seconds, "test": best}


def _measured(given: argparse.Namespace, name: str, side: str) -> dict[str, Any] | None:
    """The result of one side; None for fastText where it is not installed."""
    if side == "strong":
        return strong(given.folder, name, given.out)
    if side == "tune":
        return tuned(given.folder, name, given.out, given.budget)
    return fasttext(given.folder, name, given.out, given.budget * given.times)


def _figures(test: dict[str, Any]) -> dict[str, float]:
    return {key: test[key] for key in ("accuracy", "macro_f1")}


def _shown(one: dict[str, Any] | None) -> str:
    return "left out" if one is None else f"{one['test']['accuracy']:.4f} / {one['test']['macro_f1']:.4f}"


def _compared(one: dict[str, Any] | None, other: dict[str, Any] | None, *, equal: bool) -> str:
    """Whether accuracy is above, or not below."""
    if one is None or other is None:
        return ""
    mine, theirs = one["test"]["accuracy"], other["test"]["accuracy"]
    return "yes" if mine > theirs or (equal and mine == theirs) else f"**no** ({100 * (mine - theirs):+.2f})"


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, default=Path("tune-benchmark"), help="folder of the results")
    parser.add_argument("--budget", type=int, default=60, help="seconds for tune; default 60")
    parser.add_argument("--times", type=int, default=5, help="budget of fastText, in those of tune; default 5")
    parser.add_argument("--only", choices=SIDES, action="append", help="measure only this side")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    rows = []
    for path in sorted(given.folder.glob("*-train.csv")):
        name = path.name.removesuffix("-train.csv")
        found: dict[str, dict[str, Any] | None] = {}
        for side in SIDES:
            file = given.out / f"{name}-{side}.json"
            if (
                not file.is_file()
                and side in (given.only or SIDES)
                and (result := _measured(given, name, side)) is not None
            ):
                file.write_text(json.dumps(result))
                print(name, side, result, file=sys.stderr, flush=True)
            found[side] = json.loads(file.read_text()) if file.is_file() else None
        ours, theirs = found["tune"], found["fasttext"]
        rows.append((
            name, _shown(found["strong"]), _shown(ours), ours["chosen"] if ours else "",
            f"{ours['seconds']:.1f}" if ours else "", _shown(theirs), f"{theirs['seconds']:.0f}" if theirs else "",
            _compared(ours, found["strong"], equal=True), _compared(ours, theirs, equal=False),
        ))  # fmt: skip
    print("Accuracy / macro F1 on test:\n")
    print(table(HEAD, rows))


if __name__ == "__main__":
    main()
