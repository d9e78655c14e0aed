"""The page of a report: one file without requests, in which hostile labels and texts stay text."""

from __future__ import annotations

import base64
import copy
import hashlib
import json
import random
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st
from run_folders import written_run

import textforge
from textforge.insight.report.charts import Chart, bounds, round_values
from textforge.insight.report.page import TABLE, page

HOSTILE = [
    "<script>alert(1)</script>",
    "\"><img src=http://evil.test/x onerror='alert(2)'>",
    "a\u202eb</title></style>{{ 7 * 7 }}",
    "</script><!--" + "x" * 300,
]


class Tags(HTMLParser):
    """Collects the tags of a page, with their attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page of a run whose labels and texts are code."""
    folder = tmp_path_factory.mktemp("hostile")
    rng = random.Random(0)
    gold = HOSTILE * 5
    predicted = [label if rng.random() < 0.5 else rng.choice(HOSTILE) for label in gold]
    texts = [f"{label} {n} </p></details><script>alert({n})</script>" for n, label in enumerate(gold)]
    textforge.report(written_run(folder / "<u>run", predicted, gold=gold, texts=texts), folder / "report.html")
    return (folder / "report.html").read_text()


def test_labels_and_texts_are_text(hostile: str) -> None:
    tags = [tag for tag, _ in Tags(hostile).found]
    assert tags.count("script") == 1
    assert not {"img", "u", "iframe"} & {*tags}
    assert "<script>alert" not in hostile
    assert "49" not in re.findall(r"<th[^>]*>(.*?)</th>", hostile)
    assert "{{ 7 * 7 }}" in hostile
    assert "\u202e" not in hostile
    assert "a\\u202eb" in hostile


def test_no_tag_refers_to_another_file_and_the_policy_forbids_requests(hostile: str) -> None:
    found = Tags(hostile).found
    for tag, attributes in found:
        assert tag not in ("img", "iframe", "object", "embed", "audio", "video", "base", "form")
        assert attributes.get("src") is None
        assert (attributes.get("href") or "#").startswith(("#", "data:,"))
        assert not [name for name in attributes if name.startswith("on")]
    (policy,) = (one["content"] for _, one in found if one.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    assert "default-src 'none'" in policy
    script = re.search(r"<script>(.*?)</script>", hostile, re.DOTALL)
    assert script is not None
    digest = base64.b64encode(hashlib.sha256(script[1].encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy
    assert not re.search(r"url\(|@import|fetch\(|XMLHttpRequest", script[1] + hostile.split("</style>")[0])


@pytest.mark.parametrize("n", [2, TABLE, TABLE + 1, 200])
def test_confusion_matrices_of_2_to_200_classes_fit(n: int, tmp_path: Path) -> None:
    rng = random.Random(0)
    names = [f"class {number:03d}" for number in range(n)]
    gold = names * 4
    predicted = [rng.choice(names) for _ in gold]
    found = textforge.report(written_run(tmp_path / "run", predicted, gold=gold), tmp_path / "report.html")
    html = (tmp_path / "report.html").read_text()
    assert len(html) < 2_000_000
    assert ('<table class="heat' in html) == (n <= TABLE)
    if n > 12:
        assert html.index('id="pairs"') < html.index('<div class="picture">' if n > TABLE else '<table class="heat')
    if n > TABLE:
        held = json.loads(re.search(r'<script type="application/json">(.*?)</script>', html, re.DOTALL)[1])
        assert held["cells"] == found["confusion"]["cells"]
        drawn = sum(path.count("M") for path in re.findall(r'<path class="(?:right|wrong)".*?d="(.*?)"', html))
        assert drawn == len(found["confusion"]["cells"])


@pytest.fixture(scope="module")
def values(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return textforge.report(written_run(tmp_path_factory.mktemp("plain") / "run", ["a", "b", "c"] * 4))


@settings(max_examples=25)
@given(label=st.text(st.characters(), min_size=1), text=st.text(st.characters()))
def test_no_label_or_text_changes_the_tags_of_the_page(values: dict[str, Any], label: str, text: str) -> None:
    def tags(name: str, shown: str) -> list[str]:
        row = {"gold": name, "predicted": "b", "text": shown, "pieces": [("x", 0.0), (shown, 0.5)]}
        found = copy.deepcopy(values)
        found["recipe_name"] = found["classes"][0]["label"] = found["confusion"]["labels"][0] = name
        found["mistakes"]["rows"] = [{**found["mistakes"]["rows"][0], **row}]
        found["data"]["warnings"] = [shown]
        html = page(found)
        html.encode()  # fails for lone surrogates
        return [tag for tag, _ in Tags(html).found if tag not in ("details", "summary")]

    assert tags(label, text[:40] + "\n") == tags("a", "b\n")


def test_the_same_values_give_the_same_page(tmp_path: Path) -> None:
    found = textforge.report(written_run(tmp_path / "run", ["a"] * 12))
    assert page(found) == page(json.loads(json.dumps(found)))


@given(
    st.floats(-1e9, 1e9), st.floats(1e-6, 1e9), st.integers(2, 10)
)  # fmt: skip
def test_ticks_are_few_and_lie_in_their_range(low: float, width: float, most: int) -> None:
    values = round_values(low, low + width, most)
    assert len(values) <= most
    assert all(low - 1e-6 * width - 1e-6 <= value <= low + width + 1e-6 * width + 1e-6 for value in values)


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True, width=32), max_size=20))
def test_bounds_are_never_empty(values: list[float]) -> None:
    low, high = bounds(values)
    assert low < high


def test_points_of_a_chart_lie_inside_its_axes() -> None:
    chart = Chart((1, 1000), (0, 1), "title", ("x", "y"), log=True)
    chart.line([(1, 0), (1000, 1)], 1)
    assert chart.paths[0].points == f"{chart.left:g},{chart.bottom:g} {chart.right:g},{chart.top:g}"
    assert [tick.label for tick in chart.at_x.ticks()] == "1 2 5 10 20 50 100 200 500 1,000".split()
