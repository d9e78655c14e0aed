"""The component under test, with its options and the cached outcomes of its checks."""

from __future__ import annotations

import re
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textforge.components.component import IN_CODE, Component
from textforge.components.kinds import COMMAND, KINDS
from textforge.components.manager import PluginManager
from textforge.components.nested import OptionMistake, OptionPath
from textforge.components.options import jsonable
from textforge.components.part import Part
from textforge.errors import RecipeError, Scratch, TextforgeError, listed
from textforge.testing.checks import ContractError, Rule, Skipped, SkippedAfterFailure, as_contract_error
from textforge.testing.inner_parts import lookup, with_inner_parts
from textforge.testing.locations import (
    ALL_KINDS as ALL_KINDS,
    component_location,
    import_component,
    import_object,
    location,
)

if TYPE_CHECKING:
    from textforge.testing.world import SideEffects

GivenOptions = Mapping[str, Any] | Callable[[Path], Mapping[str, Any]]
IMPORT_BUDGET = 0.25
"""Default budget for an import, in seconds of wall time; numpy takes 0.1, torch 1 or more."""

EXERCISES: dict[str, Callable[[Subject], Mapping[str, Any]]] = {}
"""For each kind, the ordinary work of its components: a function that returns the results by name."""


def exercise(kind: str) -> Callable[[Callable[[Subject], Mapping[str, Any]]], Callable[[Subject], Mapping[str, Any]]]:
    """Register a function as the ordinary work of a kind."""

    def known(function: Callable[[Subject], Mapping[str, Any]]) -> Callable[[Subject], Mapping[str, Any]]:
        EXERCISES[kind] = function
        return function

    return known


@dataclass
class WorkResult:
    """Outcome of doing the ordinary work once."""

    side_effects: SideEffects
    digests: dict[str, str] = field(default_factory=dict)
    failed: Exception | None = None


