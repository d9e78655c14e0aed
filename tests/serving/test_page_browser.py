"""The page of a server in a real browser: answers while one types, explains them, and answers tables.

The tests are skipped where no Chromium is installed; `make browser` installs one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from chromium import HOSTILE, browser, opened_browser
from in_process import invoke
from served import LABELS, N_MANY, Server, trained_models

from textforge.serving import app
from textforge.serving.settings import Settings

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

pytestmark = pytest.mark.skipif(browser() is None, reason="no Chromium is installed: make browser installs one")
SPACE = "orbit launch shuttle of the team"
MODELS = ("topics", "hostile", "many", "abstaining", "columns", "several")
SETTLED = 2000
"""Milliseconds after which the page has said what it had to say."""


class Visit:
    """The page in a browser, and everything that went wrong there or left it."""

    def __init__(self, page: Page, url: str) -> None:
        self.page, self.url = page, url
        self.problems: list[str] = []
        page.set_default_timeout(3000)
        page.on("console", lambda message: self.problems.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: self.problems.append(f"error: {error}"))
        page.on("request", lambda request: self._request(request.url))

    def _request(self, url: str) -> None:
        if not url.startswith((self.url, f"blob:{self.url}")):
            self.problems.append(f"request: {url}")

    def open(self, model: str = "topics", tab: str = "one") -> Page:
        self.page.goto("about:blank")
        self.page.goto(f"{self.url}?model={model}#{tab}")
        self.page.locator("#name", has_text=model).wait_for()
        return self.page

    def typed(self, text: str, model: str = "topics") -> Page:
        """The page with the answer to a text, and its explanation."""
        page = self.open(model)
        page.fill("#text", text)
        page.locator("#why").wait_for()
        return page


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return trained_models(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def server(models: dict[str, Any]) -> Iterator[Server]:
    with Server(app(models)) as running:
        yield running


@pytest.fixture(scope="module")
def opened(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visit]:
    with opened_browser(tmp_path_factory.mktemp("profile")) as context:
        yield Visit(context.pages[0], server.url)


@pytest.fixture
def visit(opened: Visit) -> Iterator[Visit]:
    """A visit during which nothing goes wrong and nothing leaves the server."""
    opened.problems.clear()
    opened.page.set_viewport_size({"width": 1400, "height": 900})
    yield opened
    opened.page.unroute_all()
    assert opened.problems == []


def answered(page: Page, label: str) -> None:
    """Wait until a text has been answered with a label."""
    page.locator("#verdict:not(.none)", has_text=label).wait_for()


def shares(page: Page) -> list[tuple[str, float]]:
    """The classes with the percentages that stand beside them."""
    rows = page.locator("#bars li").evaluate_all("all => all.map(({ children: [a, b] }) => [a.value, b.textContent])")
    return [(label, float(value.lstrip("<>").removesuffix(" %"))) for label, value in rows]


def widths(page: Page) -> list[float]:
    return page.locator("#bars .meter i").evaluate_all("all => all.map(each => +each.style.getPropertyValue('--v'))")


def test_classes_with_bars_and_the_words_behind_them_appear_while_one_types(visit: Visit) -> None:
    page = visit.open()
    page.locator("#text").press_sequentially("orbit ", delay=5)
    answered(page, "space")
    page.locator("#text").press_sequentially("pitcher inning catcher 🚀🚀 pitcher", delay=5)
    answered(page, "ball")
    found = shares(page)
    assert found[0][0] == "ball"
    assert sum(share for _, share in found) == pytest.approx(100, abs=0.2)
    assert widths(page) == pytest.approx([share / 100 for _, share in found], abs=0.001)
    page.locator("#marked mark.for", has_text="catcher").wait_for()
    assert page.locator("#marked").inner_text() == "orbit pitcher inning catcher 🚀🚀 pitcher"
    assert "orbit" in page.locator("#marked mark.against").all_inner_texts()
    assert page.locator(".words.for tr", has_text="pitcher").inner_text().startswith("pitcher × 2\t+")
    page.fill("#text", "")
    page.locator("#why").wait_for(state="hidden")
    assert page.locator("#bars li").count() == 0


def test_another_class_is_explained_by_a_click_on_it_or_by_the_list(visit: Visit) -> None:
    page = visit.typed(SPACE)
    page.locator("#bars button", has_text="ball").click()
    page.locator("#why-heading", has_text="Why ball?").wait_for()
    assert "team" in page.locator("#marked mark.for").all_inner_texts()
    assert page.locator("#bars [aria-pressed=true]").inner_text() == "ball"
    page.select_option("#class", "space")
    page.locator("#why-heading", has_text="Why space?").wait_for()
    signs = page.locator("mark").evaluate_all("all => all.map(each => getComputedStyle(each).borderBottomStyle)")
    assert {*signs} == {"solid", "dashed"}  # so that no sign is by colour alone


def test_an_answer_that_comes_late_is_dropped(visit: Visit) -> None:
    page = visit.open()
    page.evaluate("""() => {
      const real = window.fetch;
      window.fetch = async (path, options) => {
        const late = path === "predict" && options.body.includes("orbit");
        if (late) {
          const { signal, ...rest } = options;
          const response = await real(path, rest);
          await new Promise((resolve) => setTimeout(resolve, 500));
          document.body.dataset.late = "yes";
          return response;
        }
        return real(path, options);
      };
    }""")
    page.fill("#text", SPACE)
    page.wait_for_timeout(200)
    page.fill("#text", "pitcher inning")
    page.locator("body[data-late=yes]").wait_for(state="attached")
    page.wait_for_timeout(50)
    assert page.locator("#verdict").inner_text() == "ball"


def test_of_a_thousand_classes_ten_are_shown_and_all_on_demand(visit: Visit) -> None:
    page = visit.typed("w7 v7 please", "many")
    assert page.locator("#bars li").count() == 10
    more = page.locator("#all")
    assert more.inner_text() == f"Show all {N_MANY:,} classes"
    more.click()
    page.locator("#bars li").nth(N_MANY - 1).wait_for()
    assert more.get_attribute("aria-expanded") == "true"
    found = [share for _, share in shares(page)]
    assert found == sorted(found, reverse=True)
    more.click()
    page.locator("#bars li").nth(10).wait_for(state="detached")


def test_abstention_and_several_labels_are_shown_as_such(visit: Visit) -> None:
    page = visit.typed("orbit pixel team", "abstaining")
    assert re.fullmatch(r"No answer\s+The classifier abstains: its highest probability is [\d.]+ %, below 99.0 %.",
                        page.locator("#verdict").inner_text())  # fmt: skip
    assert page.locator("#bars .chosen").count() == 0
    page = visit.typed("orbit launch shuttle pitcher inning bat", "several")
    assert {*page.locator("#verdict .chip").all_inner_texts()} == {"ball", "space"}
    assert page.locator("#bars .chosen").count() == 2
    page.fill("#text", "the a of")
    page.locator("#verdict.none", has_text="No label").wait_for()


def test_a_classifier_with_columns_has_fields_for_them(visit: Visit) -> None:
    page = visit.open("columns")
    page.get_by_label("price number").fill("0.5")
    page.get_by_label("country category").fill("US")
    page.fill("#text", SPACE)
    page.locator(".words tr", has_text="country=US (column)").wait_for()
    with page.expect_request("**/predict") as sent:
        page.get_by_label("price number").fill("")
    assert json.loads(sent.value.post_data or "")["text"] == {"text": SPACE, "price": None, "country": "US"}
    page.get_by_label("price number").fill("cheap")
    page.locator("#text-problem", has_text="'cheap', which is not a finite number").wait_for()
    visit.problems.clear()  # a browser logs every answer with an error's status


def test_the_chosen_classifier_is_in_the_address_and_survives_a_reload(visit: Visit) -> None:
    page = visit.open()
    page.get_by_label("Classifier", exact=True).select_option(label="several")
    assert "?model=several%40" in page.url
    page.reload()
    page.locator("#name", has_text="several").wait_for()
    assert page.title() == "several · textforge"


@pytest.mark.parametrize("width", [320, 400, 700, 1400])
def test_the_page_fits_its_window(visit: Visit, width: int) -> None:
    page = visit.typed(f"{HOSTILE} {'y' * 300} word1 other1", "hostile")
    page.set_viewport_size({"width": width, "height": 900})
    for tab in ("text", "table", "about"):
        page.click(f"#tab-{tab}")
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_labels_texts_and_cards_are_never_read_as_html(visit: Visit) -> None:
    page = visit.typed(f"{HOSTILE} word0 other0 <script>document.title='owned'</script>", "hostile")
    assert page.locator("#verdict").inner_text() == HOSTILE
    assert {label for label, _ in shares(page)} == {*LABELS}
    for label in LABELS:
        page.locator("#bars button[value]").and_(page.locator(f"[value={json.dumps(label)}]")).click()
        page.locator("#why-heading", has_text=label).wait_for()
    assert HOSTILE in page.locator("#marked").inner_text()
    page.click("#tab-table")
    page.fill("#lines", f"{HOSTILE} word0\n=cmd()|'x' word1")
    page.click("#take-lines")
    assert HOSTILE in page.locator("#preview td").first.inner_text()
    page.select_option("#model", label="topics")
    page.click("#tab-about")
    page.locator("#card h3", has_text="Posts").wait_for()
    assert HOSTILE in page.locator("#card").inner_text()
    assert [link.get_attribute("href") for link in page.locator("#card a").all()] == ["https://example.org/data"]
    assert page.locator("#card table td code").inner_text() == "0.9"
    assert page.locator("#card ul ul li").inner_text() == "two"
    assert page.locator("main img").count() == 0
    assert "owned" not in page.title()


def test_the_policy_of_the_page_allows_nothing_inline_and_no_strings_as_html(visit: Visit) -> None:
    page = visit.open()
    headers = page.request.get(visit.url).headers
    assert "unsafe" not in headers["content-security-policy"]
    assert page.evaluate("try { document.body.innerHTML = '<b>x</b>'; 'parsed' } catch (error) { error.name }") == (
        "TypeError"
    )
    visit.problems.clear()  # the browser logs what it has refused


def test_the_answer_is_announced_once_one_stops_typing(visit: Visit) -> None:
    page = visit.open()
    page.evaluate("""() => {
      window.said = [];
      new MutationObserver(() => window.said.push(document.getElementById("spoken").textContent))
        .observe(document.getElementById("spoken"), { childList: true });
    }""")
    page.locator("#text").press_sequentially(SPACE, delay=20)
    page.wait_for_timeout(SETTLED)
    said = page.evaluate("window.said")
    assert len(said) == 1
    assert re.fullmatch(r"space, [\d.]+ %", said[0])


TABLES = {
    "commas.csv": b'\xef\xbb\xbfid,text\r\n1,"orbit, ""launch""\r\nshuttle"\r\n2,\r\n3\r\n4,pitcher inning\r\n',
    "semicolons.csv": "id;body;label\n1;orbit; ball\n2;pitcher inning;naïve\n".encode(),
    "tabs.tsv": b"text\tid\norbit\t1\npitcher inning\t2\n",
    "wide.csv": "﻿id;text\r\n1;orbit é\r\n2;pitcher\r\n".encode("utf-16"),
    "western.csv": "id,text\n1,orbit é\n2,pitcher\n".encode("cp1252"),
    "lines.jsonl": b'{"text": "orbit", "id": 1}\n{"text": 7}\nnot json\n{"id": 2, "text": "pitcher"}\n',
}
OPTIONS = {
    "semicolons.csv": ["--set", "separator=;", "--prefix", "predicted_"],
    "wide.csv": ["--set", "separator=;", "--set", "encoding=utf-16"],
    "western.csv": ["--set", "encoding=cp1252"],
    "lines.jsonl": ["--text", "text"],
}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_comes_back_as_predict_gives_it(
    visit: Visit, models: dict[str, Any], tmp_path: Path, name: str
) -> None:
    source, expected = tmp_path / name, tmp_path / f"expected{Path(name).suffix}"
    source.write_bytes(TABLES[name])
    options = ["--on-error", "mark", *OPTIONS.get(name, ())]
    done = invoke("predict", models["topics"], "-i", source, "-o", expected, *options)
    assert not done.returncode, done.stderr
    page = visit.open(tab="many")
    page.set_input_files("#file", source)
    page.locator("#preview tbody tr").first.wait_for()
    page.click("#answer")
    with page.expect_download() as download:
        page.click("#download")
    assert Path(download.value.path()).read_bytes() == expected.read_bytes()
    assert download.value.suggested_filename == f"{Path(name).stem} answered{Path(name).suffix}"


def test_a_dropped_file_is_taken_and_what_is_wrong_stands_in_its_row(visit: Visit) -> None:
    page = visit.open(tab="many")
    page.evaluate("""() => {
      const data = new DataTransfer();
      data.items.add(new File(["id,text\\n1,orbit\\n2\\n3,\\n"], "dropped.csv"));
      const send = (name) => document.getElementById("drop").dispatchEvent(
        new DragEvent(name, { dataTransfer: data, bubbles: true, cancelable: true }));
      send("dragover");
      send("drop");
    }""")
    rows = page.locator("#preview tbody tr")
    rows.first.wait_for()
    assert rows.nth(1).inner_text() == "\tline 3 has 1 column instead of 2."
    assert rows.nth(2).inner_text() == "\tno text"
    page.click("#answer")
    page.locator("#download").wait_for()
    assert page.locator("#warnings li").all_inner_texts() == [
        "1 of 3 rows have no text; their label is empty.",
        "1 of 3 rows could not be read; each has an error in its place.",
    ]
    assert page.evaluate("document.activeElement.id") == "download"


def test_pasted_lines_come_back_as_a_table(visit: Visit) -> None:
    page = visit.open(tab="many")
    page.fill("#lines", 'orbit, "launch"\n\n  pitcher;inning')
    page.press("#lines", "Control+Enter")
    page.locator("#preview tbody tr").first.wait_for()
    page.click("#answer")
    with page.expect_download() as download:
        page.click("#download")
    lines = Path(download.value.path()).read_text().splitlines()
    assert lines[0] == "text,label,probability,error"
    assert [line.rsplit(",", 3)[:2] for line in lines[1:]] == [
        ['"orbit, ""launch"""', "space"],
        ["  pitcher;inning", "ball"],
    ]


