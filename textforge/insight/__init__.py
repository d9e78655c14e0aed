"""Insight: read what runs left behind. Where a run is wrong, why, whether one run is better than
another, and everything about it on one page (`textforge.report`).

Names are imported on first use. Commands that only read a run folder need not load torch.
"""

from typing import TYPE_CHECKING, Any

from textforge import lazy

if TYPE_CHECKING:
    from textforge.insight.answers import TestedRun as TestedRun, read_run as read_run, read_runs as read_runs
    from textforge.insight.explanations.classes import explain_class as explain_class
    from textforge.insight.explanations.explanation import Explanation as Explanation
    from textforge.insight.explanations.texts import explain as explain
    from textforge.insight.run_comparison import compare as compare
    from textforge.insight.wrong_texts import mistakes as mistakes

_names, _get, _dir = lazy(
    __name__,
    {
        "Explanation": "explanations.explanation",
        "TestedRun": "answers",
        "compare": "run_comparison",
        "explain": "explanations.texts",
        "explain_class": "explanations.classes",
        "mistakes": "wrong_texts",
        "read_run": "answers",
        "read_runs": "answers",
    },
)
__all__ = [*_names]  # noqa: PLE0604  (names, by construction)


def __getattr__(name: str) -> Any:
    return _get(name)


def __dir__() -> list[str]:
    return _dir()
