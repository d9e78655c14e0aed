"""What the body and the query of a request ask for, validated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from textforge.classifiers.streams.probabilities import MOST, as_limit
from textforge.data.given_rows import TEXT, nested_fields, row_of
from textforge.errors import DataError, RecipeError
from textforge.serving.http import JSON, LINES, HttpError, Request, refuse_unknown
from textforge.serving.models import Models, ServedModel, UnknownModel

QUERY = ("model", "probabilities")
EXPLAINED = 16
"""Most texts of a request for explanations."""


@dataclass(slots=True)
class Asked:
    """A request to `/predict` or `/explain`.

    Args:
        model: the model.
        texts: the texts, with their columns if the model reads some.
        limit: number of most probable labels to give; None for all.
        labels: the labels to explain; None for the default.
    """

    model: ServedModel
    texts: Sequence[str]
    limit: int | None = MOST
    labels: tuple[Any, ...] | None = None


def asked(body: bytes, query: Mapping[str, str], models: Models, known: Sequence[str]) -> Asked:
    """Validate the body of a request.

    Args:
        body: the body, JSON.
        query: the parameters of the query.
        models: the models of the server.
        known: the fields that the body may have.

    Raises:
        HttpError: 400, the body is not JSON; 404, there is no such model; 422, it is not as described.
    """
    fields = json_object(body)
    if fields.keys() == {TEXT} and not query:  # as most requests are
        model = found_model(models, None)
        return Asked(model, [text_of(fields[TEXT], model, "'text'")])
    for name in fields:
        refuse_unknown(name, known, "field")
    limit_of(query.get("probabilities"))  # checked even if the body has one
    given: dict[str, Any] = {**query, **{name: fields[name] for name in QUERY if fields.get(name) is not None}}
    wanted = given.get("model")
    if wanted is not None and not isinstance(wanted, str):
        raise HttpError(422, f"'model' must be a string, name or name@version, not {_described(wanted)}.")
    model = found_model(models, wanted)
    texts = _texts(fields, model)
    return Asked(model, texts, limit_of(given.get("probabilities")), _labels(fields.get("labels")))


def json_object(body: bytes) -> dict[str, Any]:
    """Parse a JSON object.

    Raises:
        HttpError: 400, it is not JSON; 422, it is not an object.
    """
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        if not body.strip():
            raise HttpError(400, 'the body is empty. Send JSON such as {"text": "…"}.') from None
        raise HttpError(400, f"the body is not JSON: {error}.") from None
    if not isinstance(found, dict):
        raise HttpError(422, f'the body must be an object such as {{"text": "…"}}, not {_described(found)}.')
    return found


def found_model(models: Models, name: str | None) -> ServedModel:
    """Look up a model.

    Raises:
        HttpError: 404, there is none; 503, there is none at all.
    """
    try:
        return models.find(name)
    except UnknownModel as error:
        raise HttpError(404 if len(models) else 503, str(error)) from None


def limit_of(probabilities: Any) -> int | None:
    """Return the number of most probable labels to give, or None for all.

    Raises:
        HttpError: 422, it is neither a number from 1 nor 'all'.
    """
    if probabilities is None:
        return MOST
    if isinstance(probabilities, float) and probabilities.is_integer():
        probabilities = int(probabilities)  # 1.0 is a whole number of JSON
    if isinstance(probabilities, float):
        raise HttpError(422, f"probabilities must be a whole number from 1 or 'all', not {probabilities!r}.")
    try:
        return as_limit(probabilities)
    except RecipeError as error:
        raise HttpError(422, str(error)[:200]) from None


def text_of(value: Any, model: ServedModel, place: str) -> str:
    """Return a text, with its columns if the model reads some.

    Args:
        value: the JSON value of the text.
        model: the model.
        place: what messages begin with.

    Raises:
        HttpError: 422, it is no text, lacks a column, or has a value that does not fit.
    """
    columns = model.classifier.columns
    if type(value) is str and not columns:
        return value
    fields = value if isinstance(value, dict) else {TEXT: value}
    text = fields.get(TEXT)
    if not isinstance(text, str):
        lacks = "is an object without a string as 'text'" if isinstance(value, dict) else f"is {_described(value)}"
        raise HttpError(422, f"{place} {lacks}. Give a string, or an object with a string as 'text'.")
    if not columns:
        return text
    try:
        return row_of({**fields, **nested_fields(fields, columns)}, columns, place, text)
    except DataError as error:
        raise HttpError(422, str(error)) from None


def body_format(request: Request) -> str:
    """Return the media type of a request's body, JSON or LINES.

    Raises:
        HttpError: 415, it is another one, or the body is compressed.
    """
    kind, _, parameters = request.header(b"content-type").partition(";")
    kind = kind.strip().lower()
    if kind in (JSON, "") and not parameters:
        found = JSON
    elif kind in (JSON, LINES):
        charset = dict(_parameter(one) for one in parameters.split(";")).get("charset", "utf-8")
        if charset.lower() not in ("utf-8", "utf8"):
            raise HttpError(415, f"the body must be UTF-8, not {charset[:40]}.")
        found = kind
    elif kind.endswith(("jsonl", "jsonlines", "ndjson")):
        raise HttpError(415, f"lines of JSON have the content-type {LINES}, not {kind[:80]}.")
    else:
        raise HttpError(
            415, f"the body must be JSON: send it with content-type: {JSON}, or {LINES} for lines, not {kind[:80]}."
        )
    encoding = request.header(b"content-encoding").lower()
    if encoding not in ("", "identity"):
        raise HttpError(415, f"the body is compressed by {encoding[:40]}. Send it uncompressed.")
    return found


def _texts(fields: Mapping[str, Any], model: ServedModel) -> list[str]:
    if (TEXT in fields) == ("texts" in fields):
        has = "both" if TEXT in fields else "neither"
        raise HttpError(422, f"""the body must have "text", one text, or "texts", a list of texts; it has {has}.""")
    if TEXT in fields:
        return [text_of(fields[TEXT], model, "'text'")]
    if not isinstance(fields["texts"], list):
        raise HttpError(422, f"'texts' must be a list, not {_described(fields['texts'])}.")
    if not model.classifier.columns and {*map(type, fields["texts"])} == {str}:
        return fields["texts"]
    return [text_of(one, model, f"the text at index {n}") for n, one in enumerate(fields["texts"])]


def _labels(labels: Any) -> tuple[Any, ...] | None:
    if labels is None:
        return None
    if not isinstance(labels, list) or not labels or not all(isinstance(one, (str, int)) for one in labels):
        raise HttpError(422, f"'labels' must be a list of one or more labels, not {_described(labels)}.")
    return tuple(labels)


def _parameter(written: str) -> tuple[str, str]:
    name, _, value = written.partition("=")
    return name.strip().lower(), value.strip().strip('"')


def _described(value: Any) -> str:
    """The JSON type of a value, with its article."""
    kinds = {dict: "an object", list: "a list", str: "a string", type(None): "null", bool: "true or false"}
    return kinds.get(type(value), "a number")
