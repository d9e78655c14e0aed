"""Runs: one run and its folder, several seeds, cross-validation; callbacks, progress, environment, evaluation.

Names are imported on first use, so that a command that only checks a run folder does not load torch.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from textforge import lazy

if TYPE_CHECKING:
    from textforge.runs.continuing import resume as resume
    from textforge.runs.cross_validation import CrossValidation as CrossValidation, cross_validate as cross_validate
    from textforge.runs.evaluation import evaluate as evaluate
    from textforge.runs.loading import load as load
    from textforge.runs.progress import Progress as Progress
    from textforge.runs.runner import Run as Run, run as run
    from textforge.runs.seeds import Repeats as Repeats, run_seeds as run_seeds

__getattr__: Callable[[str], Any]
__dir__: Callable[[], list[str]]
__all__, __getattr__, __dir__ = lazy(
    __name__,
    {
        "CrossValidation": "cross_validation",
        "Progress": "progress",
        "Repeats": "seeds",
        "Run": "runner",
        "cross_validate": "cross_validation",
        "evaluate": "evaluation",
        "load": "loading",
        "resume": "continuing",
        "run": "runner",
        "run_seeds": "seeds",
    },
)
