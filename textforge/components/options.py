"""Read a factory's contract from its signature: facts, and options with types, defaults and documentation.

Positional-only parameters are *facts*: the framework supplies them by name. Keyword-only parameters
are *options*: the recipe supplies them; pydantic validates them and generates their JSON Schema.
"""

from __future__ import annotations

import copy
import dataclasses
import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any, TypeVar

from textforge.components.annotations import annotation_text, documented
from textforge.components.nested import (
    SLOT,
    AnyPart,
    OptionMistake,
    OptionPath,
    Resolver,
    holds_parts,
    part_places,
    schema_with_references,
    sections,
    value_at,
    with_value,
)
from textforge.components.option_errors import dotted, option_errors
from textforge.errors import Mistake, PluginError, RecipeError, cut

T = TypeVar("T")
REQUIRED = inspect.Parameter.empty
RESERVED = "use"
"""Key of every section that names its component; no option can have this name."""


@dataclass(frozen=True)
class Option:
    """One keyword-only parameter of a factory."""

    name: str
    annotation: Any
    default: Any
    doc: str

    @property
    def required(self) -> bool:
        return self.default is REQUIRED

    @property
    def type_text(self) -> str:
        """The annotation as shown to users: `float > 0`, `list[int >= 1]`, `'sum' | 'mean'`."""
        return annotation_text(self.annotation)


