"""The recipe's `init_from:` section: a classifier to continue from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class InitFrom:
    """A classifier whose weights training begins with.

    Options:
        run: folder of a run or a bundle.
        vocabulary: 'keep' uses the features of that classifier; 'grow' adds those of the new training texts.
    """

    run: Path
    vocabulary: Literal["keep", "grow"] = "keep"
