"""The contract of docs/serving.md as OpenAPI 3.1."""

from __future__ import annotations

from importlib import metadata
from typing import Any

from textforge.serving.asked import EXPLAINED
from textforge.serving.http import JSON, LINES
from textforge.serving.limits import Limits
from textforge.serving.predict_table import MOST_SHOWN

BINARY = {"type": "string", "format": "binary"}
STRING, NUMBER, OBJECT = {"type": "string"}, {"type": "number"}, {"type": "object"}
LABEL = {"type": ["string", "integer", "boolean"]}
TABLE_PARAMETERS = {
    "filename": "Name of the file; its suffix names the format.",
    "format": "Format of the table, if the suffix does not name it.",
    "write": "Format of the answered table; by default its own.",
    "prefix": "Begin the names of the added columns so.",
    "separator": "Separator of the columns.",
    "encoding": "Encoding of the table.",
    "sheet": "Sheet of a workbook.",
}
ERRORS = {
    400: "The body is not JSON in UTF-8.",
    401: "The API key is missing or wrong.",
    404: "There is no such model or label.",
    405: "The path does not take this method.",
    406: "Accept excludes what the path gives.",
    408: "The body came too slowly.",
    413: "The body, or a text to explain, is too large.",
    415: "The body is not of a type that the path takes.",
    422: "The body or the query is not as described.",
    500: "The classifier failed.",
    503: "Too much waits, the computation takes too long, or the server is stopping.",
}
READING, POSTING = (401, 405, 422, 500), (400, 401, 404, 405, 406, 408, 413, 415, 422, 500, 503)


def described(limits: Limits, *, key: bool) -> dict[str, Any]:
    """Return the description.

    Args:
        limits: the limits of the server.
        key: whether requests must give an API key.
    """
    probabilities = {"oneOf": [{"type": "integer", "minimum": 1, "maximum": 999_999_999}, {"const": "all"}],
                     "default": 20}  # fmt: skip
    asked = {"text": _ref("Text"), "texts": {"type": "array", "items": _ref("Text")}, "model": STRING}
    model = _parameter("model", "A model, as name or name@version; by default the first.", STRING)
    above_0 = {"type": "integer", "minimum": 1}
    shown = {**above_0, "maximum": MOST_SHOWN}
    by_query = [model, _parameter("probabilities", "Give the probabilities of so many labels.", probabilities)]
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "textforge",
            "version": metadata.version("textforge"),
            "description": "Text classifiers over HTTP.",
        },
        **({"security": [{"bearer": []}, {"header": []}]} if key else {}),
        "paths": {
            "/predict": {
                "post": _operation(
                    "Predict the labels of a text, of several, or of lines.", POSTING, parameters=by_query,
                    body={
                        JSON: _ref("Asked"),
                        LINES: {"type": "string", "description": "A text on each line: a JSON string, or an object."},
                    },
                    answers={
                        JSON: _ref("Predictions"),
                        LINES: {"type": "string", "description": "A prediction, or an error, on each line."},
                    },
                )
            },
            "/predict/table": {
                "post": _operation(
                    "Answer a table, which comes back with columns added.",
                    (401, 404, 405, 408, 413, 422, 500, 503),
                    parameters=[
                        model,
                        *(_parameter(name, what, STRING) for name, what in TABLE_PARAMETERS.items()),
                        _parameter("text", "A column of texts; several are joined.", _items(STRING)),
                        _parameter("top", "Add so many of the most probable labels.", above_0),
                        _parameter("preview", "Answer the first rows alone, as JSON.", shown),
                    ],
                    body={"application/octet-stream": BINARY},
                    answers={"*/*": BINARY, LINES: {"type": "string", "description": "An event on each line."}},
                )
            },
            "/explain": {
                "post": _operation(
                    f"Show what words gave to classes; a text has at most {limits.explain_characters:,} characters.",
                    POSTING, parameters=[model],
                    body={JSON: _ref("ToExplain")}, answers={JSON: _ref("Explanations")},
                )
            },
            "/models": _get("List the models.", {JSON: _ref("Models")}),
            "/card": {
                "get": _operation(
                    "Give the card of a model.", (401, 404, 405, 406, 422, 500, 503), parameters=[model],
                    answers={"text/markdown": STRING},
                )
            },
            "/metrics": _get("Give figures for Prometheus.", {"text/plain": STRING}),
            "/healthz": _get("Say that the process runs.", {JSON: _ref("Status")}, open_to_all=True),
            "/readyz": _get("Say whether requests are taken.", {JSON: _ref("Status")}, 503, open_to_all=True),
            "/openapi.json": _get("Give this description.", {JSON: OBJECT}, open_to_all=True),
        },
        "components": {
            "schemas": {
                "Text": {
                    "description": "A text; an object if the classifier reads columns.",
                    "oneOf": [STRING, _object({"text": STRING}, ["text"])],
                },
                "Asked": _asked({**asked, "probabilities": probabilities}),
                "ToExplain": _asked({
                    **asked,
                    "texts": {"type": "array", "items": _ref("Text"), "maxItems": EXPLAINED},
                    "labels": {"type": "array", "items": LABEL, "minItems": 1},
                }),
                "Prediction": _object(
                    {
                        "label": {"type": ["string", "integer", "boolean", "null"]},
                        "labels": {"type": "array", "items": LABEL},
                        "probabilities": {"type": "object", "additionalProperties": NUMBER},
                    },
                    ["probabilities"],
                ),
                "Predictions": _answered("predictions", _ref("Prediction")),
                "Explanation": _object(
                    {
                        "text": STRING,
                        "predicted": {"type": ["string", "integer", "boolean", "null", "array"]},
                        "method": STRING,
                        "gap": NUMBER,
                        "classes": _list({"label": LABEL, **dict.fromkeys(
                            ("probability", "bias", "rest", "score"), NUMBER)}),
                        "words": _list({"word": STRING, "start": {"type": "integer"}, "end": {"type": "integer"},
                                        "contributions": {"type": "array", "items": NUMBER}}),
                        "features": _list({"text": STRING, "count": {"type": "integer"},
                                           "contributions": {"type": "array", "items": NUMBER}}),
                    },
                    ["text", "predicted", "method", "gap", "classes", "words", "features"],
                ),
                "Explanations": _answered("explanations", _ref("Explanation")),
                "Models": _object(
                    {"default": {"type": ["string", "null"]}, "models": {"type": "array", "items": _ref("Model")}},
                    ["default", "models"],
                ),
                "Model": _object(
                    {
                        "name": STRING, "version": STRING, "labels": {"type": "array", "items": LABEL},
                        "multi_label": {"type": "boolean"}, "columns": OBJECT, "vectorizer": STRING, "model": STRING,
                        "engine": STRING, "abstain": {"type": ["number", "null"]}, "loaded": STRING,
                        "run": {"type": ["object", "null"]}, "card": {"type": ["string", "null"]},
                    },
                    ["name", "version", "labels", "multi_label", "columns", "engine"],
                ),
                "Status": _object({"status": STRING}, ["status"]),
                "Error": _object(
                    {"error": _object({"status": {"type": "integer"}, "message": STRING}, ["status", "message"])},
                    ["error"],
                ),
            },
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
            },
        },
    }  # fmt: skip


