"""A component: a named factory of one kind, imported on first use."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any

from textforge.components.api_version import api_mismatch
from textforge.components.columns import COLUMN_OPTION
from textforge.components.kinds import DEFAULT_GIVES, EVERY_FACT, Kind
from textforge.components.names import STANDARD, normalized, qualified
from textforge.components.options import Options, try_call
from textforge.components.requirements import missing_dependencies, missing_package
from textforge.errors import PluginError, did_you_mean, listed


@dataclass(frozen=True)
class Origin:
    """The installed distribution that provides a component."""

    distribution: str
    version: str

    def __str__(self) -> str:
        return f"{self.distribution} {self.version}".strip()


IN_CODE = Origin("this program", "")


@dataclass(frozen=True)
class FromHook:
    """A factory that an installed plugin's hook returns; the plugin is imported when the factory is used."""

    entry_point: str
    """Value of the entry point: `module`, or `module:object`."""
    hook: str
    name: str
    """Name of the component in what the hook returns."""

    def load(self) -> Callable[..., Any]:
        """Import the plugin, call its hook, and return the factory."""
        module_name, _, path = self.entry_point.partition(":")
        plugin: Any = importlib.import_module(module_name)
        for attribute in filter(None, path.split(".")):
            plugin = getattr(plugin, attribute)
        factory: Callable[..., Any] = getattr(plugin, self.hook)()[self.name]
        return factory


_READ: dict[tuple[str, str], tuple[Options, Any, Any]] = {}
"""Options by target and label, with the factory and the check that they were read from. Managers share them."""


