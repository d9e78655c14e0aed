"""Rules and checks: a check applies one rule of the contract to one component."""

from __future__ import annotations

import unittest
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from textforge.testing.subject import Subject


class ContractError(AssertionError):
    """A component breaks the contract. The message says what was found and what the author should do."""


class Skipped(unittest.SkipTest):
    """A check does not apply; the message says why. pytest and unittest count it as a skipped test."""


class SkippedAfterFailure(Skipped):
    """A check is skipped because another check, on which it depends, fails."""


@dataclass(frozen=True)
class Rule:
    """One requirement of the contract, for components of some kinds."""

    name: str
    """Readable name, as in `a-batch-equals-its-singles`."""
    doc: str
    """The requirement, in one line."""
    kinds: tuple[str, ...]
    """The kinds to which the rule applies; empty: all kinds."""
    function: Callable[[Subject], None]
    only_if_it_works: bool
    """Whether to skip the rule if the component fails at its ordinary work."""
    after: tuple[str, ...]
    """Names of other rules; if one of them is broken, this rule is skipped."""

    def is_for(self, kind: str) -> bool:
        return not self.kinds or kind in self.kinds


RULES: dict[str, list[Rule]] = {}
"""All rules, grouped by the module that defines them."""


def rule(
    *kinds: str, only_if_it_works: bool = True, after: tuple[str, ...] = ()
) -> Callable[[Callable[[Subject], None]], Callable[[Subject], None]]:
    """Register a function that raises ContractError or Skipped as a rule; its docstring becomes `Rule.doc`."""

    def stated(function: Callable[[Subject], None]) -> Callable[[Subject], None]:
        name = function.__name__.replace("_", "-")
        doc = " ".join((function.__doc__ or "").split())
        RULES.setdefault(function.__module__, []).append(Rule(name, doc, kinds, function, only_if_it_works, after))
        return function

    return stated


@dataclass(frozen=True, repr=False)
class Check:
    """One rule applied to one component. Call it; it returns None if the component follows the rule.

    Raises:
        ContractError: the component breaks the rule; the message says what was found and what to do.
        Skipped: the rule does not apply; the message says why.
    """

    rule: Rule
    subject: Subject

    @property
    def name(self) -> str:
        """Readable name, as in `a-batch-equals-its-singles`."""
        return self.rule.name

    @property
    def doc(self) -> str:
        """The requirement that the check tests, in one line."""
        return self.rule.doc

    def __call__(self) -> None:
        __tracebackhide__ = True  # pytest then shows the component's frames, not the kit's
        self.subject.check(self.rule)

    def __str__(self) -> str:
        return f"{self.subject.label}: {self.name}"

    def __repr__(self) -> str:
        return f"<Check {self}>"


@contextmanager
def as_contract_error(label: str, doing: str, advice: str, *refusals: type[Exception]) -> Iterator[None]:
    """Re-raise exceptions of the component as a ContractError with advice.

    ContractError, Skipped, and the exceptions in `refusals` pass through.

    Raises:
        ContractError: the component raised any other exception.
        Skipped: the component raised DataUnavailable.
    """
    from textforge.errors import DataUnavailable

    __tracebackhide__ = True
    try:
        yield
    except (ContractError, Skipped):
        raise
    except DataUnavailable as error:
        raise Skipped(f"the data is not available here: {error}") from error
    except Exception as error:
        if isinstance(error, refusals):
            raise
        raise ContractError(f"{label}: {raised(error)} {doing}. {advice}") from error


def raised(error: BaseException) -> str:
    """Describe an exception in one line, as in `it raised ValueError (…)`. A ComponentError is unwrapped first."""
    own: BaseException | Any = (
        error.__cause__ if type(error).__name__ == "ComponentError" and error.__cause__ else error
    )
    text = " ".join(str(own).split())
    return f"it raised {type(own).__name__}{f' ({text})' if text else ''}"