def _operation(
    summary: str,
    errors: tuple[int, ...],
    *,
    answers: dict[str, Any],
    parameters: list[dict[str, Any]] | None = None,
    body: dict[str, Any] | None = None,
) -> dict[str, Any]:
    operation: dict[str, Any] = {"summary": summary, "parameters": parameters or []}
    if body is not None:
        operation["requestBody"] = {"required": True, "content": _content(body)}
    failures = {str(status): {"description": ERRORS[status], "content": _content({JSON: _ref("Error")})}
                for status in errors}  # fmt: skip
    operation["responses"] = {"200": {"description": "The answer.", "content": _content(answers)}, **failures}
    return operation


def _get(summary: str, answers: dict[str, Any], *errors: int, open_to_all: bool = False) -> dict[str, Any]:
    operation = _operation(summary, (*READING, *errors), answers=answers)
    if open_to_all:
        operation["security"] = []
    return {"get": operation}


def _asked(fields: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": fields,
        "additionalProperties": False,
        "oneOf": [{"required": ["text"]}, {"required": ["texts"]}],
    }


def _answered(name: str, item: dict[str, Any]) -> dict[str, Any]:
    fields = {"model": STRING, "version": STRING, name: {"type": "array", "items": item}}
    return _object(fields, [*fields])


def _object(fields: dict[str, Any], required: list[str]) -> dict[str, Any]:
    return {"type": "object", "properties": fields, "required": required}


def _list(fields: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": _object(fields, [*fields])}


def _items(item: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": item}


def _content(types: dict[str, Any]) -> dict[str, Any]:
    return {name: {"schema": schema} for name, schema in types.items()}


def _parameter(name: str, what: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "description": what, "schema": schema}


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}