def test_a_pasted_table_is_read_by_its_header(visit: Visit) -> None:
    page = visit.open(tab="many")
    page.fill("#lines", "id\ttext\n1\torbit, launch\n2\tpitcher; inning")
    page.get_by_label("The first line names the columns").check()
    page.click("#take-lines")
    page.locator("#preview td", has_text="orbit, launch").wait_for()
    assert page.get_by_label("Separator").input_value() == "\t"
    assert page.get_by_label("Column of texts").input_value() == "text"


def test_a_column_that_no_name_shows_is_asked_for(visit: Visit, tmp_path: Path) -> None:
    page = visit.open(tab="many")
    file = tmp_path / "odd.csv"
    file.write_text("first,second\norbit,pitcher\n")
    page.set_input_files("#file", file)
    page.locator("#table-problem", has_text="Which column holds the texts?").wait_for()
    visit.problems.clear()
    page.get_by_label("Column of texts").select_option("second")
    page.locator("#preview td", has_text="ball").wait_for()
    page.get_by_label("Column of texts").select_option("first")
    page.locator("#preview td", has_text="space").wait_for()


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("notes.pdf", b"%PDF", "notes.pdf: its suffix is not that of a table"),
        ("empty.csv", b"", "The file is empty."),
        ("broken.parquet", b"PAR1 but nothing else", "broken.parquet: "),
    ],
)
def test_a_file_that_cannot_be_read_gives_a_sentence(
    visit: Visit, tmp_path: Path, name: str, content: bytes, said: str
) -> None:
    page = visit.open(tab="many")
    (tmp_path / name).write_bytes(content)
    page.set_input_files("#file", tmp_path / name)
    page.locator("#table-problem", has_text=said).wait_for()
    assert page.locator("#answer").is_hidden()
    visit.problems.clear()


