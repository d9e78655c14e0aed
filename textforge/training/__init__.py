"""The training loop: `Trainer`, batch sources, optimizer steps, validation, weight averaging.

Independent of YAML, plugin managers, the command line and files, so that it can be embedded anywhere.
"""

from textforge.training.trainer import Trainer as Trainer
from textforge.training.validation import EpochResult as EpochResult
