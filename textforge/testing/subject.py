"""The component that is checked, with its options, and what was seen of it."""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
import types
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textforge.components.component import IN_CODE, Component
from textforge.components.kinds import COMMAND, KINDS
from textforge.components.manager import PluginManager
from textforge.components.nested import OptionMistake, OptionPath
from textforge.components.options import jsonable
from textforge.components.part import Part
from textforge.errors import RecipeError, TextforgeError, listed
from textforge.testing.checks import ContractError, Moot, Rule, Skipped, blamed
from textforge.testing.inner_parts import lookup, with_inner_parts

if TYPE_CHECKING:
    from textforge.testing.world import Seen

GivenOptions = Mapping[str, Any] | Callable[[Path], Mapping[str, Any]]
ALL_KINDS = {**KINDS, COMMAND.name: COMMAND}
IMPORT_BUDGET = 0.25
"""Seconds of processor time; numpy takes 0.1, torch 1 or more."""

EXERCISES: dict[str, Callable[[Subject], Mapping[str, Any]]] = {}
"""The ordinary work of a component of each kind; returns what it made, by name."""


def exercise(kind: str) -> Callable[[Callable[[Subject], Mapping[str, Any]]], Callable[[Subject], Mapping[str, Any]]]:
    """Make a function the ordinary work of a kind."""

    def known(function: Callable[[Subject], Mapping[str, Any]]) -> Callable[[Subject], Mapping[str, Any]]:
        EXERCISES[kind] = function
        return function

    return known


@dataclass
class Look:
    """What one go at the ordinary work came to."""

    seen: Seen
    digests: dict[str, str] = field(default_factory=dict)
    failed: Exception | None = None


class Subject:
    """A component under test. Rules look at it; nothing of it is imported or built before the first one does.

    Args:
        component: as a plugin offers it.
        options: as a recipe would set them; or a function that makes them, given an empty folder to put files into.
        vectorizer: for a model: a vectorizer part that gives the facts it asks for; else the kit looks for one.
        module: for an optimizer: what makes the module that it trains, of n_features and n_classes.
        import_budget: seconds of processor time.
    """

    def __init__(
        self,
        component: Component,
        options: GivenOptions | None = None,
        *,
        vectorizer: Part | None = None,
        module: Callable[[int, int], Any] | None = None,
        plugins: PluginManager | None = None,
        import_budget: float = IMPORT_BUDGET,
    ) -> None:
        self.component, self.import_budget = component, import_budget
        self.plugins = plugins
        self.given_vectorizer, self.given_module = vectorizer, module
        self.bench: Any = None
        """What the rules of a kind keep from one to the next: where a model is tried, for one."""
        self._given = options or {}
        self._outcomes: dict[str, Exception | None] = {}

    @property
    def kind(self) -> str:
        return self.component.kind.name

    @property
    def label(self) -> str:
        """`model 'mean-pool'`."""
        return self.component.label

    @cached_property
    def folder(self) -> Path:
        """An empty folder of its own, which goes with it."""
        folder = Path(tempfile.mkdtemp(prefix="textforge-testing-"))
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        return folder

    @cached_property
    def given_options(self) -> dict[str, Any]:
        """The options as they were given, where a function makes them as it made them."""
        if callable(self._given):
            (self.folder / "data").mkdir()
            return dict(self._given(self.folder / "data"))
        return dict(self._given)

    @cached_property
    def part(self) -> Part:
        """The component with its options checked.

        Raises:
            ContractError: they are refused, those that were not given included.
        """
        try:
            options = with_inner_parts(self.component, self.given_options)
            return Part(self.component, self.component.options.accepted(options, self._resolve))
        except RecipeError as error:
            raise ContractError(
                f"{error} Give every option a default, or give the checks what it needs: options={{…}}."
            ) from error
        except TextforgeError as error:
            raise ContractError(str(error)) from error

    def _resolve(self, kind: str, section: Any, place: OptionPath) -> tuple[Part | None, list[OptionMistake]]:
        return self.lookup.resolve(kind, section, place)

    @cached_property
    def lookup(self) -> PluginManager:
        """Where parts within the part are looked up: what is installed or given, and the kit's own."""
        return lookup(self.plugins)

    def build(self, **facts: Any) -> Any:
        """What the factory makes of the facts that it asks for.

        Raises:
            TextforgeError: as `Part.build`.
        """
        return self.part.build(facts)

    # -- what was seen -------------------------------------------------------------------------

    @cached_property
    def first(self) -> Look:
        """The ordinary work, done for the first time; its import included."""
        return self.look()

    @cached_property
    def again(self) -> Look:
        """The same once more, when all that it needs is imported: libraries change this and that at their import."""
        return self.look()

    def look(self) -> Look:
        """Do the ordinary work once more, and see what it does besides."""
        from textforge.testing.digests import digests
        from textforge.testing.world import watched

        _ = self.given_options  # what makes them is no part of the component
        with watched() as seen:
            look = Look(seen)
            try:
                with blamed(self.label, "while doing its ordinary work", "Mend that first; all else depends on it."):
                    look.digests = digests(EXERCISES[self.kind](self))
            except (ContractError, Skipped) as error:
                look.failed = error
        return look

    # -- rules ---------------------------------------------------------------------------------

    def hold_to(self, rule: Rule) -> None:
        """Hold the component to a rule, and remember what came of it.

        Raises:
            ContractError, Skipped: as `Check`.
        """
        from textforge.testing import rules_for

        __tracebackhide__ = True
        try:
            self._hold_to(rule)
        except (ContractError, Skipped) as error:
            self._outcomes[rule.name] = error
            raise
        self._outcomes[rule.name] = None
        if len(self._outcomes) == len(rules_for(self.kind)):
            self.bench = None  # all is known, and a test session may hold hundreds of subjects

    def _hold_to(self, rule: Rule) -> None:
        from textforge.testing import rules_for
        from textforge.testing.world import unnoticed

        __tracebackhide__ = True
        if rule.only_if_it_works and self.first.failed:
            fails = "is not used here" if isinstance(self.first.failed, Skipped) else "fails at its ordinary work"
            raise Moot(f"it {fails} (see 'is-built-and-used').")
        for other in rules_for(self.kind):
            if other.name in rule.after and isinstance(self.outcome(other), (ContractError, Moot)):
                raise Moot(f"it says nothing new while '{other.name}' fails.")
        with unnoticed(), blamed(self.label, f"where '{rule.name}' was checked", rule.doc):
            rule.function(self)

    def outcome(self, rule: Rule) -> Exception | None:
        """What came of a rule; holds the component to it if nobody has yet."""
        if rule.name not in self._outcomes:
            try:
                self.hold_to(rule)
            except (ContractError, Skipped) as error:
                return error
        return self._outcomes[rule.name]

    def breaks(self, found: str, advice: str) -> ContractError:
        """The error that says what was found and what to do."""
        return ContractError(f"{self.label}: {found} {advice}")

    # -- elsewhere -----------------------------------------------------------------------------

    def described(self) -> dict[str, Any]:
        """Plain values by which another process makes the same subject.

        Raises:
            Skipped: no other process could import it.
        """
        vectorizer = self.given_vectorizer
        return {
            **reference(self.component),
            "module": self.given_module and where(self.given_module),
            "options": jsonable(self.part.options) if self.kind in KINDS else {},
            "vectorizer": None
            if vectorizer is None
            else {**reference(vectorizer.component), "options": jsonable(vectorizer.options)},
        }

    @classmethod
    def from_description(cls, described: Mapping[str, Any]) -> Subject:
        """The subject that `described` tells of."""
        vectorizer = described["vectorizer"]
        part = None
        if vectorizer:
            component = referred(vectorizer)
            part = Part(component, component.options.accepted(vectorizer["options"], lookup(None).resolve))
        module = described["module"] and found_at(described["module"])
        return cls(referred(described), described["options"], vectorizer=part, module=module)


