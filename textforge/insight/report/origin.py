"""The sections about where the results come from: the recipe, the environment, and how to repeat them."""

from __future__ import annotations

import shlex
from typing import Any

from textforge.errors import RecipeError
from textforge.insight.report.sources import Sources
from textforge.recipes.document import parse
from textforge.recipes.yaml12 import to_yaml
from textforge.runs import folder as run_folder


def recipe(sources: Sources) -> dict[str, Any]:
    """Return the recipe as it was written, without its comments (`compact`), and with all defaults and overrides."""
    written = sources.text_of(run_folder.RECIPE)
    return {
        "written": written,
        "compact": written and _without_comments(written),
        "resolved": sources.text_of(run_folder.RESOLVED),
        "overrides": sources.result.get("overrides") or {},
    }


def _without_comments(written: str) -> str:
    try:
        document = parse(written, run_folder.RECIPE)
        return to_yaml(document.plain())
    except RecipeError:  # it was made by other code or by hand
        return written


def environment(sources: Sources) -> dict[str, Any]:
    """Return Python, packages, plugins and hardware of the run, its sizes and times, and how to repeat it."""
    described = sources.environment()
    first = sources.tested[0].result if sources.tested else sources.result
    sizes = {key: first[key] for key in ("n_train", "n_features", "n_parameters", "epochs") if key in first}
    return {
        **{key: described[key] for key in ("python", "platform", "processor", "cpus", "threads", "device")
           if key in described},
        "packages": described.get("packages") or {},
        "plugins": described.get("plugins") or {},
        "sizes": sizes,
        "seconds": sources.result.get("seconds") or {},
        "command": _command(sources),
    }  # fmt: skip


def _command(sources: Sources) -> str:
    """The command that repeats the run from the resolved recipe in its folder."""
    resolved = shlex.quote(str(sources.folders[0] / run_folder.RESOLVED))
    if sources.kind == "cross-validation":
        return f"textforge cross-validate {resolved} --folds {sources.result['folds']}"
    if sources.kind == "seeds":
        return f"textforge run {resolved} --seeds {','.join(map(str, sources.result['seeds']))}"
    return f"textforge run {resolved}"
