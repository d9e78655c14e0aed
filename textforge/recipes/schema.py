"""Generate the JSON Schema of a recipe from the installed components, for completion and validation in editors."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from textforge.components.component import Component
from textforge.components.kinds import KINDS, SECTIONS
from textforge.components.manager import PluginManager
from textforge.components.options import Options
from textforge.components.settings import MAX_SEED, DecisionSettings, TrainerSettings
from textforge.errors import PluginError
from textforge.recipes.init_from import InitFrom
from textforge.recipes.tune_values import TUNED


def recipe_schema(plugins: PluginManager) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a recipe, without unusable components.

    A recipe with `extends` may omit sections, and may omit `use` inside its sections.
    """
    definitions: dict[str, Any] = {}
    properties: dict[str, Any] = {
        "extends": {"type": "string", "description": "path of another recipe; this one overrides it key by key"},
        "seed": {
            "type": "integer",
            "minimum": 0,
            "maximum": MAX_SEED,
            "default": 0,
            "description": "seed of every random draw",
        },
    }
    schema, definitions_of_start = Options(InitFrom, "init_from").json_schema("init_from")
    definitions |= {"init_from": schema, **definitions_of_start}
    properties["init_from"] = {"anyOf": [{"$ref": "#/$defs/init_from"}, {"type": "string"}, {"type": "null"}]}
    fitting: dict[str, Component] = {}
    for kind in KINDS:
        references: list[dict[str, str]] = []
        usable: dict[str, Component] = {}
        for name, component in plugins.named(kind).items():
            key = f"{kind}.{name}".replace("/", ":")  # '/' would separate the steps of a reference
            try:
                schema, inner = component.options.json_schema(key)
                doc = component.doc
            except PluginError:
                continue
            schema["properties"] = {"use": {"description": doc, **_names({name: component})}, **schema["properties"]}
            schema["required"] = ["use", *schema.get("required", [])]
            definitions |= {key: schema, **inner}
            references.append({"$ref": f"#/$defs/{key}"})
            usable[name] = component
            if kind == "model" and component.declared("fits_itself", False):  # True, or a function of the options
                fitting[name] = component
        definitions[kind] = {"anyOf": [_names(usable), *references]}  # nested parts refer to it
        one: dict[str, Any] = {"anyOf": [{"$ref": f"#/$defs/{kind}"}]}
        if KINDS[kind].inner:
            continue
        if KINDS[kind].listed:
            properties[KINDS[kind].many] = {"anyOf": [{"type": "array", "items": one}, {"type": "null"}]}
            continue
        one["anyOf"].append({"type": "object", "not": {"required": ["use"]}})
        if KINDS[kind].optional:
            one["anyOf"].append({"type": "null"})
        properties[kind] = one
    for name, settings in (("trainer", TrainerSettings), ("decision", DecisionSettings)):
        schema, inner = Options(settings, name).json_schema(name)
        definitions |= {name: schema, **inner}
        properties[name] = {"anyOf": [{"$ref": f"#/$defs/{name}"}, {"type": "null"}]}
    definitions["tune"] = tune_schema()
    properties["tune"] = {"anyOf": [{"$ref": "#/$defs/tune"}, {"type": "null"}]}
    required = [kind for kind in SECTIONS if not KINDS[kind].optional]
    given = [{"type": "string"}, {"required": ["use"]}]
    whole = {kind: {"anyOf": [*given, {"type": "null"}] if KINDS[kind].optional else given} for kind in SECTIONS}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "textforge recipe",
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
        "if": {"not": {"required": ["extends"]}},
        "then": {
            "required": required,
            "properties": whole,
            "anyOf": [
                {"required": ["optimizer"], "properties": {"optimizer": {"not": {"type": "null"}}}},
                {"properties": {"model": _named(fitting)}},
            ],
        },
        "$defs": definitions,
    }


def tune_schema() -> dict[str, Any]:
    """Schema of the `tune:` section: dotted keys to lists of values or to ranges."""
    number = {"type": "number"}
    ends = {
        "low": {**number, "description": "lowest value"},
        "high": {**number, "description": "highest value"},
        "log": {"type": "boolean", "default": False, "description": "draw the logarithm of the value uniformly"},
    }
    one = {"type": "object", "properties": ends, "required": ["low", "high"], "additionalProperties": False}
    parts = [name for name in TUNED if name in SECTIONS]
    settings = [name for name in TUNED if name not in SECTIONS]
    keys = f"^(?:(?:{'|'.join(parts)})|(?:{'|'.join(TUNED)})(?:\\.[^.]+)+)$"
    return {
        "type": "object",
        "description": "what textforge tune searches: the key of an option, as in model.hidden.0, to its values. "
        f"A part, and any key of {', '.join(settings)}, can be tuned.",
        "propertyNames": {"pattern": keys},
        "additionalProperties": {"anyOf": [{"type": "array", "minItems": 1}, one]},
    }


def _names(found: Mapping[str, Component]) -> dict[str, Any]:
    """Schema of the names of components. Editors complete the keys; the other names are valid."""
    others = [component.qualified_name for name, component in found.items() if name != component.qualified_name]
    own = {"enum": [*found]} if len(found) != 1 else {"const": next(iter(found))}
    pattern = f"^(?:{'|'.join(map(re.escape, others))})$" if others else ""
    return {"anyOf": [own, {"type": "string", "pattern": pattern}]} if pattern else own


def _named(found: Mapping[str, Component]) -> dict[str, Any]:
    """Schema of a section that uses one of these components."""
    names = _names(found)
    return {"anyOf": [names, {"type": "object", "properties": {"use": names}, "required": ["use"]}]}
