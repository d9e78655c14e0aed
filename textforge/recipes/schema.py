"""Generate the JSON Schema of a recipe from the installed components, for completion and validation in editors."""

from __future__ import annotations

from typing import Any

from textforge.components.kinds import KINDS, SECTIONS
from textforge.components.manager import PluginManager
from textforge.components.options import Options
from textforge.components.settings import MAX_SEED, DecisionSettings, TrainerSettings
from textforge.errors import PluginError
from textforge.recipes.init_from import InitFrom


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
    fitting: list[str] = []
    for kind in KINDS:
        references, names = [], []
        for component in plugins.components(kind):
            key = f"{kind}.{component.name}"
            try:
                schema, inner = component.options.json_schema(key)
                doc = component.doc
            except PluginError:
                continue
            schema["properties"] = {"use": {"const": component.name, "description": doc}, **schema["properties"]}
            schema["required"] = ["use", *schema.get("required", [])]
            definitions |= {key: schema, **inner}
            references.append({"$ref": f"#/$defs/{key}"})
            names.append(component.name)
            if kind == "model" and component.declared("fits_itself", False):  # True, or a function of the options
                fitting.append(component.name)
        definitions[kind] = {"anyOf": [{"enum": names}, *references]}  # nested parts refer to it
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


def _named(names: list[str]) -> dict[str, Any]:
    """Schema of a section that uses one of these components."""
    return {"anyOf": [{"enum": names}, {"type": "object", "properties": {"use": {"enum": names}}, "required": ["use"]}]}