@dataclass(frozen=True)
class Component:
    """A named factory of one kind. Its module is imported on the first access to `factory`."""

    kind: Kind
    name: str
    target: Callable[..., Any] | FromHook | str
    origin: Origin
    plugin: str = ""
    """Name of the entry point, or of the plugin registered in code, that provides it."""
    asked_as: str = field(default="", compare=False)
    """The qualified name by which a component registered in code was looked up; empty if by its short name."""

    @property
    def label(self) -> str:
        """Kind and name for messages: `model 'mlp'`."""
        return f"{self.kind.name} '{self.name}'"

    @property
    def qualified_name(self) -> str:
        """The name that no other distribution's component can have: `textforge-twin/mlp`."""
        return qualified(self.origin.distribution, self.name)

    @property
    def is_standard(self) -> bool:
        """Whether it ships with textforge."""
        return normalized(self.origin.distribution) == STANDARD

    @property
    def lasting_name(self) -> str:
        """The name to store in a recipe, which another plugin or a later textforge cannot take over.

        A standard part keeps its short name, whatever is installed. A part registered in code has no distribution, so
        it is stored as it was looked up. Any other part is stored by its qualified name.
        """
        if self.origin == IN_CODE:
            return self.asked_as or self.name
        return self.name if self.is_standard else self.qualified_name

    @cached_property
    def factory(self) -> Callable[..., Any]:
        """The factory, imported if it was given as a string or if its plugin was not imported yet.

        Raises:
            PluginError: the module cannot be imported, is for another plugin API, or has no such attribute, or the
                attribute is not callable.
        """
        if isinstance(self.target, FromHook):
            loaded: Callable[..., Any]
            loaded, failed = try_call(self.target.load)
            self._refuse(failed)
            return loaded
        if not isinstance(self.target, str):
            return self.target
        module_name, _, attribute = self.target.partition(":")
        module, failed = try_call(importlib.import_module, module_name)
        self._refuse(failed)
        if mismatch := api_mismatch(module, self.origin.distribution):
            raise PluginError(f"{self.label} from {self.origin}: {mismatch}")
        try:
            found = getattr(module, attribute)
        except AttributeError as error:
            raise PluginError(
                f"{self.label} from {self.origin}: module '{module_name}' has no '{attribute}'."
                f"{did_you_mean(attribute, vars(module))}"
            ) from error
        if not callable(found):
            raise PluginError(f"{self.label} from {self.origin}: '{self.target}' is not callable.")
        return found  # type: ignore[no-any-return]

    def _refuse(self, failed: BaseException | None) -> None:
        if failed:
            if missing := missing_package(failed):
                raise PluginError(f"{self.label} from {self.origin} {missing}") from failed
            advice = missing_dependencies(self.origin.distribution)
            raise PluginError(
                f"{self.label} from {self.origin} cannot be imported: {type(failed).__name__}: {failed}"
                f"{f'. {advice}' if advice else ''}"
            ) from failed

    @cached_property
    def options(self) -> Options:
        """The facts and options of the factory, read from its signature and validated.

        Raises:
            PluginError: the factory cannot be imported, or its signature breaks the contract.
        """
        options: Options
        options, failed = try_call(self._read_options)
        if isinstance(failed, PluginError):
            raise failed
        if failed:
            raise PluginError(
                f"{self.label} from {self.origin} cannot be read: {type(failed).__name__}: {failed}"
            ) from failed
        unknown = [fact for fact in options.facts if fact not in (*self.kind.facts, EVERY_FACT)]
        if unknown and self.kind.name != "model":
            raise PluginError(
                f"{self.label} from {self.origin} asks for the fact '{unknown[0]}'. Facts for "
                f"{self.kind.many}: {listed(self.kind.facts)}.{did_you_mean(unknown[0], self.kind.facts)}"
            )
        return options

    def _read_options(self) -> Options:
        named = not callable(self.target)
        key, source = (str(self.target), self.label), (self.factory, self.declared("check_options", None))
        if named and key in _READ:
            options, *before = _READ[key]
            if before[0] is source[0] and before[1] is source[1]:
                return options
        options = Options(self.factory, self.label, [COLUMN_OPTION] if self.kind.reads_texts else [])
        options.refuse_unusable_defaults()
        _ = self.gives, self.doc
        if named:
            _READ[key] = (options, *source)
        return options

    def __getstate__(self) -> dict[str, Any]:
        """The fields without cached values, so that a pickle holds only the component's name and target."""
        return {one.name: getattr(self, one.name) for one in fields(self)}

    @property
    def doc(self) -> str:
        """The first line of the factory's docstring."""
        return (str(self.factory.__doc__ or "").strip().splitlines() or [""])[0]

    def declared(self, attribute: str, default: Any) -> Any:
        """A factory attribute: either a value, or a function that takes the options and returns the value."""
        return getattr(self.factory, attribute, default)

    @property
    def fits_itself(self) -> bool:
        """Whether a model always trains itself in its own `fit`: its factory's attribute `fits_itself` is True."""
        return self.declared("fits_itself", False) is True

    @property
    def fits_chunks(self) -> bool:
        """Whether a vectorizer can be fitted chunk by chunk.

        Only a class can be inspected before it is called; any other factory is assumed to support it.
        """
        return not isinstance(self.factory, type) or callable(getattr(self.factory, "fit_chunks", None))

    @property
    def gives(self) -> tuple[str, ...]:
        """Facts that a vectorizer gives to models: its factory's attribute `gives`, by default `n_features`.

        Empty if `gives` is a function of the options; `Part.gives` calls it.

        Raises:
            PluginError: `gives` is not a tuple of names.
        """
        gives = self.declared("gives", DEFAULT_GIVES)
        return () if callable(gives) else self.names_of_facts(gives)

    def names_of_facts(self, gives: Any) -> tuple[str, ...]:
        """Validate a value of `gives` and return it as a tuple.

        Raises:
            PluginError: the value is not a tuple or list of names.
        """
        if not isinstance(gives, (tuple, list)) or not all(isinstance(fact, str) for fact in gives):
            raise PluginError(
                f"{self.label} from {self.origin}: its attribute 'gives' is {gives!r}; "
                'it must be a tuple of fact names, as in gives = ("n_features",).'
            )
        return tuple(gives)