def test_a_table_can_be_cancelled(visit: Visit, tmp_path: Path) -> None:
    page = visit.open(tab="many")
    file = tmp_path / "long.csv"
    file.write_text("text\n" + "orbit launch shuttle rocket\n" * 200_000)
    page.set_input_files("#file", file)
    page.locator("#preview tbody tr").first.wait_for()
    page.click("#answer")
    page.locator("#done-text", has_text="rows answered").wait_for()
    page.keyboard.press("Escape")
    page.locator("#answer").wait_for()
    page.locator("#progress").wait_for(state="hidden")
    page.fill("#lines", "orbit")  # the server takes the next table
    page.click("#take-lines")
    page.locator("#table-heading", has_text="Pasted lines").wait_for()
    page.locator("#preview td", has_text="space").wait_for()


def test_the_page_waits_for_a_server_that_restarts(visit: Visit, models: dict[str, Any]) -> None:
    with Server(app(models["topics"])) as first:
        away = Visit(visit.page, first.url)
        page = away.page
        page.goto(first.url)
        page.fill("#text", SPACE)
        answered(page, "space")
    page.fill("#text", "pitcher inning")
    page.locator("#connection", has_text="The server does not answer.").wait_for()
    with Server(app(models["topics"]), first.port):
        answered(page, "ball")
        page.locator("#connection").wait_for(state="hidden")
        page.goto("about:blank")
    visit.problems.clear()


