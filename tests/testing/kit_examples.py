"""What the tests of the contract kit share: a deliberately broken component, and what must be said of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from textforge.testing import ContractError, Skipped, checks


@dataclass(frozen=True)
class Broken:
    """A component that breaks one rule, and words of the message: what was found, and what to do."""

    kind: str
    rule: str
    component: Any
    says: tuple[str, ...]
    more: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        name = self.component if isinstance(self.component, str) else getattr(self.component, "__name__", self.kind)
        return f"{self.rule}-{name.rpartition(':')[2]}"


def failures(kind: str, component: Any, **more: Any) -> dict[str, str]:
    """The checks that fail, and their messages."""
    failed = {}
    for check in checks(kind, component, **more):
        try:
            check()
        except Skipped:
            pass
        except ContractError as error:
            failed[check.name] = str(error)
    return failed


def skipped(kind: str, component: Any, **more: Any) -> dict[str, str]:
    """The checks that do not apply, and why; none fails."""
    reasons = {}
    for check in checks(kind, component, **more):
        try:
            check()
        except Skipped as reason:
            reasons[check.name] = str(reason)
    return reasons


def holds(broken: Broken) -> None:
    """The example fails its check alone, with a sentence about what to do."""
    failed = failures(broken.kind, broken.component, **broken.more)
    assert set(failed) == {broken.rule}, failed
    message = failed[broken.rule]
    for words in broken.says:
        assert words in message, message
    assert "\n" not in message
    assert message.endswith((".", "?", "'", '"'))
