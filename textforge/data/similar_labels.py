"""Labels that a reader takes for one and the same, though their characters differ."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping

from textforge.errors import listed

SHOWN = 8
"""Groups of labels that a message names."""

_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a]"
    "|[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f]"
)
"""Unicode's Default_Ignorable_Code_Point without joiners, tags and supplementary variation selectors; and controls."""
_JOINERS = "\u200c\u200d"

_HOMOGLYPHS = str.maketrans(
    "АВЕЅІЈКМНОРСТХҮаеоԁһіјӏрсѕԛԝхуΑΒΕΖΗΙΚΜΝΟΡΤΥΧοναіϲ‐‑‒–−’‘ʼ“”",
    "ABESIJKMHOPCTXYaeodhijlpcsqwxyABEZHIKMNOPTYXovaic-----'''\"\"",
)
"""Cyrillic and Greek letters, dashes and quotes, and the ASCII characters they look like (of UTS #39's confusables)."""


def normal_label(label: str, *, ignore_case: bool = False) -> str:
    """The form that labels share if they differ only in how their characters are encoded or spaced.

    That is Unicode's NFKC (composed and decomposed letters, full-width and half-width forms, ligatures, no-break
    spaces) without invisible characters (zero-width spaces, soft hyphens, marks of direction, controls), with one
    space for any white space, and none at the ends. A joiner stays where it shapes its word or emoji. With
    `ignore_case` case is folded, too, so that the method is close to Unicode's NFKC_Casefold.
    """
    if not label.isascii() or not label.isprintable():
        label = _INVISIBLE.sub("", unicodedata.normalize("NFKC", label))
        if any(joiner in label for joiner in _JOINERS):
            label = "".join(c for n, c in enumerate(label) if c not in _JOINERS or _joins(label[:n], label[n + 1 :]))
        label = unicodedata.normalize("NFKC", label)  # what stood beside something invisible may compose now
    label = " ".join(label.split())
    return unicodedata.normalize("NFKC", label.casefold()) if ignore_case else label


def _joins(before: str, after: str) -> bool:
    """Whether a joiner between these has an effect: after a letter of Arabic script, a sign of a vowel, an emoji."""
    last = before[-1:]
    shapes = last and (
        unicodedata.bidirectional(last) == "AL" or unicodedata.category(last) in ("Mn", "Mc", "So", "Sk")
    )
    return bool(shapes and after.strip(_JOINERS))


def similar_label_warnings(counts: Mapping[str, int]) -> list[str]:
    """Sentences about labels that look alike, and about those that show nothing.

    Args:
        counts: how many texts have each label.
    """
    warnings = []
    names = sorted(counts, key=lambda name: (-counts[name], name))
    for key, what, advice in _WAYS:
        groups = defaultdict(list)
        for name in names:
            groups[key(name)].append(name)
        if alike := [group for group in groups.values() if len(group) > 1]:
            named = [" and ".join(f"{_shown(name, key)} ({counts[name]})" for name in group) for group in alike]
            shown = "; ".join([*named[:SHOWN], *([f"{len(named) - SHOWN} more"] if len(named) > SHOWN else [])])
            warnings.append(f"labels that {what} are separate classes (texts of each): {shown}. {advice}")
        names = [group[0] for group in groups.values()]
    if blank := [_shown(label, normal_label) for label in names if not normal_label(label)]:
        warnings.append(f"a label shows nothing on a screen: {listed(blank)}.")
    return warnings


def same_label(label: str, known: Iterable[str]) -> str | None:
    """The known label that differs from this one only as `normal_label` and case do, or None."""
    key = _case_key(label)
    return next((name for name in known if _case_key(name) == key), None)


def _case_key(label: str) -> str:
    return normal_label(label, ignore_case=True)


def _glyph_key(label: str) -> str:
    return normal_label(normal_label(label).translate(_HOMOGLYPHS), ignore_case=True)


_JOIN = "Join them with dataset.similar_labels: {}, or correct the data."
_WAYS = (
    (normal_label, "look alike", _JOIN.format("join")),
    (_case_key, "differ only in upper and lower case", _JOIN.format("ignore_case")),
    (_glyph_key, "differ only in letters of other alphabets, in dashes or in quotes", "Correct the data."),
)
"""Ways in which labels are alike: the key that they share, its words, and what to do about it."""


def _shown(label: str, key: Callable[[str], str]) -> str:
    """A label in quotes, with the code point of every character that does not show why the label is another."""
    decomposed = not unicodedata.is_normalized("NFC", label)
    hidden = {c for c in label if not c.isascii() and (decomposed or normal_label(c) != c)}
    hidden |= {c for c in label if not c.isprintable()}
    if key is _glyph_key:
        hidden |= {c for c in label if ord(c) in _HOMOGLYPHS}
    return "'" + "".join(f"<U+{ord(c):04X}>" if c in hidden else c for c in label) + "'"
