"""Ragged and dense features, their batches, and the first layer over them."""

from textforge.features.bag_sums import bag_sum as bag_sum
from textforge.features.layers import FeatureLinear as FeatureLinear
from textforge.features.ragged import (
    Batch as Batch,
    Features as Features,
    Ragged as Ragged,
    RaggedBatch as RaggedBatch,
    as_features as as_features,
)
