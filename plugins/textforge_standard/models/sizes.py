"""How large a network may be asked to be: far more than any that has been of use, and little enough to be built."""

from typing import Annotated

from annotated_types import Ge, Le

Width = Annotated[int, Ge(1), Le(1_000_000)]
"""Numbers side by side: units of a layer, length of a vector."""
Depth = Annotated[int, Ge(1), Le(1000)]
"""Layers one on another, or words in a row."""
