"""The length of a training: texts, batches, updates."""

from __future__ import annotations

from dataclasses import dataclass

from textforge.components.settings import TrainerSettings


@dataclass(frozen=True)
class Budget:
    """The length of a training.

    Args:
        n_texts: training texts.
        settings: batch_size, drop_last, accumulate and epochs count here.
    """

    n_texts: int
    settings: TrainerSettings

    @property
    def steps(self) -> int:
        """Batches in an epoch."""
        size = self.settings.batch_size
        return self.n_texts // size if self.settings.drop_last else -(-self.n_texts // size)

    @property
    def texts_per_epoch(self) -> int:
        """Texts in the batches of an epoch: fewer than `n_texts` if drop_last leaves some out."""
        return min(self.n_texts, self.steps * self.settings.batch_size)

    @property
    def updates_per_epoch(self) -> int:
        return -(-self.steps // self.settings.accumulate)

    @property
    def updates(self) -> int:
        """Updates in the whole training, after which the scheduler is not called."""
        return self.updates_per_epoch * self.settings.epochs
