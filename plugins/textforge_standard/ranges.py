"""Ranges of numbers that options of many parts have in common."""

from typing import Annotated, Literal

from annotated_types import Ge, Gt, Lt

from textforge import Tune

Positive = Annotated[float, Gt(0)]
NotNegative = Annotated[float, Ge(0)]
Fraction = Annotated[float, Ge(0), Lt(1)]
"""At least 0 and less than 1: a probability of dropout, a decay rate, a momentum."""
Count = Annotated[int, Ge(1)]

Strength = Annotated[Positive, Tune(low=0.05, high=20.0, log=True)]
"""Inverse strength of the regularisation of a linear machine."""
Smoothing = Annotated[Positive, Tune(low=0.01, high=2.0, log=True)]
"""Added to every count."""
ClassWeight = Annotated[Literal["balanced"] | None, Tune(choices=(None, "balanced"))]
Rate = Annotated[Positive, Tune(low=0.0003, high=0.1, log=True)]
"""Learning rate of an optimizer that scales its steps, such as Adam."""
PlainRate = Annotated[Positive, Tune(low=0.003, high=3.0, log=True)]
"""Learning rate of an optimizer whose steps are in proportion to the gradients."""
Dropout = Annotated[Fraction, Tune(low=0.0, high=0.7)]
