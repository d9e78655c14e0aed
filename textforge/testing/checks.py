"""What a check is: a rule, held against a component."""

from __future__ import annotations

import unittest
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from textforge.testing.subject import Subject


class ContractError(AssertionError):
    """A component breaks the contract; the message says what was found and what its author should do."""


class Skipped(unittest.SkipTest):
    """A check does not apply here; the message says why. pytest and unittest count it as a skipped test."""


class Moot(Skipped):
    """A check says nothing new, since another fails."""


@dataclass(frozen=True)
class Rule:
    """One thing that components of some kinds are held to."""

    name: str
    """Readable, as in `a-batch-equals-its-singles`."""
    doc: str
    """One line: what a component is held to."""
    kinds: tuple[str, ...]
    """Those that it is for; none: all."""
    function: Callable[[Subject], None]
    only_if_it_works: bool
    """Whether there is nothing to see in a component that fails at its ordinary work."""
    after: tuple[str, ...]
    """Rules without which this one says nothing new: it is skipped where one of them is broken."""

    def is_for(self, kind: str) -> bool:
        return not self.kinds or kind in self.kinds


RULES: dict[str, list[Rule]] = {}
"""Every rule by the module that states it."""


def rule(
    *kinds: str, only_if_it_works: bool = True, after: tuple[str, ...] = ()
) -> Callable[[Callable[[Subject], None]], Callable[[Subject], None]]:
    """Make a rule of a function that raises ContractError, or Skipped; its docstring is the rule's line."""

    def stated(function: Callable[[Subject], None]) -> Callable[[Subject], None]:
        name = function.__name__.replace("_", "-")
        doc = " ".join((function.__doc__ or "").split())
        RULES.setdefault(function.__module__, []).append(Rule(name, doc, kinds, function, only_if_it_works, after))
        return function

    return stated


@dataclass(frozen=True, repr=False)
class Check:
    """One rule for one component. Call it: it returns nothing where the rule is kept.

    Raises:
        ContractError: the rule is broken; what was found, and what to do.
        Skipped: the rule does not apply here, and why.
    """

    rule: Rule
    subject: Subject

    @property
    def name(self) -> str:
        """Readable, as in `a-batch-equals-its-singles`."""
        return self.rule.name

    @property
    def doc(self) -> str:
        """One line: what the check holds the component to."""
        return self.rule.doc

    def __call__(self) -> None:
        __tracebackhide__ = True  # pytest shows where a component fails, not how it was found
        self.subject.hold_to(self.rule)

    def __str__(self) -> str:
        return f"{self.subject.label}: {self.name}"

    def __repr__(self) -> str:
        return f"<Check {self}>"


@contextmanager
def blamed(label: str, doing: str, advice: str, *refusals: type[Exception]) -> Iterator[None]:
    """Whatever the component raises meanwhile is told as a broken contract, with what to do about it.

    Errors by which it may refuse what it cannot do pass.

    Raises:
        ContractError: something was raised that is neither a ContractError nor Skipped.
    """
    from textforge.errors import DataUnavailable

    __tracebackhide__ = True
    try:
        yield
    except (ContractError, Skipped):
        raise
    except DataUnavailable as error:
        raise Skipped(f"the data cannot be had here: {error}") from error
    except Exception as error:
        if isinstance(error, refusals):
            raise
        raise ContractError(f"{label}: {raised(error)} {doing}. {advice}") from error


def raised(error: BaseException) -> str:
    """`it raised ValueError: …`, in one line; what the core wrapped is named as it was."""
    own: BaseException | Any = (
        error.__cause__ if type(error).__name__ == "ComponentError" and error.__cause__ else error
    )
    text = " ".join(str(own).split())
    return f"it raised {type(own).__name__}{f' ({text})' if text else ''}"
