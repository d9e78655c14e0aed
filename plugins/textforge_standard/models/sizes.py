"""Upper bounds on the sizes of networks: far above any useful size, yet small enough to build."""

from typing import Annotated

from annotated_types import Ge, Le

Width = Annotated[int, Ge(1), Le(1_000_000)]
"""Units of a layer, or length of a vector."""
Depth = Annotated[int, Ge(1), Le(1000)]
"""Number of stacked layers, or of consecutive words."""
