"""Ranges of numbers that options of many parts have in common."""

from typing import Annotated

from annotated_types import Ge, Gt, Lt

Positive = Annotated[float, Gt(0)]
NotNegative = Annotated[float, Ge(0)]
Fraction = Annotated[float, Ge(0), Lt(1)]
"""At least 0 and less than 1: a probability of dropout, a decay rate, a momentum."""
Count = Annotated[int, Ge(1)]
