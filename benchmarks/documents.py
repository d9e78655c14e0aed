"""Write any number of short documents, made from sentences of 20 Newsgroups, as CSV.

A document joins the first half of a sentence and the second half of another one of the same group, so that the words
are those of the corpus and few documents are equal. The same seed writes the same documents.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from pathlib import Path

from measuring import arguments

PIECE = 1 << 14
"""Number of documents per write."""


def sentences() -> dict[str, dict[str, list[str]]]:
    """Sentences of 20 Newsgroups by split and group: raw, 5 to 30 words, on one line, without quotes."""
    from sklearn.datasets import fetch_20newsgroups

    found: dict[str, dict[str, list[str]]] = {}
    for split in ("train", "test"):
        posts = fetch_20newsgroups(subset=split, remove=("headers",))
        for text, group in zip(posts.data, posts.target, strict=True):
            for sentence in re.split(r"(?<=[.!?:])\s+", re.sub(r"[^\x20-\x7e\n]|\n[>|:%]+|\"", " ", text)):
                words = sentence.split()
                if 5 <= len(words) <= 30:
                    found.setdefault(split, {}).setdefault(posts.target_names[group], []).append(" ".join(words))
    return found


def write_csv(path: Path, n: int, of: dict[str, list[str]], seed: int = 0) -> None:
    """Write n documents and their groups."""
    halves = {group: [_halved(sentence) for sentence in all_of_it] for group, all_of_it in of.items()}
    draw, groups = random.Random(seed), sorted(halves)
    with path.open("w", encoding="utf-8") as file:
        file.write("text,label\n")
        for start in range(0, n, PIECE):
            file.writelines(_rows(min(PIECE, n - start), draw, groups, halves))


def _rows(n: int, draw: random.Random, groups: list[str], halves: dict[str, list[tuple[str, str]]]) -> Iterator[str]:
    for group in draw.choices(groups, k=n):
        of_group = halves[group]
        first, second = of_group[int(draw.random() * len(of_group))], of_group[int(draw.random() * len(of_group))]
        yield f'"{first[0]} {second[1]}",{group}\n'


def _halved(sentence: str) -> tuple[str, str]:
    words = sentence.split()
    middle = len(words) // 2
    return " ".join(words[:middle]), " ".join(words[middle:])


if __name__ == "__main__":
    parser = arguments(__doc__)
    parser.add_argument("n", type=int, help="how many documents")
    parser.add_argument("path", type=Path, help="the file to write")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    write_csv(given.path, given.n, sentences()["train"], given.seed)
