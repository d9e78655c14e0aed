"""Pages of reports and comparisons in a real browser: no request, no error, sorting and hovering work, phones fit.

The tests are skipped where no Chromium is installed; `make browser` installs one.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from chromium import HOSTILE, browser, opened_browser
from conftest import make_texts, small_recipe, write_csv
from run_folders import GOLD, seeds_folder, written_run

import textforge

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.skipif(browser() is None, reason="no Chromium is installed: make browser installs one")


class Opened:
    """A page that was opened in the browser, and everything that went wrong or left it."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.problems: list[str] = []
        page.on("console", lambda message: self.problems.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: self.problems.append(f"error: {error}"))
        page.on("request", lambda request: self._request(request.url))

    def _request(self, url: str) -> None:
        if not url.startswith("file://"):
            self.problems.append(f"request: {url}")

    def show(self, file: Path, width: int = 1400, scheme: str = "light") -> Page:
        self.page.set_viewport_size({"width": width, "height": 900})
        self.page.emulate_media(color_scheme=scheme, media="screen")
        self.page.goto(file.as_uri())
        return self.page


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    with opened_browser(tmp_path_factory.mktemp("profile")) as context:
        yield Opened(context.pages[0])


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The pages of a trained run, of one with hostile labels, of one with 60 classes, and of two comparisons."""
    folder = tmp_path_factory.mktemp("pages")
    rng = random.Random(0)
    recipe = small_recipe(
        write_csv(folder / "data.csv", *make_texts(120)),
        trainer={"epochs": 3, "batch_size": 16, "validation": 0.2},
        optimizer={"use": "sgd", "lr": 0.05},
    )
    hostile = [HOSTILE, "x" * 200, "plain"] * 6
    many = [f"class {n}" for n in range(60)] * 3
    runs = {
        "trained": textforge.run(recipe, out=folder / "trained").path,
        "hostile": written_run(folder / "hostile", rng.choices(hostile, k=18), gold=hostile, texts=hostile),
        "many": written_run(folder / "many", rng.choices(many, k=180), gold=many),
    }
    for name, run in runs.items():
        textforge.report(run, folder / f"{name}.html")
    others = [written_run(folder / f"hostile-{n}", rng.choices(hostile, k=18), gold=hostile, texts=hostile)
              for n in range(25)]  # fmt: skip
    textforge.compare(runs["hostile"], *others, out=folder / "most compared.html")
    seeds = [seeds_folder(folder / f"seeds-{n}", [rng.choices(GOLD, k=12) for _ in range(3)]) for n in range(2)]
    textforge.compare(*seeds, metrics=["weighted_f1"], out=folder / "seeds compared.html")
    return {name: folder / f"{name}.html" for name in (*runs, "most compared", "seeds compared")}


@pytest.mark.parametrize("name", ["trained", "hostile", "many", "most compared", "seeds compared"])
def test_pages_send_no_request_log_nothing_and_fit_a_phone(name: str, opened: Opened, files: dict[str, Path]) -> None:
    opened.problems.clear()
    for width in (400, 1400):
        for scheme in ("light", "dark"):
            page = opened.show(files[name], width, scheme)
            assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.title() != "owned"
    assert page.locator("img").count() == 0
    assert opened.problems == []


def test_dark_and_light_have_their_own_colors(opened: Opened, files: dict[str, Path]) -> None:
    colors = []
    for scheme in ("light", "dark"):
        page = opened.show(files["trained"], scheme=scheme)
        colors.append(page.evaluate("[getComputedStyle(document.body).color, "
                                    "getComputedStyle(document.body).backgroundColor]"))  # fmt: skip
    assert colors[0] != colors[1]
    assert all(ink != paper for ink, paper in colors)


def test_a_click_on_a_heading_sorts_and_another_one_reverses(opened: Opened, files: dict[str, Path]) -> None:
    page = opened.show(files["many"])
    heading = page.locator("#class-table th", has_text="F1")
    values = "[...document.querySelectorAll('#class-table tbody tr')].map(row => +row.cells[3].dataset.v)"
    heading.locator("button").click()
    first = page.evaluate(values)
    assert first == sorted(first, reverse=True)
    assert heading.get_attribute("aria-sort") == "descending"
    heading.locator("button").click()
    assert page.evaluate(values) == sorted(first)
    page.locator("#class-table th button").first.click()
    labels = page.locator("#class-table tbody th").all_inner_texts()
    assert labels[:3] == ["class 0", "class 1", "class 2"]  # by number, not by character
    assert heading.get_attribute("aria-sort") is None


def test_points_of_charts_say_their_values(opened: Opened, files: dict[str, Path]) -> None:
    page = opened.show(files["trained"])
    dot = page.locator("#curves circle").first
    dot.hover()
    assert dot.locator("title").text_content().startswith("epoch 1: training loss ")
    assert page.locator("#curves svg[role=img]").count() == 2
    assert page.locator("#heat td[title]").count() > 0


def test_points_of_differences_say_their_intervals(opened: Opened, files: dict[str, Path]) -> None:
    page = opened.show(files["seeds compared"])
    assert page.locator("#differences svg[role=img]").count() == 3
    dot = page.locator("#differences circle").first
    dot.hover()
    assert dot.locator("title").text_content().startswith("B minus A: ")


def test_a_large_confusion_matrix_names_the_cell_below_the_pointer(opened: Opened, files: dict[str, Path]) -> None:
    page = opened.show(files["many"])
    picture = page.locator(".picture svg")
    picture.scroll_into_view_if_needed()
    box = picture.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 2.5 / 60, box["y"] + box["height"] * 0.5 / 60)
    assert page.locator(".picture output").text_content().startswith("gold class 0, predicted class 10: ")


def test_paper_shows_what_is_folded_on_the_screen(opened: Opened, files: dict[str, Path], tmp_path: Path) -> None:
    page = opened.show(files["trained"], scheme="dark")
    assert page.locator("details[open]").count() == 0
    page.pdf(path=tmp_path / "report.pdf")
    assert page.locator("details:not([open])").count() == 0
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert not page.locator("nav").is_visible()