class Options:
    """The facts and options of a factory.

    Args:
        factory: the factory.
        label: its kind and name, for messages.
        added: options that the framework adds, unless the factory has one of the same name. The factory never
            receives them, and they have no value unless one is given.

    Raises:
        PluginError: the signature breaks the contract; the message names the parameter and the rule.
    """

    def __init__(self, factory: Callable[..., Any], label: str, added: Sequence[Option] = ()) -> None:
        self.label = label
        self._check_options = getattr(factory, "check_options", None)
        parameters = _parameters(factory, label)
        docs = documented(inspect.getdoc(factory) or "")
        made = _factory_defaults(factory)
        self.facts: tuple[str, ...] = ()
        self.fact_defaults: dict[str, Any] = {}
        self.fields: dict[str, Option] = {}
        for name, parameter in parameters.items():
            if parameter.kind is parameter.POSITIONAL_ONLY:
                self.facts += (name,)
                if parameter.default is not REQUIRED:
                    self.fact_defaults[name] = parameter.default
            elif parameter.kind is parameter.KEYWORD_ONLY:
                _refuse_unusable(label, parameter)
                default = made.get(name, parameter.default)
                self.fields[name] = Option(name, parameter.annotation, default, docs.get(name, ""))
            else:
                raise PluginError(
                    f"{label}: parameter '{parameter}' is neither a fact (positional-only, before '/') "
                    "nor an option (keyword-only, after '*'). Put a '/' after the facts and a '*' before "
                    "the options."
                )
        self.added: frozenset[str] = frozenset(option.name for option in added if option.name not in self.fields)
        self.fields |= {option.name: option for option in added if option.name in self.added}

    def __getstate__(self) -> dict[str, Any]:
        """The state without the validator, whose type pickle could not import."""
        return {name: value for name, value in vars(self).items() if name != "_adapter"}

    @cached_property
    def _adapter(self) -> Any:
        from typing import NotRequired

        from pydantic import ConfigDict, TypeAdapter
        from typing_extensions import TypedDict

        fields = {
            option.name: option.annotation if option.required else NotRequired[option.annotation]
            for option in self.fields.values()
        }
        # A TypedDict rather than a model, so that options may be named `copy`, `schema` or `model_x`.
        shape = TypedDict("Options", fields)  # type: ignore[misc]
        shape.__pydantic_config__ = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)  # type: ignore[attr-defined]
        try:
            return TypeAdapter(shape)
        except Exception as error:
            raise PluginError(
                f"{self.label}: its options have a type that cannot be read from a recipe: {error}"
            ) from error

    def check(
        self, values: Mapping[str, Any], parts: Resolver | None = None
    ) -> tuple[dict[str, Any], list[OptionMistake]]:
        """Validate options, fill in defaults, and collect every mistake.

        Values are converted as from JSON: a list may become a tuple and text a `Path`, but text never
        becomes a number and 1.5 never an integer. If each option is valid by itself, the factory's
        `check_options`, if it has one, validates their combination.

        Args:
            values: option name to value.
            parts: resolves options that are parts; required if the factory has such options.

        Returns:
            The validated options (empty if there are mistakes), and the mistakes with their paths.
        """
        filled, mistakes = self.check_each(values, parts)
        if mistakes or not (wrong := self.contradiction(filled)):
            return filled, mistakes
        return {}, [((), f"{self.label}: {wrong}")]

    def accepted(self, values: Mapping[str, Any], parts: Resolver | None = None) -> dict[str, Any]:
        """Validate options and fill in defaults.

        Raises:
            RecipeError: an option is wrong; holds every mistake.
        """
        if not isinstance(values, Mapping):
            raise RecipeError(f"{self.label} must be a mapping of options to values, not a {type(values).__name__}.")
        checked, mistakes = self.check(values, parts)
        if mistakes:
            raise RecipeError([wrong if isinstance(wrong, Mistake) else Mistake(wrong) for _, wrong in mistakes])
        return checked

    def check_each(
        self, values: Mapping[str, Any], parts: Resolver | None = None
    ) -> tuple[dict[str, Any], list[OptionMistake]]:
        """Validate each option by itself, as `check` does, but not their combination."""
        from pydantic import ValidationError

        values, resolved, wrong = self._resolve_parts(dict(values), parts)
        try:
            data = json.dumps(values, default=_to_json, ensure_ascii=False).encode()
        except (TypeError, ValueError, RecursionError) as error:
            return {}, [
                *wrong,
                ((), f"{self.label}: {cut(str(error), 200)}; options are numbers, text, lists and mappings."),
            ]
        try:
            checked = self._adapter.validate_json(data, strict=True, extra="forbid", context=resolved)
        except ValidationError as error:
            return {}, [*wrong, *option_errors(self.label, self.fields, values, error.errors(include_url=False))]
        if wrong:
            return {}, wrong
        checked = {name: value for name, value in checked.items() if value is not None or name not in self.added}
        filled = {**self.defaults(), **checked}
        return {name: filled[name] for name in self.fields if name in filled}, []

    def _resolve_parts(
        self, values: dict[str, Any], resolve: Resolver | None
    ) -> tuple[dict[str, Any], list[AnyPart | None], list[OptionMistake]]:
        """Resolve the parts in option values.

        Returns:
            The values with a placeholder for each part, the parts by placeholder number, and the mistakes.
        """
        resolved: list[AnyPart | None] = []
        wrong: list[OptionMistake] = []
        for name, annotation in self.part_options.items():
            if name not in values and not self.fields[name].required:
                values[name] = copy.deepcopy(self.fields[name].default)
            for place, kind in list(part_places(annotation, values.get(name), (name,)) if name in values else ()):
                if resolve is None:
                    raise PluginError(f"{self.label}: resolving the part at {dotted(place)} needs a PluginManager.")
                part, mistakes = resolve(kind, value_at(values, place), place)
                wrong += mistakes
                values = with_value(values, place, {SLOT: len(resolved)})
                resolved.append(part)
        return values, resolved, wrong

    @cached_property
    def part_options(self) -> dict[str, Any]:
        """Options that are parts or contain parts, with their annotations."""
        return {name: field.annotation for name, field in self.fields.items() if holds_parts(field.annotation)}

    def contradiction(self, filled: dict[str, Any]) -> str | None:
        """The message of the factory's `check_options` about options that contradict each other, or None."""
        if self._check_options is None:
            return None
        own = copy.deepcopy(self.own(filled))  # the plugin may modify its argument
        wrong, failed = try_call(partial(self._check_options, **own))
        if failed:
            return f"its check_options failed: {type(failed).__name__}: {failed}."
        if wrong is None or isinstance(wrong, str):
            return wrong
        return f"its check_options returned a {type(wrong).__name__}, neither None nor a sentence."

    def defaults(self) -> dict[str, Any]:
        """A copy of the default of every option that has one, so that callers never share a mutable value."""
        fields = self.own(self.fields)
        return {name: copy.deepcopy(o.default) for name, o in fields.items() if not o.required}

    def own(self, options: Mapping[str, T]) -> dict[str, T]:
        """The options that the factory takes, without those that the framework adds."""
        return {name: value for name, value in options.items() if name not in self.added}

    def refuse_unusable_defaults(self) -> None:
        """Validate the defaults themselves: resolved.yaml writes them out, so a recipe must be able to state them.

        Raises:
            PluginError: a default does not have the option's type, or is infinite; names the option.
        """
        for name, option in self.fields.items():
            if option.required:
                continue
            try:
                written = jsonable({name: option.default})
            except ValueError as error:
                raise PluginError(f"{self.label}: the default of '{name}' cannot be written: {error}") from error
            # Not `check`: a rule such as "give path or url" rejects the defaults together.
            _, mistakes = self.check_each(written, _section_of_any_kind)
            for path, message in mistakes:
                if path[:1] in ((name,), ()):
                    raise PluginError(
                        f"{message} That is its own default: correct the default, or the type {option.type_text}."
                    )

    def json_schema(self, prefix: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """JSON Schema of the options, and the schemas of the types they refer to (`#/$defs/<prefix>.…`).

        Raises:
            PluginError: an option has a type that JSON Schema cannot express.
        """
        from pydantic.errors import PydanticInvalidForJsonSchema
        from pydantic_core import to_jsonable_python

        try:
            schema = schema_with_references(self._adapter.json_schema(ref_template=f"#/$defs/{prefix}.{{model}}"))
        except PydanticInvalidForJsonSchema as error:
            reason = error.message
            raise PluginError(f"{self.label}: its options have a type without JSON Schema: {reason}") from error
        definitions = {f"{prefix}.{name}": value for name, value in schema.pop("$defs", {}).items()}
        properties: dict[str, Any] = schema.get("properties", {})
        for name, option in self.fields.items():
            properties[name].pop("title", None)
            if option.doc:
                properties[name].setdefault("description", option.doc)
            if not option.required:
                properties[name]["default"] = to_jsonable_python(option.default)
        schema.pop("title", None)
        schema["properties"] = properties
        schema["additionalProperties"] = False
        return schema, definitions


def try_call(call: Callable[..., Any], *arguments: Any) -> tuple[Any, BaseException | None]:
    """Call plugin code and return its result and None, or None and the exception it raised.

    Only `KeyboardInterrupt` propagates. `except Exception` would not suffice: Rust panics and `sys.exit` raise a
    `BaseException`.
    """
    try:
        return call(*arguments), None
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return None, error


def jsonable(values: Mapping[str, Any]) -> dict[str, Any]:
    """Convert validated options to the values of a recipe: numbers, text, lists and mappings."""
    from pydantic_core import to_jsonable_python

    return {name: to_jsonable_python(sections(value)) for name, value in values.items()}


def _section_of_any_kind(kind: str, section: Any, place: OptionPath) -> tuple[AnyPart | None, list[OptionMistake]]:
    """Accept any default with the form of a section: the plugin it names may not be loaded yet."""
    if isinstance(section, str) or (isinstance(section, Mapping) and isinstance(section.get(RESERVED), str)):
        return AnyPart(), []
    return None, [(place, f"{place[0]} must be the name of a {kind}, or a mapping with 'use'.")]


def _parameters(factory: Callable[..., Any], label: str) -> Mapping[str, inspect.Parameter]:
    try:
        return inspect.signature(factory, eval_str=True).parameters
    except Exception as error:  # annotations are code: evaluating them can raise anything
        raise PluginError(f"{label}: its signature cannot be read: {type(error).__name__}: {error}") from error


def _factory_defaults(factory: Callable[..., Any]) -> dict[str, Any]:
    """Call the `default_factory` of a dataclass's fields; the signature does not show these defaults."""
    if not dataclasses.is_dataclass(factory):
        return {}
    made = ((field.name, field.default_factory) for field in dataclasses.fields(factory))
    return {name: make() for name, make in made if make is not dataclasses.MISSING}


def _refuse_unusable(label: str, parameter: inspect.Parameter) -> None:
    if parameter.name == RESERVED:
        raise PluginError(f"{label}: an option cannot be named 'use', which is the recipe's own key. Rename it.")
    if parameter.annotation is REQUIRED:
        raise PluginError(
            f"{label}: option '{parameter.name}' has no type. Annotate it, as in '{parameter.name}: float = 0.1'."
        )


def _to_json(value: Any) -> Any:
    """Convert a value that the json module cannot write.

    Raises:
        TypeError: the value is no path, number or array.
    """
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "tolist"):  # numpy's numbers and arrays
        return value.tolist()
    raise TypeError(f"{value!r} is a {type(value).__name__}")
