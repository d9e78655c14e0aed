"""Long sequences cut to a length."""

from collections.abc import Sequence
from typing import Any, Literal

Keep = Literal["head", "tail", "both"]


def shortened(sequence: Any, most: int | None, keep: Keep) -> Any:
    """The first or the last `most` elements, or half of them from each end; a list or bytes."""
    if most is None or len(sequence) <= most:
        return sequence
    head = {"head": most, "tail": 0, "both": most - most // 2}[keep]
    return sequence[:head] + sequence[len(sequence) - (most - head) :]


def what_was_cut(lengths: Sequence[int], most: int | None, unit: str) -> list[str]:
    """A sentence about the training texts that are longer than `most`, if there are any."""
    cut = Cut(most, unit)
    cut.add(lengths)
    return cut.told()


class Cut:
    """Counts the training texts that are longer than `most`, some after the other."""

    def __init__(self, most: int | None, unit: str) -> None:
        self.most, self.unit = most, unit
        self.n_texts = self.n_cut = self.units = self.left_out = self.longest = 0

    def add(self, lengths: Sequence[int]) -> None:
        """Count texts of these lengths, too."""
        if self.most is None:
            return
        cut = [length for length in lengths if length > self.most]
        self.n_texts, self.n_cut = self.n_texts + len(lengths), self.n_cut + len(cut)
        self.units, self.left_out = self.units + sum(lengths), self.left_out + sum(cut) - self.most * len(cut)
        self.longest = max(self.longest, *cut, 0)

    def told(self) -> list[str]:
        """A sentence about them, if there are any."""
        if not self.n_cut:
            return []
        return [
            f"max_length {self.most} cut {self.n_cut:,} of {self.n_texts:,} training texts; "
            f"{self.left_out / self.units:.0%} of all {self.unit} are not read. "
            f"The longest text has {self.longest:,} {self.unit}."
        ]
