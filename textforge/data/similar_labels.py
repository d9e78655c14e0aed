"""Find labels that look the same to a reader although their characters differ."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping

from textforge.errors import listed

SHOWN = 8
"""Most groups of labels that a message lists."""

_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a]"
    "|[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f]"
)
"""Unicode's Default_Ignorable_Code_Point except joiners, tags and supplementary variation selectors; and controls."""
_JOINERS = "\u200c\u200d"

_HOMOGLYPHS = str.maketrans(
    "АВЕЅІЈКМНОРСТХҮаеоԁһіјӏрсѕԛԝхуΑΒΕΖΗΙΚΜΝΟΡΤΥΧοναіϲ‐‑‒–−’‘ʼ“”",
    "ABESIJKMHOPCTXYaeodhijlpcsqwxyABEZHIKMNOPTYXovaic-----'''\"\"",
)
"""Cyrillic and Greek letters, dashes and quotes, mapped to the ASCII they look like (from UTS #39's confusables)."""


def normal_label(label: str, *, ignore_case: bool = False) -> str:
    """Normalize a label, so that labels that differ only in encoding or spacing become equal.

    Apply Unicode's NFKC, which unifies composed and decomposed letters, full-width and half-width forms, ligatures
    and no-break spaces. Remove invisible characters: zero-width spaces, soft hyphens, direction marks, controls.
    Replace each run of white space by one space and strip both ends. Keep a joiner only where it shapes its word
    or emoji. With `ignore_case`, also fold case, which comes close to Unicode's NFKC_Casefold.
    """
    if not label.isascii() or not label.isprintable():
        label = _INVISIBLE.sub("", unicodedata.normalize("NFKC", label))
        if any(joiner in label for joiner in _JOINERS):
            label = "".join(c for n, c in enumerate(label) if c not in _JOINERS or _joins(label[:n], label[n + 1 :]))
        label = unicodedata.normalize("NFKC", label)  # characters that an invisible one separated may compose now
    label = " ".join(label.split())
    return unicodedata.normalize("NFKC", label.casefold()) if ignore_case else label


def _joins(before: str, after: str) -> bool:
    """Whether a joiner between these strings has an effect: after an Arabic letter, a vowel sign or an emoji."""
    last = before[-1:]
    shapes = last and (
        unicodedata.bidirectional(last) == "AL" or unicodedata.category(last) in ("Mn", "Mc", "So", "Sk")
    )
    return bool(shapes and after.strip(_JOINERS))


def similar_label_warnings(counts: Mapping[str, int]) -> list[str]:
    """Return sentences about labels that look alike and about labels that are invisible.

    Args:
        counts: the number of texts per label.
    """
    warnings = []
    names = sorted(counts, key=lambda name: (-counts[name], name))
    groups = _grouped(names, _case_key)
    for way, (what, advice) in _WAYS.items():
        if way == "glyphs":
            names = [group[0] for group in groups]
            groups = _grouped(names, _glyph_key)
        alike = [group for group in groups if len(group) > 1 and (way == "glyphs" or _way(group) == way)]
        key = _glyph_key if way == "glyphs" else _case_key
        named = [" and ".join(f"{_shown(name, key)} ({counts[name]})" for name in group) for group in alike]
        shown = "; ".join([*named[:SHOWN], *([f"{len(named) - SHOWN} more"] if len(named) > SHOWN else [])])
        if shown:
            warnings.append(f"labels that {what} are separate classes (texts of each): {shown}. {advice}")
    names = [group[0] for group in groups]
    if blank := [_shown(label, normal_label) for label in names if not normal_label(label)]:
        warnings.append(f"a label has no visible character: {listed(blank)}.")
    return warnings


def same_label(label: str, known: Iterable[str]) -> str | None:
    """Return the known label that equals this one after `normal_label` with `ignore_case`, or None."""
    key = _case_key(label)
    return next((name for name in known if _case_key(name) == key), None)


def misspelling(label: str, known: Iterable[str]) -> tuple[str, int] | None:
    """Return the known label that this one probably misspells, and their edit distance, 1 or 2; or None.

    The distance counts letters to insert, delete or replace (Levenshtein 1966). Two edits count from five letters on,
    one edit from three on. Labels that differ in digits only, such as group1 and group2, are different labels.
    """
    if len(label) > LONGEST_COMPARED:
        return None
    worded = _DIGITS.sub("", label)
    found: tuple[int, str] | None = None
    for name in known:
        shorter = min(len(name), len(label))
        most = 2 if shorter >= 5 else 1 if shorter >= 3 else 0
        most = min(most, found[0] - 1) if found else most
        if most < 1 or abs(len(name) - len(label)) > most or _DIGITS.sub("", name) == worded:
            continue
        if (distance := _edits(label, name, most)) is not None:
            found = distance, name
    return (found[1], found[0]) if found else None


_DIGITS = re.compile("[0-9]+")
LONGEST_COMPARED = 100
"""Limit on the characters of a label that is compared: the time grows with its length."""


def _edits(one: str, other: str, most: int) -> int | None:
    """Return the Levenshtein distance of two strings, or None if it exceeds `most`."""
    row = [*range(len(other) + 1)]
    for n, letter in enumerate(one, start=1):
        before, row = row, [n]
        for m, wanted in enumerate(other, start=1):
            if abs(n - m) > most:  # outside of the band that a path with so few edits stays in
                row.append(most + 1)
            else:
                row.append(min(before[m - 1] + (letter != wanted), before[m] + 1, row[m - 1] + 1))
        if min(row) > most:
            return None
    return row[-1] if row[-1] <= most else None


def _case_key(label: str) -> str:
    return normal_label(label, ignore_case=True)


def _glyph_key(label: str) -> str:
    return normal_label(normal_label(label).translate(_HOMOGLYPHS), ignore_case=True)


_JOIN = "Join them with dataset.similar_labels: {}, or correct the data."
_WAYS = {
    "look": ("look alike", _JOIN.format("join")),
    "both": ("look alike except for upper and lower case", _JOIN.format("ignore_case")),
    "case": ("differ only in upper and lower case", _JOIN.format("ignore_case")),
    "glyphs": ("differ only in letters of other alphabets, in dashes or in quotes", "Correct the data."),
}
"""Ways in which labels look alike: a description, and the advice to give."""


def _grouped(names: list[str], key: Callable[[str], str]) -> list[list[str]]:
    """Names with equal keys, in order of their first occurrence."""
    groups = defaultdict(list)
    for name in names:
        groups[key(name)].append(name)
    return list(groups.values())


def _way(group: list[str]) -> str:
    """The way in which labels that are equal regardless of case look alike."""
    n_forms = len({*map(normal_label, group)})
    return "look" if n_forms == 1 else "case" if n_forms == len(group) else "both"


def _shown(label: str, key: Callable[[str], str]) -> str:
    """Quote a label, replacing characters whose difference is not visible by their code points."""
    decomposed = not unicodedata.is_normalized("NFC", label)
    hidden = {c for c in label if not c.isascii() and (decomposed or normal_label(c) != c)}
    hidden |= {c for c in label if not c.isprintable()}
    if key is _glyph_key:
        hidden |= {c for c in label if ord(c) in _HOMOGLYPHS}
    return "'" + "".join(f"<U+{ord(c):04X}>" if c in hidden else c for c in label) + "'"
