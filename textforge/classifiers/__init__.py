"""Trained classifiers in memory and on disk: `Classifier`, decision, metrics, bundles, and streaming prediction.

Names are imported on first use, so that a command that only inspects a folder does not load torch.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from textforge import lazy

if TYPE_CHECKING:
    from textforge.classifiers.bundles.bundle import read_bundle as read_bundle, save as save
    from textforge.classifiers.classifier import Classifier as Classifier
    from textforge.classifiers.decision import Decision as Decision
    from textforge.classifiers.metrics import ExtraMetrics as ExtraMetrics

__getattr__: Callable[[str], Any]
__dir__: Callable[[], list[str]]
__all__, __getattr__, __dir__ = lazy(
    __name__,
    {
        "Classifier": "classifier",
        "Decision": "decision",
        "ExtraMetrics": "metrics",
        "read_bundle": "bundles.bundle",
        "save": "bundles.bundle",
    },
)
