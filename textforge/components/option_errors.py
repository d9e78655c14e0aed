"""Translate pydantic's validation errors into messages for recipe authors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from textforge.errors import LONGEST_NAME, SHOWN, cut, did_you_mean, listed

Path = tuple[str | int, ...]

_EXPECTED = {
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "string_type": "text",
    "path_type": "a path",
    "list_type": "a list",
    "tuple_type": "a list",
    "set_type": "a list",
    "frozen_set_type": "a list",
    "dict_type": "a mapping",
    "mapping_type": "a mapping",
    "model_type": "a mapping",
    "dataclass_type": "a mapping",
    "none_required": "null",
    "greater_than": "a number greater than {gt}",
    "greater_than_equal": "a number of at least {ge}",
    "less_than": "a number less than {lt}",
    "less_than_equal": "a number of at most {le}",
    "too_short": "a list of at least {min_length}",
    "too_long": "a list of at most {max_length}",
    "string_too_short": "text of at least {min_length} characters",
    "string_too_long": "text of at most {max_length} characters",
    "literal_error": "{expected}",
    "enum": "{expected}",
    "part_type": "the name of a part or a mapping with 'use'",
}


def option_errors(
    label: str, options: Iterable[str], values: Mapping[str, Any], errors: Sequence[Mapping[str, Any]]
) -> list[tuple[Path, str]]:
    """One error message per wrong value, with the path of the value in `values`."""
    grouped: dict[Path, list[Mapping[str, Any]]] = {}
    for error in errors:
        path = _path(error["loc"], values, missing=error["type"] == "missing")
        grouped.setdefault(path, []).append(error)
    # A union reports one error per member type; keep the errors about the innermost value.
    outer = {path[:n] for path in grouped for n in range(len(path))}
    paths = [path for path in grouped if path not in outer]
    return [
        (path, _sentence(label, list(options), _Wrong(path, values, grouped[path]), suggest=number < SHOWN))
        for number, path in enumerate(paths)
    ]


def unknown_option(label: str, name: str, options: Iterable[str], *, suggest: bool = True) -> str:
    """The error message for an unknown option; `suggest` adds the nearest known name."""
    meant = did_you_mean(name, options) if suggest else ""
    return f"{label}: unknown option '{cut(name)}'. Its options: {listed(options)}.{meant}"


def found(value: Any) -> str:
    """Describe a value for an error message."""
    if value is None:
        return "nothing (null)"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f"the text '{cut(value)}'"
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, (list, tuple)):
        return f"a list of {len(value)}" if value else "an empty list"
    return cut(str(value))


def _path(location: Sequence[str | int], values: Any, *, missing: bool) -> Path:
    """The path of pydantic's location, without the tags that pydantic adds for union members."""
    path: Path = ()
    for number, step in enumerate(location):
        last_and_missing = missing and number == len(location) - 1
        if (isinstance(values, Mapping) and step in values) or (
            isinstance(values, (list, tuple)) and isinstance(step, int) and step < len(values)
        ):
            values = values[step]  # type: ignore[index]
        elif not last_and_missing:
            continue
        path += (step,)
    return path


@dataclass(frozen=True)
class _Wrong:
    """A wrong value: its path in the options, and what pydantic says of it."""

    path: Path
    values: Mapping[str, Any]
    errors: list[Mapping[str, Any]]

    @property
    def kinds(self) -> set[str]:
        return {error["type"] for error in self.errors}

    @property
    def value(self) -> Any:
        value: Any = self.values
        for step in self.path:
            value = value[step]
        return value


def _sentence(label: str, options: list[str], wrong: _Wrong, *, suggest: bool) -> str:
    kinds, path = wrong.kinds, wrong.path
    if "extra_forbidden" in kinds and len(path) == 1:
        return unknown_option(label, str(path[0]), options, suggest=suggest)
    if "missing" in kinds and isinstance(path[-1], int):
        return f"{label}: {dotted(path[:-1])} has too few items: {dotted(path)} is missing."
    if "missing" in kinds:
        return f"{label}: the option '{dotted(path)}' is missing; it has no default."
    if kinds & {"extra_forbidden", "unexpected_keyword_argument"}:
        return f"{label}: unknown key '{dotted(path)}'."
    expected = " or ".join(dict.fromkeys(_expectation(error) for error in wrong.errors))
    advice = _advice(wrong) if suggest else ""
    return f"{label}: {dotted(path)} must be {expected}, not {found(wrong.value)}.{advice}"


def _expectation(error: Mapping[str, Any]) -> str:
    template = _EXPECTED.get(error["type"])
    if template is None:
        message = str(error["msg"]).removeprefix("Value error, ")
        return f"valid ({message[:1].lower()}{message[1:]})"
    limits = {name: _short_limit(value) for name, value in error.get("ctx", {}).items()}
    return template.format(**limits)


def _short_limit(limit: Any) -> Any:
    """Show `0.0` as `0`: pydantic converts the limits of a float to floats."""
    return int(limit) if isinstance(limit, float) and limit.is_integer() else limit


def _advice(wrong: _Wrong) -> str:
    kinds, value = wrong.kinds, wrong.value
    if isinstance(value, str):
        if "bool_type" in kinds and value.lower() in ("yes", "on", "y", "no", "off", "n"):
            return f" Write {'true' if value.lower() in ('yes', 'on', 'y') else 'false'}."
        choices = [c.strip(" '") for e in wrong.errors if e["type"] == "literal_error"
                   for c in str(e["ctx"]["expected"]).replace(" or ", ",").split(",")]  # fmt: skip
        if choices:
            return did_you_mean(value, choices)
        if kinds & {"int_type", "float_type"} and _is_number(value):
            return " Write it without quotes."
        if "list_type" in kinds or "tuple_type" in kinds:
            return f" Write [{value}]." if len(value) <= LONGEST_NAME else ""
    elif kinds == {"string_type"} and isinstance(value, (int, float)):
        return f" Put it in quotes: '{found(value)}'."
    elif "list_type" in kinds and isinstance(value, (int, float)):
        return f" Write [{found(value)}]."
    return ""


def _is_number(text: str) -> bool:
    try:
        float(text.replace("_", "?"))  # Python would accept 1_000, YAML 1.2 does not
    except ValueError:
        return False
    return True


def dotted(path: Path) -> str:
    """Write a path as text: `("hidden", 0)` becomes `hidden[0]`."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{cut(step)}" for step in path).lstrip(".")
