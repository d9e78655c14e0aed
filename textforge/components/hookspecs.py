"""The hooks of textforge. A plugin implements the ones it needs and marks them with `textforge.hookimpl`.

A hook takes no arguments and returns a dict from component name to factory. A factory may also be given as a string
"package.module:attribute", which is imported only when a recipe uses the component. The positional-only parameters of
a factory are facts; its keyword-only parameters are options of the recipe.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pluggy

GROUP = "textforge"
"""Entry-point group of plugins."""

PLUGIN_API = "1.2"
"""Version of the plugin API: the hooks below, the facts and return types of factories, and the public names.

The major number grows when a promise of docs/plugins.md is removed or changes its meaning, the minor number when
something is added. A plugin module declares the version that it needs: `TEXTFORGE_API = "1.0"`.
"""

hookspec: pluggy.HookspecMarker = pluggy.HookspecMarker(GROUP)
hookimpl: pluggy.HookimplMarker = pluggy.HookimplMarker(GROUP)

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
    """Callbacks: a factory returns an object notified of a run's events: started, epoch_ended, finished, failed."""


@hookspec
def textforge_preprocessors() -> Factories:  # type: ignore[empty-body]
    """Preprocessors: a factory returns a callable that transforms a text, (str) -> str."""


@hookspec
def textforge_executors() -> Factories:  # type: ignore[empty-body]
    """Executors: a factory returns an iterator that carries out tasks on other machines and yields their results."""


@hookspec
def textforge_commands() -> Factories:  # type: ignore[empty-body]
    """Commands of the command line: a dict from name to a `click.Command`, or to a string that names one."""
