"""Name the distribution to install, if a run was made with a part that is not installed any more."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from textforge.components.kinds import KINDS
from textforge.components.manager import PluginManager
from textforge.components.names import normalized
from textforge.components.requirements import is_installed, pip_install
from textforge.errors import BundleError
from textforge.runs import folder as run_folder


def refuse_uninstalled(run: Path, plugins: PluginManager, kinds: Sequence[str] = tuple(KINDS)) -> None:
    """Refuse to go on without a part of a run whose distribution is not installed.

    Nothing is refused if the run does not say where its parts came from.

    Args:
        run: a run folder.
        plugins: what is installed.
        kinds: the kinds of parts that are needed.

    Raises:
        BundleError: a part is not installed; the message names the distribution, its version, and what to run.
    """
    try:
        described = json.loads((run / run_folder.ENVIRONMENT).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return
    for what, part in _parts(described, kinds):
        name, distribution, version = (part.get(key) for key in ("use", "distribution", "version"))
        if not all(isinstance(one, str) and one for one in (name, distribution, version)):
            continue  # registered in code, or written by another program
        if is_installed(str(distribution)) or _offers(plugins, str(distribution)):
            continue
        raise BundleError(
            f"{run}: it was made with {what} '{name}' from {distribution} {version}, which is not installed. "
            f"Install it: {pip_install(f'{distribution}=={version}')}"
        )


def _parts(described: Any, kinds: Sequence[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The parts of these kinds that an environment describes, and the parts within them, with a word for each."""
    found = described if isinstance(described, dict) else {}
    single = found.get("plugins")
    for kind in kinds:
        several = found.get(KINDS[kind].many)
        waiting = [(kind, single.get(kind))] if isinstance(single, dict) else []
        waiting += [(kind, one) for one in several] if isinstance(several, list) else []
        while waiting:
            what, part = waiting.pop()
            if isinstance(part, dict):
                yield what, part
                within = part.get("parts")
                waiting += [(f"a part of its {kind},", one) for one in within] if isinstance(within, list) else []


def _offers(plugins: PluginManager, distribution: str) -> bool:
    """Whether parts of a distribution are registered, though it is not installed."""
    every = (component for kind in KINDS for component in plugins.components(kind))
    return any(normalized(one.origin.distribution) == normalized(distribution) for one in every)
