"""Ragged and dense features, their batches, and the first layer over them.

Names are imported on first use, because features are made without torch; batches and layers need it.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from textforge import lazy

if TYPE_CHECKING:
    from textforge.features.bag_sums import bag_sum as bag_sum
    from textforge.features.batch import Batch as Batch, RaggedBatch as RaggedBatch
    from textforge.features.layers import FeatureLinear as FeatureLinear
    from textforge.features.ragged import Features as Features, Ragged as Ragged, as_features as as_features

__getattr__: Callable[[str], Any]
__dir__: Callable[[], list[str]]
__all__, __getattr__, __dir__ = lazy(
    __name__,
    {
        "Batch": "batch",
        "FeatureLinear": "layers",
        "Features": "ragged",
        "Ragged": "ragged",
        "RaggedBatch": "batch",
        "as_features": "ragged",
        "bag_sum": "bag_sums",
    },
)
