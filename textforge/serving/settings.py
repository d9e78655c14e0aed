"""Settings of an application."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from textforge.serving.limits import Limits

if TYPE_CHECKING:
    from textforge.serving.access_log import AccessLog


@dataclass(frozen=True)
class Settings:
    """How an application answers.

    Args:
        limits: what bounds its memory and time.
        api_key: a key that requests must give; None to answer everyone.
        cors: origins whose pages may read the answers, such as https://example.org; `*` for all.
        access_log: where to log requests; None for no log.
    """

    limits: Limits = field(default_factory=Limits)
    api_key: str | None = field(default=None, repr=False)
    cors: tuple[str, ...] = ()
    access_log: AccessLog | None = None
