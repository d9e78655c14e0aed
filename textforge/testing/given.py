"""Check what an author gives to the kit beside the component: texts, and checks to skip."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from textforge.components.component import Component
from textforge.errors import RecipeError, did_you_mean, listed
from textforge.testing.checks import ContractError

FEWEST = 10
"""Fewest texts of a class."""

Texts = tuple[Sequence[str], Sequence[str]]
"""Texts and their labels."""


def usable_texts(texts: Texts | None) -> Texts | None:
    """Return the texts if the checks can use them.

    Raises:
        ContractError: they are no pair of texts and labels, or a class has too few.
    """
    if texts is None:
        return None
    if not isinstance(texts, (tuple, list)) or len(texts) != 2 or len(texts[0]) != len(texts[1]):
        raise ContractError("texts must be a pair: a list of texts, and a list of their labels of the same length.")
    if not all(isinstance(one, str) for one in (*texts[0], *texts[1])):
        raise ContractError("texts must be a pair of lists of str: texts, and one label for each.")
    counts = Counter(texts[1])
    if len(counts) < 2 or min(counts.values()) < FEWEST:
        raise ContractError(f"texts need at least two labels, and {FEWEST} texts of each; they have {dict(counts)}.")
    return texts[0], texts[1]


def skips_for(components: Sequence[Component], given: Iterable[str]) -> dict[str, dict[str, str]]:
    """Parse checks to skip, written as CHECK=REASON.

    Returns:
        Kind of the components to the names of its checks to skip, with the reasons.

    Raises:
        RecipeError: one is malformed, or names no check of any of the components.
    """
    from textforge.testing import rules_for

    known = {one.kind.name: [rule.name for rule in rules_for(one.kind.name)] for one in components}
    found: dict[str, dict[str, str]] = {kind: {} for kind in known}
    every = list(dict.fromkeys(name for names in known.values() for name in names))
    for one in given:
        name, equals, reason = (part.strip() for part in one.partition("="))
        if not equals or not reason:
            raise RecipeError(f"--skip {one}: write CHECK=REASON, as in '{every[0] if every else 'CHECK'}=why'.")
        if name not in every:
            raise RecipeError(f"--skip {one}: no check '{name}'.{did_you_mean(name, every)}")
        for kind, names in known.items():
            if name in names:
                found[kind][name] = reason
    return found


def usable_skips(skip: Mapping[str, str] | None, known: Sequence[str]) -> dict[str, str]:
    """Return the reasons by the names of the checks to skip.

    Raises:
        ContractError: a name is none of `known`, or has no reason.
    """
    for name, reason in (skip or {}).items():
        if name not in known:
            raise ContractError(f"skip: no check '{name}'.{did_you_mean(name, known)} The checks: {listed(known)}.")
        if not isinstance(reason, str) or not reason.strip():
            raise ContractError(f"skip: '{name}' needs a reason: skip={{'{name}': 'why it does not apply'}}.")
    return dict(skip or {})
