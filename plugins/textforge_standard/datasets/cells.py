"""Values of one table format as values of another."""

import base64
import json
import math
from typing import Any

from textforge_standard.datasets.columns import as_text


def cell(value: Any) -> str:
    """A value as text for a delimited file: lists and objects as JSON, a missing value as nothing."""
    if value is None:
        return ""
    if isinstance(value, (list, dict)):
        return json.dumps(value, ensure_ascii=False, default=plain)
    value = plain(value) if not isinstance(value, (str, bool, int, float)) else value
    return as_text(value) if isinstance(value, (str, bool)) else str(value)


def json_value(value: Any) -> Any:
    """A value that JSON can hold; NaN and infinite numbers, which it does not define, become null."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, list):
        return [json_value(one) for one in value]
    if isinstance(value, dict):
        return {name: json_value(one) for name, one in value.items()}
    return value if isinstance(value, (str, int, type(None))) else plain(value)


def plain(value: Any) -> str:
    """A date, time, decimal number or binary value as text (ISO 8601; Base64)."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
