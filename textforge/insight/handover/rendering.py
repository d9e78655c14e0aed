"""Render Markdown by a template in which every value is escaped, so that a label or a name cannot become markup."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import jinja2

from textforge.data.labels import label_name
from textforge.errors import shown

TEMPLATES = Path(__file__).with_name("templates")
LABEL = 80
"""Number of characters of a label that are shown."""


class Markdown(str):
    """Text that is Markdown already."""


def render(template: str, **values: Any) -> str:
    """Return the Markdown of a template of this folder, without two empty lines in a row."""
    text = _environment().get_template(template).render(values)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def escape(value: Any) -> str:
    """Escape a value for one line of Markdown outside of code, also in the cell of a table.

    Hidden characters are escaped as everywhere (`shown`). An underscore within a word stays, since it means nothing.
    """
    if isinstance(value, Markdown):
        return value
    text = shown(str(value)).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    text = re.sub(r"[\\`*{}\[\]#|~!$]|(?<!\w)_|_(?!\w)|:(?=//)", r"\\\g<0>", text)
    return re.sub(r"(?i)\bwww\.", lambda at: at[0][:-1] + "\\.", text)


def fenced(text: str, language: str = "") -> Markdown:
    """A block of code, whose fence is longer than any run of backticks in it."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return Markdown(f"{fence}{language}\n{text.rstrip()}\n{fence}")


def yours(name: str, title: str, gap: str) -> Markdown:
    """A section that is the card's author's to fill in, between the two comments that `kept_sections` looks for."""
    return Markdown(
        f"## {title}\n\n<!-- yours: {name} -->\n> *To be filled in by the author:* {gap}\n<!-- end: {name} -->\n"
    )


def label(value: Any) -> str:
    """The name of a label, shortened."""
    name = label_name(value)
    return name if len(name) <= LABEL else name[: LABEL - 1] + "…"


def figure(value: float | None, digits: int = 3) -> str:
    """A metric to three digits."""
    return "undefined" if value is None else f"{value:.{digits}f}"


def percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def count(value: float) -> str:
    """A number of texts, or a sum of weights."""
    return f"{value:,.10g}"


def metric(name: str) -> str:
    return name.replace("_f1", " F1").replace("_", " ")


def without_example(sentence: str) -> str:
    """A finding without the words that it quotes from texts."""
    return re.sub(r":? such as .*", ".", sentence, flags=re.DOTALL)


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), undefined=jinja2.StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, finalize=escape, autoescape=False,  # noqa: S701  (`escape` is the escaping)
    )  # fmt: skip
    environment.filters |= {"label": label, "figure": figure, "share": percent, "count": count, "metric": metric,
                            "fenced": fenced, "without_example": without_example}  # fmt: skip
    environment.globals["yours"] = yours
    return environment