def test_the_key_is_asked_for_and_kept_for_the_session(visit: Visit, models: dict[str, Any]) -> None:
    with Server(app(models["topics"], settings=Settings(api_key="right"))) as guarded:
        page = Visit(visit.page, guarded.url).page
        page.goto(guarded.url)
        for key in ("wrong", "right"):
            page.get_by_label("Key", exact=True).fill(key)
            page.keyboard.press("Enter")
            if key == "wrong":
                page.locator("#key-reason", has_text="The server refuses this API key").wait_for()
        page.fill("#text", SPACE)
        page.locator("#why").wait_for()
        page.reload()
        page.locator("#facts", has_text="classes").wait_for()
        assert page.evaluate("[localStorage.length, document.cookie]") == [0, ""]
        page.click("#tab-table")
        page.fill("#lines", SPACE)
        page.click("#take-lines")
        page.locator("#preview td", has_text="space").wait_for()
        page.click("#forget")
        page.locator("#key-dialog").wait_for()
        page.keyboard.press("Escape")
        page.locator("#connection", has_text="This server needs an API key.").wait_for()
        page.goto("about:blank")
    visit.problems.clear()  # the browser logs each 401, and this is another server


def test_everything_is_reached_by_the_keyboard_with_a_visible_focus(visit: Visit) -> None:
    page = visit.open()
    assert _walk(page, 4) == ["skip", "model", "tab-text", "text"]
    page.keyboard.type(SPACE)
    page.locator("#why").wait_for()
    assert _walk(page, 9) == ["space", "ball", "paint", "class", "marked", "a"]
    page.focus("#tab-text")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.id") == "tab-table"
    assert _walk(page, 6) == ["file", "lines", "header", "take-lines", "a"]
    page.fill("#lines", "orbit")
    page.keyboard.press("Control+Enter")
    page.locator("#answer").wait_for()
    assert page.evaluate("document.activeElement.id") == "table-heading"
    page.focus("#answer")
    page.keyboard.press("Enter")
    page.locator("#download").wait_for()
    assert page.evaluate("document.activeElement.id") == "download"
    page.focus("#tab-table")
    page.keyboard.press("End")
    assert page.locator("#about-panel").is_visible()


