"""Every hook of textforge. A plugin implements those it needs, with `textforge.hookimpl`.

Each hook takes no argument and returns a dict of component name to its factory, or to a string
"package.module:attribute" that is imported only when a recipe uses the component. Factories:
positional-only parameters are facts, keyword-only parameters are the recipe's options.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pluggy

GROUP = "textforge"
"""The entry-point group in which plugins are found."""

PLUGIN_API = "1.0"
"""What plugins are written against: the hooks below, what factories may ask for and return, and the public names.

Within one first number nothing that docs/plugins.md promises is taken away or changes its meaning; the second
number grows where something is added. A plugin says in its module which it needs: `TEXTFORGE_API = "1.0"`.
"""

hookspec = pluggy.HookspecMarker(GROUP)
hookimpl = pluggy.HookimplMarker(GROUP)

Factories = Mapping[str, Callable[..., Any] | str]


@hookspec
def textforge_datasets() -> Factories:  # type: ignore[empty-body]
    """Datasets: a factory returns a `textforge.Dataset`."""


@hookspec
def textforge_vectorizers() -> Factories:  # type: ignore[empty-body]
    """Vectorizers: a factory returns an object with fit, transform, state and from_state."""


@hookspec
def textforge_models() -> Factories:  # type: ignore[empty-body]
    """Models: a factory returns a `torch.nn.Module`."""


@hookspec
def textforge_optimizers() -> Factories:  # type: ignore[empty-body]
    """Optimizers: a factory returns a `torch.optim.Optimizer`."""


@hookspec
def textforge_schedulers() -> Factories:  # type: ignore[empty-body]
    """Schedulers: a factory returns a `torch.optim.lr_scheduler.LRScheduler`."""


@hookspec
def textforge_losses() -> Factories:  # type: ignore[empty-body]
    """Losses: a factory returns a callable (logits, targets) -> mean loss."""


@hookspec
def textforge_metrics() -> Factories:  # type: ignore[empty-body]
    """Metrics: a factory returns a callable (gold, probabilities) -> float or None."""


@hookspec
def textforge_callbacks() -> Factories:  # type: ignore[empty-body]
    """Callbacks: a factory returns an object that follows a run: started, epoch_ended, finished, failed."""


@hookspec
def textforge_preprocessors() -> Factories:  # type: ignore[empty-body]
    """Preprocessors: a factory returns a callable that changes a text, (str) -> str."""


@hookspec
def textforge_commands() -> Factories:  # type: ignore[empty-body]
    """Commands of the command line: name to a `click.Command`, or to the string that names one."""