def reference(component: Component) -> dict[str, Any]:
    """Where a component is to be found, as plain values.

    Raises:
        Skipped: no other process could import it.
    """
    target = component.target if isinstance(component.target, str) else where(component.target)
    return {"kind": component.kind.name, "name": component.name, "target": target}


def referred(described: Mapping[str, Any]) -> Component:
    """The component that `reference` tells of."""
    return Component(ALL_KINDS[described["kind"]], described["name"], found_at(described["target"]), IN_CODE)


def where(target: Any) -> str:
    """An object as `module:name`.

    Raises:
        Skipped: no other process could import it.
    """
    module, name = getattr(target, "__module__", None), getattr(target, "__qualname__", "")
    if not name:  # an object, such as a click.Command: under what name does its module have it?
        module = getattr(getattr(target, "callback", None), "__module__", None)
        own = vars(sys.modules[module]) if module in sys.modules else {}
        name = next((key for key, value in own.items() if value is target), "")
    found: Any = sys.modules.get(module or "")
    for part in name.split("."):
        found = getattr(found, part, None)
    if found is not target or module == "__main__":
        raise Skipped("no other process could import it: define it at the top of a module, under its own name.")
    return f"{module}:{name}"


def found_at(reference: str) -> Any:
    """The object at `module:name`."""
    module, _, name = reference.partition(":")
    found: Any = import_module(module)
    for part in name.split("."):
        found = getattr(found, part)
    return found


def component_of(kind: str, given: Any, plugins: PluginManager | None) -> tuple[Component, dict[str, Any]]:
    """A component, and the options that come with it, from a factory, the name of one, or a part.

    Raises:
        ContractError: it is none of these, or of another kind.
        PluginError: no component has that name.
    """
    if kind not in ALL_KINDS:
        raise ContractError(f"there is no kind '{kind}'. Kinds: {listed(ALL_KINDS)}.")
    if isinstance(given, Part):
        if given.component.kind.name != kind:
            raise ContractError(f"{given.label} is no {kind}. Name its kind.")
        return given.component, given.options
    if isinstance(given, Component):
        return given, {}
    if isinstance(given, str) and ":" not in given:
        return (plugins or PluginManager()).component(kind, given), {}
    if not callable(given) and not isinstance(given, str):
        raise ContractError(
            f"a {type(given).__name__} is no {kind}: give a factory, the name of an installed {kind}, or a part."
        )
    if isinstance(given, str):
        name = given.partition(":")[2]
    elif kind == COMMAND.name:
        name = str(getattr(given, "name", None) or "command")
    else:
        name = getattr(given, "__name__", type(given).__name__)
    name = re.sub(r"\W+", "-", name.replace("_", "-")).strip("-") or kind
    return Component(ALL_KINDS[kind], name, given, IN_CODE), {}


def namespace(component: Component) -> Any:
    """A plugin that offers this one component."""
    from textforge.components.hookspecs import hookimpl

    def hook() -> dict[str, Any]:
        return {component.name: component.target}

    hook.__name__ = component.kind.hook
    return types.SimpleNamespace(**{hook.__name__: hookimpl(hook)})
