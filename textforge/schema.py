"""JSON Schema of a whole recipe, made from what is installed, for editors that complete and check."""

from __future__ import annotations

from typing import Any

from textforge.components import KINDS
from textforge.errors import PluginError
from textforge.options import Options
from textforge.plugins import PluginManager
from textforge.settings import MAX_SEED, TrainerSettings


def recipe_schema(plugins: PluginManager) -> dict[str, Any]:
    """JSON Schema (draft 2020-12). Components that cannot be used are left out.

    A recipe that extends another may leave sections out, and `use` in those it has.
    """
    definitions: dict[str, Any] = {}
    properties: dict[str, Any] = {
        "extends": {"type": "string", "description": "another recipe that this one is laid over"},
        "seed": {
            "type": "integer",
            "minimum": 0,
            "maximum": MAX_SEED,
            "default": 0,
            "description": "what every random draw follows from",
        },
    }
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
        partial = {"type": "object", "not": {"required": ["use"]}}
        properties[kind] = {"anyOf": [{"enum": names}, *references, partial]}
    trainer, inner = Options(TrainerSettings, "trainer").json_schema("trainer")
    definitions |= {"trainer": trainer, **inner}
    properties["trainer"] = {"anyOf": [{"$ref": "#/$defs/trainer"}, {"type": "null"}]}
    whole = {kind: {"anyOf": [{"type": "string"}, {"required": ["use"]}]} for kind in KINDS}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "textforge recipe",
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
        "if": {"not": {"required": ["extends"]}},
        "then": {"required": list(KINDS), "properties": whole},
        "$defs": definitions,
    }
