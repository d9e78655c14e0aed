"""The result of a comparison in one sentence."""

from __future__ import annotations

import math
from dataclasses import dataclass

from textforge.insight.intervals import Interval
from textforge.insight.significance import ALPHA, mean_texts_needed, texts_needed

SMALLEST = 0.005
"""The difference of accuracy, half a point, that a comparison should be able to show if it shows none."""


@dataclass(frozen=True)
class SeedLuck:
    """The variance of a difference of accuracy between means over seeds, in two parts."""

    of_seeds: float
    of_texts: float
    unknown_for: tuple[str, ...] = ()
    """The systems with one seed, whose luck is not known."""

    @property
    def share(self) -> float:
        """The share of the seeds."""
        total = self.of_seeds + self.of_texts
        return self.of_seeds / total if total else 0.0


@dataclass(frozen=True)
class Evidence:
    """The figures about the accuracy of two systems, A and B, from which a verdict follows."""

    names: tuple[str, str]
    n: int
    """Number of test texts."""
    difference: float
    """Accuracy of B minus accuracy of A."""
    interval: Interval
    p: float
    """p-value, corrected for the number of comparisons."""
    gained: int
    """Texts that B gets right and A wrong."""
    lost: int
    """Texts that A gets right and B wrong."""
    seeds: SeedLuck | None = None
    """None for two single runs."""

    @property
    def shown(self) -> bool:
        """Whether the test texts show a difference: by the test, and by the interval."""
        return self.p < ALPHA and not self.interval.low <= 0 <= self.interval.high

    @property
    def sought(self) -> float:
        """The difference for which the number of texts is computed: the observed one, at least half a point."""
        return max(abs(self.difference), SMALLEST)

    @property
    def needed(self) -> int | None:
        """How many texts would show a difference of this size; None if the systems are right on the same texts."""
        if self.seeds is not None:
            return mean_texts_needed(self.sought, self.seeds.of_texts * self.n)
        return texts_needed(self.sought, (self.gained + self.lost) / self.n)


def verdict(evidence: Evidence) -> str:
    """State which of two systems is better, or that the test texts cannot show it and how many would."""
    first, other = evidence.names
    if evidence.shown:
        low, high = (f"{100 * end:.1f}" for end in evidence.interval)
        flips = f"{_texts(evidence.gained)} gained, {evidence.lost:,} lost"
        return (
            f"{other} is {'better' if evidence.difference > 0 else 'worse'} than {first}: "
            f"{100 * evidence.difference:+.1f} points, 95 % interval {low} to {high}; {flips}"
        )
    if evidence.seeds is not None and evidence.seeds.share > 0.5:
        return (
            f"no difference that {_these(evidence)} and these seeds could show; {evidence.seeds.share:.0%} of its "
            "variance is luck of the seed, so more seeds are needed"
        )
    if evidence.needed is None:
        return f"no difference: {first} and {other} are right on the same {_texts(evidence.n)}"
    sought = f"{100 * evidence.sought:.1f} points"
    if evidence.needed <= evidence.n:
        return f"no difference: {_texts(evidence.n)} would most likely have shown one of {sought}"
    return (
        f"no difference that {_these(evidence)} could show; "
        f"about {_rounded(evidence.needed):,} would be needed for {sought}"
    )


def _these(evidence: Evidence) -> str:
    return "this text" if evidence.n == 1 else f"these {evidence.n:,} texts"


def _texts(n: int) -> str:
    return f"{n:,} text{'s' * (n != 1)}"


def _rounded(n: int) -> int:
    """Round up to two significant digits."""
    step: int = 10 ** max(0, int(math.log10(n)) - 1)
    return math.ceil(n / step) * step
