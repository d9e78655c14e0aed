"""A factory's signature read as its contract: facts, options with types, defaults and documentation.

Positional-only parameters are *facts*: the framework gives them by name. Keyword-only parameters
are *options*: the recipe gives them; pydantic checks them and makes their JSON Schema.
"""

from __future__ import annotations

import copy
import dataclasses
import inspect
import json
import re
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from textforge.components.nested import (
    SLOT,
    AnyPart,
    OptionMistake,
    OptionPath,
    PartOf,
    Resolver,
    holds_parts,
    part_places,
    schema_with_references,
    sections,
    value_at,
    with_value,
)
from textforge.components.option_errors import dotted, option_errors
from textforge.errors import Mistake, PluginError, RecipeError, cut, did_you_mean, listed

REQUIRED = inspect.Parameter.empty
RESERVED = "use"
"""The recipe's own key in every section: no option can have this name."""


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
        """The annotation for a reader: `float > 0`, `list[int >= 1]`, `'sum' | 'mean'`."""
        return annotation_text(self.annotation)


class Options:
    """What a factory takes.

    Raises:
        PluginError: the signature breaks the contract; the message says which parameter and how.
    """

    def __init__(self, factory: Callable[..., Any], label: str) -> None:
        self.label = label
        self._fit = getattr(factory, "check_options", None)
        parameters = _parameters(factory, label)
        docs = documented(inspect.getdoc(factory) or "")
        made = _made_defaults(factory)
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

    def __getstate__(self) -> dict[str, Any]:
        """Without the validator, whose type nobody could import."""
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
        # A TypedDict, not a model: an option may be called `copy`, `schema` or `model_x`.
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
        """The checked options, defaults filled in, and every mistake with its place.

        Values are read as JSON would be: a list may become a tuple, text a `Path`; text never
        becomes a number and 1.5 never a whole one. Options that are valid one by one go to the
        factory's `check_options`, where it has one, which says how they do not fit each other.

        Args:
            values: option to value.
            parts: resolves options that are parts; needed where the factory has such options.
        """
        filled, mistakes = self.check_each(values, parts)
        if mistakes or not (wrong := self.contradiction(filled)):
            return filled, mistakes
        return {}, [((), f"{self.label}: {wrong}")]

    def accepted(self, values: Mapping[str, Any], parts: Resolver | None = None) -> dict[str, Any]:
        """The checked options, defaults filled in.

        Raises:
            RecipeError: with every mistake.
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
        """As `check`, each option by itself."""
        from pydantic import ValidationError

        values, resolved, wrong = self._resolve_parts(dict(values), parts)
        try:
            data = json.dumps(values, default=_plain, ensure_ascii=False).encode()
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
        filled = {**self.defaults(), **checked}
        return {name: filled[name] for name in self.fields if name in filled}, []

    def _resolve_parts(
        self, values: dict[str, Any], resolve: Resolver | None
    ) -> tuple[dict[str, Any], list[AnyPart | None], list[OptionMistake]]:
        """The values with a placeholder for each part, the parts in the order of their placeholders, and mistakes."""
        resolved: list[AnyPart | None] = []
        wrong: list[OptionMistake] = []
        for name, annotation in self.part_options.items():
            if name not in values and not self.fields[name].required:
                values[name] = copy.deepcopy(self.fields[name].default)
            for place, kind in list(part_places(annotation, values.get(name), (name,)) if name in values else ()):
                if resolve is None:
                    raise PluginError(f"{self.label}: the part at {dotted(place)} needs a PluginManager to be found.")
                part, mistakes = resolve(kind, value_at(values, place), place)
                wrong += mistakes
                values = with_value(values, place, {SLOT: len(resolved)})
                resolved.append(part)
        return values, resolved, wrong

    @cached_property
    def part_options(self) -> dict[str, Any]:
        """The options that are parts or hold parts, each with its annotation."""
        return {name: field.annotation for name, field in self.fields.items() if holds_parts(field.annotation)}

    def contradiction(self, filled: dict[str, Any]) -> str | None:
        """How options that are valid one by one do not fit each other, in the factory's own words."""
        if self._fit is None:
            return None
        own = copy.deepcopy(filled)  # should it change them
        wrong, failed = try_call(partial(self._fit, **own))
        if failed:
            return f"its check_options failed: {type(failed).__name__}: {failed}."
        if wrong is None or isinstance(wrong, str):
            return wrong
        return f"its check_options returned a {type(wrong).__name__}, neither None nor a sentence."

    def defaults(self) -> dict[str, Any]:
        """Every option that has a default, with a copy of it: no two uses share a list."""
        return {name: copy.deepcopy(o.default) for name, o in self.fields.items() if not o.required}

    def refuse_unusable_defaults(self) -> None:
        """A default that a recipe cannot state would make resolved.yaml unreadable.

        Raises:
            PluginError: such as None where the type is int, or infinity; names the option.
        """
        for name, option in self.fields.items():
            if option.required:
                continue
            try:
                written = jsonable({name: option.default})
            except ValueError as error:
                raise PluginError(f"{self.label}: the default of '{name}' cannot be written: {error}") from error
            _, mistakes = self.check_each(
                written, _section_of_any_kind
            )  # one by one: "give path or url" refuses that both are left out
            for path, message in mistakes:
                if path[:1] in ((name,), ()):
                    raise PluginError(f"{message} That is its own default: mend it, or its type {option.type_text}.")

    def json_schema(self, prefix: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """JSON Schema of the options, and of the types they refer to (under `#/$defs/<prefix>.…`).

        Raises:
            PluginError: an option has a type that JSON Schema cannot tell.
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
    """What another's code gives, or what it raised; only an interrupt by the user passes.

    Not `except Exception`: a panic in a Rust extension is a BaseException, and so is sys.exit.
    """
    try:
        return call(*arguments), None
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return None, error


def jsonable(values: Mapping[str, Any]) -> dict[str, Any]:
    """Checked options as a recipe would write them: plain numbers, text, lists, mappings."""
    from pydantic_core import to_jsonable_python

    return {name: to_jsonable_python(sections(value)) for name, value in values.items()}


def call_with_facts(factory: Callable[..., Any], facts: Mapping[str, Any]) -> Any:
    """Call `factory` with the facts that its positional parameters ask for by name.

    Used for plain functions given in code, so ordinary parameters without a default count as facts.

    Raises:
        PluginError: it asks for a fact that is not among `facts`.
    """
    arguments: list[Any] = []
    by_name: dict[str, Any] = {}
    for name, parameter in inspect.signature(factory).parameters.items():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD, parameter.KEYWORD_ONLY):
            continue
        if name in facts:
            if parameter.kind is parameter.POSITIONAL_ONLY:
                arguments.append(facts[name])
            else:
                by_name[name] = facts[name]
        elif parameter.default is not REQUIRED:
            if parameter.kind is parameter.POSITIONAL_ONLY:
                arguments.append(parameter.default)
        else:
            shown = getattr(factory, "__name__", repr(factory))
            raise PluginError(
                f"'{shown}' asks for '{name}', which is not known here. "
                f"Known: {listed(facts)}.{did_you_mean(name, facts)}"
            )
    return factory(*arguments, **by_name)


def documented(docstring: str) -> dict[str, str]:
    """Name to its line of documentation, from the docstring's `Options:` (or `Args:`) section."""
    section = re.search(r"^(?:Options|Args):\n((?:[ \t]+.*\n?|\n)+)", docstring, re.MULTILINE)
    if not section:
        return {}
    lines = inspect.cleandoc("\n" + section[1]).splitlines()
    docs: dict[str, str] = {}
    name = ""
    for line in lines:
        if entry := re.match(r"(\w+):\s*(.*)", line):
            name = entry[1]
            docs[name] = entry[2].strip()
        elif name and line.strip():
            docs[name] = f"{docs[name]} {line.strip()}".strip()
    return docs


def annotation_text(annotation: Any) -> str:
    """A type annotation in a reader's words, with its range."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        if kinds := [mark.kind for mark in arguments[1:] if isinstance(mark, PartOf)]:
            return kinds[0]
        ranges = ", ".join(filter(None, map(_range_text, arguments[1:])))
        return f"{annotation_text(arguments[0])} {ranges}".rstrip()
    if origin is typing.Literal:
        return " | ".join(repr(value) for value in arguments)
    if origin in (typing.Union, types.UnionType):
        return " | ".join("null" if a is type(None) else annotation_text(a) for a in arguments)
    if origin is not None:
        inner = ", ".join("..." if a is ... else annotation_text(a) for a in arguments)
        return f"{getattr(origin, '__name__', origin)}[{inner}]"
    return "path" if annotation is Path else getattr(annotation, "__name__", str(annotation))


def _range_text(constraint: Any) -> str:
    symbols = {"gt": ">", "ge": ">=", "lt": "<", "le": "<=", "min_length": "length >=", "max_length": "length <="}
    inner = getattr(constraint, "metadata", None)  # pydantic's Field holds a list of constraints
    parts = [_range_text(part) for part in inner] if inner else []
    parts += [f"{symbol} {getattr(constraint, name)}" for name, symbol in symbols.items()
              if not inner and getattr(constraint, name, None) is not None]  # fmt: skip
    return ", ".join(filter(None, parts))


def _section_of_any_kind(kind: str, section: Any, place: OptionPath) -> tuple[AnyPart | None, list[OptionMistake]]:
    """Accepts a default that is written as a section, before any plugin can be asked for it."""
    if isinstance(section, str) or (isinstance(section, Mapping) and isinstance(section.get(RESERVED), str)):
        return AnyPart(), []
    return None, [(place, f"{place[0]} must be the name of a {kind}, or a mapping with 'use'.")]


def _parameters(factory: Callable[..., Any], label: str) -> Mapping[str, inspect.Parameter]:
    try:
        return inspect.signature(factory, eval_str=True).parameters
    except Exception as error:  # annotations are code: evaluating them can raise anything
        raise PluginError(f"{label}: its signature cannot be read: {type(error).__name__}: {error}") from error


def _made_defaults(factory: Callable[..., Any]) -> dict[str, Any]:
    """Defaults of a dataclass's fields that a `default_factory` makes; its signature hides them."""
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


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "tolist"):  # numpy's numbers and arrays
        return value.tolist()
    raise TypeError(f"{value!r} is a {type(value).__name__}")
