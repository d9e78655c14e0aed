"""The training loop: `Trainer`, batches and their sources, one optimizer step, validation, averaged weights.

Knows nothing of YAML, plugin managers, the command line or files, so it can be embedded anywhere.
"""

from textforge.training.trainer import Trainer as Trainer
from textforge.training.validation import EpochResult as EpochResult
