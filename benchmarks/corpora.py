"""The recipes that ship, each on anyone's corpora; prints a table of accuracy / macro F1 on test.

FOLDER holds NAME-train.csv and NAME-test.csv for each corpus, with the columns text and label. A recipe's dataset is
replaced by the corpus; all other sections stay. One run each, with the recipe's seed.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from measuring import ROOT, TEXTFORGE, arguments, measure, table

SLOW = ("newsgroups20-rnn", "newsgroups20-transformer", "newsgroups20-textcnn")
"""Recipes that take minutes; named explicitly only."""
OTHER = ("quickstart", "multilabel", "newsgroups20-stripped")
"""Recipes for other data, or equal to another one but for the data."""


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("recipes", nargs="*", help="names of recipes; default: all but the slow ones")
    given = parser.parse_args()
    names = sorted(path.stem for path in (ROOT / "recipes").glob("*.yaml"))
    recipes = given.recipes or [name for name in names if name not in SLOW + OTHER]
    corpora = sorted(path.name.removesuffix("-train.csv") for path in given.folder.glob("*-train.csv"))
    rows = []
    for recipe in recipes:
        row = [recipe]
        for corpus in corpora:
            train, test = (given.folder.absolute() / f"{corpus}-{split}.csv" for split in ("train", "test"))
            with tempfile.TemporaryDirectory() as out:
                command = [*TEXTFORGE, "run", str(ROOT / "recipes" / f"{recipe}.yaml"), "--quiet", "--json"]
                command += ["--set", f"dataset={{use: csv, train: {train}, test: {test}}}", "--out", f"{out}/run"]
                _, _, printed = measure(command, given.folder)
            metrics = json.loads(printed)["test"]
            row.append(f"{metrics['accuracy']:.3f} / {metrics['macro_f1']:.3f}")
        rows.append(tuple(row))
        print(rows[-1], file=sys.stderr, flush=True)
    print(table(("recipe", *corpora), rows))


if __name__ == "__main__":
    main()
