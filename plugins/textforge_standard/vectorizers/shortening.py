"""Limit the length of sequences."""

from collections.abc import Sequence
from typing import Any, Literal

Keep = Literal["head", "tail", "both"]


def head_length(most: int, keep: Keep) -> int:
    """How many of `most` elements to take from the start; the others come from the end."""
    return {"head": most, "tail": 0, "both": most - most // 2}[keep]


def shortened(sequence: Any, most: int | None, keep: Keep) -> Any:
    """At most `most` elements of a list or of bytes: the first, the last, or half of them from each end."""
    if most is None or len(sequence) <= most:
        return sequence
    head = head_length(most, keep)
    return sequence[:head] + sequence[len(sequence) - (most - head) :]


def cut_warnings(lengths: Sequence[int], most: int | None, unit: str) -> list[str]:
    """The warning about training texts longer than `most`; empty if there are none."""
    cut = Cut(most, unit)
    cut.add(lengths)
    return cut.warnings()


class Cut:
    """Count of the training texts longer than `most`, collected chunk by chunk."""

    def __init__(self, most: int | None, unit: str) -> None:
        self.most, self.unit = most, unit
        self.n_texts = self.n_cut = self.units = self.left_out = self.longest = 0

    def add(self, lengths: Sequence[int]) -> None:
        """Count the texts of a chunk by their lengths."""
        if self.most is None:
            return
        cut = [length for length in lengths if length > self.most]
        self.n_texts, self.n_cut = self.n_texts + len(lengths), self.n_cut + len(cut)
        self.units, self.left_out = self.units + sum(lengths), self.left_out + sum(cut) - self.most * len(cut)
        self.longest = max(self.longest, *cut, 0)

    def counts(self) -> list[int]:
        """The counts so far, for `add_counts`."""
        return [self.n_texts, self.n_cut, self.units, self.left_out, self.longest]

    def add_counts(self, counts: Sequence[int]) -> None:
        """Add what another object counted in other texts."""
        n_texts, n_cut, units, left_out, longest = counts
        self.n_texts, self.n_cut = self.n_texts + n_texts, self.n_cut + n_cut
        self.units, self.left_out = self.units + units, self.left_out + left_out
        self.longest = max(self.longest, longest)

    def warnings(self) -> list[str]:
        """The warning; empty if no text is longer."""
        if not self.n_cut:
            return []
        return [
            f"max_length {self.most} cut {self.n_cut:,} of {self.n_texts:,} training texts; "
            f"{self.left_out / self.units:.0%} of all {self.unit} are not read. "
            f"The longest text has {self.longest:,} {self.unit}."
        ]
