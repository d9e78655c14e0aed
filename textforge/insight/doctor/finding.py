"""One fault of the data, as every detector reports it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

Severity = Literal["high", "medium", "low"]
"""high: figures of a run mislead. medium: a model learns something wrong. low: good to know."""
SEVERITIES: tuple[Severity, ...] = ("high", "medium", "low")


class Place(NamedTuple):
    """Where a text is: its split, and its row there from 0."""

    split: str
    row: int


@dataclass(frozen=True)
class Finding:
    """A fault of the data."""

    kind: str
    """Its name, such as `exact-duplicates`."""
    severity: Severity
    count: int
    """Number of texts, or of the things that `what` counts."""
    what: str
    """The fault in one sentence."""
    advice: str
    """What to do about it."""
    rows: tuple[Place, ...] = ()
    """The texts concerned, worst first."""
    examples: tuple[str, ...] = ()
    """A few texts, words or labels that show the fault."""

    def as_json(self) -> dict[str, Any]:
        """JSON values, `rows` as lists of row numbers by split."""
        rows: dict[str, list[int]] = {}
        for split, row in self.rows:
            rows.setdefault(split, []).append(row)
        return {
            "kind": self.kind, "severity": self.severity, "count": self.count, "what": self.what,
            "advice": self.advice, "rows": rows, "examples": [*self.examples],
        }  # fmt: skip


def worst_first(findings: list[Finding]) -> list[Finding]:
    """Sort by severity, then by count."""
    return sorted(findings, key=lambda one: (SEVERITIES.index(one.severity), -one.count))


def number(n: int, what: str) -> str:
    """A number and its noun: `1 text`, `2,000 texts`, `3 classes`."""
    return f"{n:,} {what}" if n == 1 else f"{n:,} {what}{'es' if what.endswith('s') else 's'}"


def has(n: int) -> str:
    """The verb after a number: `1 text has`, `2 texts have`."""
    return "has" if n == 1 else "have"


def does(n: int, verb: str) -> str:
    """A regular verb after a number: `1 text ends`, `2 texts end`."""
    return f"{verb}s" if n == 1 else verb