class Subject:
    """A component under test. It is imported and built only when the first rule needs it.

    Args:
        component: the component, as a plugin offers it.
        options: options as in a recipe, or a function that takes an empty folder, may write files there, and returns
            the options.
        vectorizer: for a model: a vectorizer part that provides its facts. By default the kit looks for one.
        module: for an optimizer: a function (n_features, n_classes) that returns the module to train.
        plugins: the plugin manager that looks up names. Defaults to everything installed.
        import_budget: wall time, in seconds, that importing the component's module may take.
        texts: texts and labels to use in place of the kit's own.
        skip: checks to skip, with the reasons.
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
        texts: tuple[Sequence[str], Sequence[str]] | None = None,
        skip: Mapping[str, str] | None = None,
    ) -> None:
        self.component: Component = component
        self.import_budget: float = import_budget
        self.plugins: PluginManager | None = plugins
        self.given_vectorizer: Part | None = vectorizer
        self.given_module: Callable[[int, int], Any] | None = module
        self.bench: Any = None
        """A cache shared by the rules of a kind, for example the `Bench` of a model."""
        self.given_texts: tuple[list[str], list[str]] | None = texts and (list(texts[0]), list(texts[1]))
        self._skip: dict[str, str] = dict(skip or {})
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
        """A temporary folder, removed together with the subject."""
        self._scratch = Scratch()
        return self._scratch.path

    @cached_property
    def given_options(self) -> dict[str, Any]:
        """The given options. If they are a function, it is called once."""
        if callable(self._given):
            (self.folder / "data").mkdir()
            return dict(self._given(self.folder / "data"))
        return dict(self._given)

    @property
    def texts(self) -> tuple[list[str], list[str]]:
        """The training texts and their labels: those given, or the kit's own."""
        from textforge.testing import probes

        return self.given_texts or probes.labelled()

    @property
    def single_texts(self) -> list[str]:
        """A few texts to look at one by one, the fourth of which is empty."""
        from textforge.testing import probes

        if self.given_texts is None:
            return [*probes.SINGLE]
        few = self.given_texts[0][:4]
        return [*few[:3], "", *few[3:]]

    @cached_property
    def part(self) -> Part:
        """The component with its validated options.

        Raises:
            ContractError: an option is invalid, or a required one is missing.
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
        """The plugin manager that looks up inner parts: installed or given ones, and the kit's own."""
        return lookup(self.plugins)

    def build(self, **facts: Any) -> Any:
        """Call the factory with the facts that it asks for.

        Raises:
            TextforgeError: as `Part.build`.
        """
        return self.part.build(facts)

    # -- ordinary work -------------------------------------------------------------------------

    @cached_property
    def first(self) -> WorkResult:
        """The first pass through the ordinary work, including the import of the component."""
        return self.do_ordinary_work()

    @cached_property
    def again(self) -> WorkResult:
        """A second pass, after all imports: importing a library may itself change global settings."""
        return self.do_ordinary_work()

    def do_ordinary_work(self) -> WorkResult:
        """Do the ordinary work and record its side effects."""
        from textforge.testing.digests import digests
        from textforge.testing.world import recording_side_effects

        _ = self.given_options  # computed outside `recording_side_effects`: their function is not part of the component
        with recording_side_effects() as side_effects:
            result = WorkResult(side_effects)
            try:
                with as_contract_error(
                    self.label, "while doing its ordinary work", "Fix this first; other checks depend on it."
                ):
                    result.digests = digests(EXERCISES[self.kind](self))
            except (ContractError, Skipped) as error:
                result.failed = error
        return result

    # -- rules ---------------------------------------------------------------------------------

    def check(self, rule: Rule) -> None:
        """Check the component against a rule, and record the outcome.

        Raises:
            ContractError, Skipped: as `Check`.
        """
        from textforge.testing import rules_for

        __tracebackhide__ = True
        try:
            self._check(rule)
        except (ContractError, Skipped) as error:
            self._outcomes[rule.name] = error
            raise
        self._outcomes[rule.name] = None
        if len(self._outcomes) == len(rules_for(self.kind)):
            self.bench = None  # all outcomes are known; free the memory, as a session may have hundreds of subjects

    def _check(self, rule: Rule) -> None:
        from textforge.testing import rules_for
        from textforge.testing.world import hiding_side_effects

        __tracebackhide__ = True
        if rule.name in self._skip:
            raise Skipped(f"by request: {self._skip[rule.name]}")
        if rule.only_if_it_works and self.first.failed:
            fails = "is not used here" if isinstance(self.first.failed, Skipped) else "fails at its ordinary work"
            raise SkippedAfterFailure(f"it {fails} (see 'is-built-and-used').")
        for other in rules_for(self.kind):
            if other.name in rule.after and isinstance(self.outcome(other), (ContractError, SkippedAfterFailure)):
                raise SkippedAfterFailure(f"it adds nothing while '{other.name}' fails.")
        with hiding_side_effects(), as_contract_error(self.label, f"where '{rule.name}' was checked", rule.doc):
            rule.function(self)

    def outcome(self, rule: Rule) -> Exception | None:
        """The outcome of a rule. The rule is checked now if it has not been before."""
        if rule.name not in self._outcomes:
            try:
                self.check(rule)
            except (ContractError, Skipped) as error:
                return error
        return self._outcomes[rule.name]

    def breaks(self, found: str, advice: str) -> ContractError:
        """Create the error that says what was found and what to do."""
        return ContractError(f"{self.label}: {found} {advice}")

    # -- elsewhere -----------------------------------------------------------------------------

    def description(self) -> dict[str, Any]:
        """Describe the subject in plain values, from which another process can create it.

        Raises:
            Skipped: another process could not import it.
        """
        vectorizer = self.given_vectorizer
        return {
            **component_location(self.component),
            "module": self.given_module and location(self.given_module),
            "options": jsonable(self.part.options) if self.kind in KINDS else {},
            "texts": self.given_texts,
            "vectorizer": None
            if vectorizer is None
            else {**component_location(vectorizer.component), "options": jsonable(vectorizer.options)},
        }

    @classmethod
    def from_description(cls, described: Mapping[str, Any]) -> Subject:
        """Create the subject from the result of `description`."""
        vectorizer = described["vectorizer"]
        part = None
        if vectorizer:
            component = import_component(vectorizer)
            part = Part(component, component.options.accepted(vectorizer["options"], lookup(None).resolve))
        module = described["module"] and import_object(described["module"])
        options, texts = described["options"], described["texts"]
        return cls(import_component(described), options, vectorizer=part, module=module, texts=texts)


def component_of(kind: str, given: Any, plugins: PluginManager | None) -> tuple[Component, dict[str, Any]]:
    """A component and its options, from a factory, a name or a part.

    Raises:
        ContractError: the kind is unknown, or `given` is none of these or of another kind.
        PluginError: no component has that name.
    """
    if kind not in ALL_KINDS:
        raise ContractError(f"unknown kind '{kind}'. Kinds: {listed(ALL_KINDS)}.")
    if isinstance(given, Part):
        if given.component.kind.name != kind:
            raise ContractError(f"{given.label} cannot be used as {kind}. Name its kind.")
        return given.component, given.options
    if isinstance(given, Component):
        return given, {}
    if isinstance(given, str) and ":" not in given:
        return (plugins or PluginManager()).component(kind, given), {}
    if not callable(given) and not isinstance(given, str):
        raise ContractError(
            f"a {type(given).__name__} cannot be used as {kind}: give a factory, an installed name, or a part."
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
    """Create a plugin that offers only this component."""
    from textforge.components.hookspecs import hookimpl

    def hook() -> dict[str, Any]:
        return {component.name: component.target if isinstance(component.target, str) else component.factory}

    hook.__name__ = component.kind.hook
    return types.SimpleNamespace(**{hook.__name__: hookimpl(hook)})
