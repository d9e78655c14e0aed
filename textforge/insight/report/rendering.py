"""Render a page as one HTML file that needs nothing else: no request leaves it, and it works from disk.

Jinja2 escapes every value. The page's policy (CSP) forbids requests, and any script but its own by the script's hash,
so a hostile label or text could not act even if it were not escaped.
"""

from __future__ import annotations

import base64
import hashlib
import math
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import jinja2

from textforge.data.labels import label_name
from textforge.errors import shown, shown_lines
from textforge.insight.report.reasons import Piece, cut_pieces

TEMPLATES = Path(__file__).with_name("templates")
LABEL = 60
"""Number of characters of a label that are shown."""
OPEN = 300
"""Number of characters of a text that is shown without opening it."""


def render(template: str, **values: Any) -> str:
    """Return the HTML of a template that extends `layout.html`, with the style sheet and the script inlined.

    Args:
        template: the file name of the template.
        values: the values that it shows; `found` has `warnings`.
    """
    script, style = ((TEMPLATES / name).read_text(encoding="utf-8") for name in ("page.js", "page.css"))
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return _environment().get_template(template).render(script=script, style=style, script_hash=digest, **values)


@cache
def _environment() -> jinja2.Environment:
    """The compiled templates, which escape every value."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True, undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters |= {"label": _label, "labels": _labels, "text": shown_lines, "figure": _figure,
                            "metric": _metric, "share": _percent, "floored": _floored}  # fmt: skip
    return environment


def excerpt(text: str, pieces: Sequence[Piece] | None = None) -> dict[str, Any]:
    """The beginning of a text in marked pieces, and all of it if it is longer or has several lines."""
    whole = pieces or [(text, 0.0)]
    return {"short": [*cut_pieces(whole, OPEN)], "whole": whole if len(text) > OPEN or "\n" in text.strip() else None}


def _label(value: Any) -> str:
    """The name of a label, shortened."""
    name = shown(label_name(value))
    return name if len(name) <= LABEL else name[: LABEL - 1] + "…"


def _labels(value: Any) -> str:
    """The names of one label or of a list of labels."""
    return ", ".join(map(_label, value)) or "none" if isinstance(value, list) else _label(value)


def _figure(value: float | None, digits: int = 4) -> str:
    """A metric; a count or a sum of weights if it is above 1."""
    return "undefined" if value is None else f"{value:.{digits}f}"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _floored(threshold: float) -> str:
    """A threshold rounded down to six digits, so that an answer of just this probability reaches it."""
    return (
        f"{math.floor(threshold * 1e6) / 1e6:g}" if threshold < 0.9999 else f"{math.floor(threshold * 1e9) / 1e9:.9g}"
    )


def _metric(name: str) -> str:
    return shown(name.replace("_f1", " F1").replace("_", " "))
