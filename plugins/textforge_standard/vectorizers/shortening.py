"""Long sequences cut to a length."""

from collections.abc import Iterable, Sequence
from typing import Any, Literal

Keep = Literal["head", "tail", "both"]


def shortened(sequence: Any, most: int | None, keep: Keep) -> Any:
    """The first or the last `most` elements, or half of them from each end; a list or bytes."""
    if most is None or len(sequence) <= most:
        return sequence
    head = {"head": most, "tail": 0, "both": most - most // 2}[keep]
    return sequence[:head] + sequence[len(sequence) - (most - head) :]


def what_was_cut(lengths: Sequence[int], most: int | None, unit: str) -> Iterable[str]:
    """A sentence about the training texts that are longer than `most`, if there are any."""
    if most is None or not (cut := [length for length in lengths if length > most]):
        return
    left_out = sum(cut) - most * len(cut)
    yield (
        f"max_length {most} cut {len(cut):,} of {len(lengths):,} training texts; {left_out / sum(lengths):.0%} of all "
        f"{unit} are not read. The longest text has {max(cut):,} {unit}."
    )