def _walk(page: Page, most: int) -> list[str]:
    """The names of what the tabulator key reaches, until it leaves the page; each has a visible focus."""
    found = []
    for _ in range(most):
        page.keyboard.press("Tab")
        name, outline = page.evaluate("""() => {
          const here = document.activeElement;
          const shown = here.id === "file" ? document.querySelector(".drop .button") : here;
          const style = getComputedStyle(shown);
          return [here.id || here.value || here.className || here.tagName.toLowerCase(),
                  style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 1];
        }""")
        if name == "body":
            break
        assert outline, name
        found.append(name)
    return found


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_rule_of_accessibility_is_violated(visit: Visit, tmp_path: Path, scheme: Any) -> None:
    visit.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    page = visit.open()
    _refuse_violations(page)
    page = visit.typed(SPACE, "columns")
    _refuse_violations(page)
    page.click("#tab-table")
    page.fill("#lines", "text;price;country\norbit;1;US\npitcher;x;DE")
    page.check("#header")
    page.click("#take-lines")
    page.locator("#preview tbody tr").first.wait_for()
    page.click("#answer")
    page.locator("#download").wait_for()
    _refuse_violations(page)
    page.select_option("#model", label="topics")
    page.click("#tab-about")
    page.locator("#card table").wait_for()
    _refuse_violations(page)
    page.evaluate("document.getElementById('key-dialog').showModal()")
    _refuse_violations(page)


def _refuse_violations(page: Page) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed: rules NOT tested")
    found = axe.Axe().run(page).response
    assert [(one["id"], [node["html"][:120] for node in one["nodes"]]) for one in found["violations"]] == []
    assert "color-contrast" in {one["id"] for one in found["passes"]}


def test_nothing_moves_where_less_motion_is_wanted(visit: Visit) -> None:
    visit.page.emulate_media(reduced_motion="reduce")
    page = visit.typed(SPACE)
    bar: Locator = page.locator("#bars .meter i").first
    assert bar.evaluate("each => getComputedStyle(each).transitionProperty") == "none"
