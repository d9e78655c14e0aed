"""`POST /predict/table`: tables come back as `textforge predict` gives them, in bounded memory."""

from __future__ import annotations

import base64
import gzip
import http.client
import json
import random
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import polars as pl
import pytest
from conftest import make_texts
from hypothesis import given, settings, strategies as st
from in_process import invoke
from served import Server
from written_tables import write_xlsx

import textforge
from textforge.serving import app
from textforge.serving.limits import Limits
from textforge.serving.settings import Settings

MOST = 2_000_000
ROWS = b"id,text\n1,orbit launch\n2,\n3\n4,pitcher inning\n"


@pytest.fixture(scope="module")
def server(finished_run: Path) -> Iterator[Server]:
    with Server(app(finished_run, settings=Settings(Limits(max_table=MOST, tables=2)))) as running:
        yield running


def ask(server: Server, body: Any, *, accept: str = "*/*", **query: Any) -> tuple[int, http.client.HTTPMessage, bytes]:
    with closing(http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=20)) as connection:
        connection.request("POST", f"/predict/table?{urlencode(query, doseq=True)}", body, {"accept": accept})
        with connection.getresponse() as response:
            return response.status, response.headers, response.read()


def events(server: Server, body: Any, **query: Any) -> list[dict[str, Any]]:
    status, headers, found = ask(server, body, accept="application/x-ndjson", **query)
    assert (status, headers["content-type"]) == (200, "application/x-ndjson")
    return [json.loads(line) for line in found.splitlines()]


def refused(server: Server, body: Any, **query: Any) -> dict[str, Any]:
    status, _, found = ask(server, body, **query)
    error = json.loads(found)["error"]
    assert status == error["status"]
    return error


def predicted(run: Path, source: Path, *arguments: str, suffix: str = "") -> bytes:
    """What the command line makes of the same table."""
    out = source.with_name(f"expected{suffix or source.suffix}")
    done = invoke("predict", run, "-i", source, "-o", out, "--on-error", "mark", "--force", *arguments)
    assert not done.returncode, done.stderr
    return out.read_bytes()


def test_a_table_is_answered_as_by_the_command_line(server: Server, finished_run: Path, tmp_path: Path) -> None:
    source = tmp_path / "rows.csv"
    source.write_bytes(ROWS)
    status, headers, found = ask(server, ROWS, filename="my rows.csv", top=2, prefix="p_")
    assert status == 200
    assert headers["content-type"] == "text/csv"
    assert headers["content-disposition"] == "attachment; filename*=UTF-8''my%20rows%20answered.csv"
    assert found == predicted(finished_run, source, "--top", "2", "--prefix", "p_")


def test_events_say_how_the_table_is_read_how_far_it_is_and_what_was_odd(server: Server) -> None:
    first, *between, last = events(server, ROWS, filename="rows.csv")
    assert first["opened"] == {
        "format": "csv", "columns": ["id", "text"], "text": ["text"], "guessed": False, "written": "csv",
        "added": ["label", "probability", "error"], "taken": [], "filename": "rows answered.csv",
    }  # fmt: skip
    assert [event for event in between if "rows" in event] == [{"rows": 4, "read": len(ROWS)}]
    assert b"".join(base64.b64decode(event["data"]) for event in between if "data" in event) == ask(server, ROWS)[2]
    assert last["done"] == {
        "rows": 4, "missing": 1, "faults": 1,
        "warnings": ["1 of 4 rows have no text; their label is empty.",
                     "1 of 4 rows could not be read; each has an error in its place."],
    }  # fmt: skip


def test_a_preview_has_the_first_rows_and_their_answers(server: Server, finished_run: Path) -> None:
    _, _, found = ask(server, ROWS + b'5,"' + b"x" * 400 + b'"\n', filename="rows.csv", preview=5)
    rows = json.loads(found)["rows"]
    assert [row["error"] for row in rows] == [None, None, "line 4 has 1 column instead of 2.", None, None]
    labels = textforge.load(finished_run).predict(["orbit launch", "pitcher inning"])
    assert [row["label"] for row in rows][:4] == [labels[0], None, None, labels[1]]
    assert len(rows[4]["text"]) == 300


@pytest.mark.parametrize("form", ["xlsx", "parquet", "jsonl", "csv.gz"])
def test_other_formats_are_read_and_written(server: Server, finished_run: Path, tmp_path: Path, form: str) -> None:
    source = tmp_path / f"rows.{form}"
    texts, _ = make_texts(5)
    frame = pl.DataFrame({"text": texts, "id": list(range(5))})
    if form == "xlsx":
        pytest.importorskip("fastexcel")
        write_xlsx(source, [["text", "id"], *frame.rows()])
    elif form == "parquet":
        frame.write_parquet(source)
    elif form == "jsonl":
        frame.write_ndjson(source)
    else:
        source.write_bytes(gzip.compress(frame.write_csv().encode()))
    status, headers, found = ask(server, source.read_bytes(), filename=source.name)
    assert status == 200, found
    suffix = {"xlsx": ".csv", "csv.gz": ".csv"}.get(form, f".{form}")
    assert headers["content-disposition"].endswith(f"rows%20answered{suffix}")
    if form == "parquet":
        assert pl.read_parquet(found)["label"].to_list() == textforge.load(finished_run).predict(texts)
    else:
        assert found == predicted(finished_run, source, "--text", "text", suffix=suffix)


def test_lines_become_a_table_of_another_format(server: Server) -> None:
    lines = "".join(json.dumps({"text": text}) + "\n" for text in ['orbit, "x"', "=pitcher"])
    _, _, found = ask(server, lines.encode(), filename="lines.jsonl", write="csv")
    assert [line.split(",")[0] for line in found.decode().splitlines()] == ["text", '"orbit', "=pitcher"]


@pytest.mark.parametrize(
    ("body", "query", "status", "said"),
    [
        (ROWS, {"filename": "rows.pdf"}, 422, "rows.pdf: its suffix is not that of a table"),
        (ROWS, {"filename": "../../etc/rows.csv", "text": "title"}, 422, "rows.csv: there is no column 'title'."),
        (b"a,b\n1,2\n", {}, 422, "is named as texts usually are. Name it with text=…. Its columns: a, b."),
        (b"text,label\n1,2\n", {}, 422, "has 'label' already. Choose other names for the added columns"),
        (b"a;text\n1;2\n", {}, 422, "Are the columns separated by ';'? Then set separator=\";\"."),
        (ROWS, {"separator": "long"}, 422, "separator"),
        (ROWS, {"encoding": "utf-99"}, 422, "utf-99"),
        (ROWS, {"format": "cvs"}, 422, "Did you mean 'csv'?"),
        (ROWS, {"write": "excel"}, 422, "does not write the format 'excel'"),
        (ROWS, {"top": "0"}, 422, "top must be a whole number from 1"),
        (ROWS, {"prefixx": "a"}, 422, "no query parameter 'prefixx'. Did you mean 'prefix'?"),
        (ROWS, {"prefix": ["a", "b"]}, 422, "the query gives 'prefix' 2 times."),
        (ROWS, {"model": "other"}, 404, "no model 'other'"),
        (b"", {}, 422, "is empty"),
        (b"x" * (MOST + 1), {}, 413, "the table is larger than 2,000,000 bytes."),
        (b"PAR1", {"filename": "a.parquet"}, 422, "a.parquet: "),
        (b"PK\3\4", {"filename": "a.xlsx.gz"}, 422, "a.xlsx.gz: is compressed twice. Send the file inside it."),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(
    server: Server, body: bytes, query: dict[str, Any], status: int, said: str
) -> None:
    error = refused(server, body, **query)
    assert error["status"] == status
    assert said in error["message"]
    assert "--" not in error["message"]


NAMES = st.sampled_from(["a.csv", "a.json", "a.jsonl", "a.parquet", "a.xlsx", "a.csv.gz"])
CODECS = st.sampled_from(["rot13", "hex", "utf-7", "idna", "unicode_escape", "mbcs", "zlib"])


@settings(max_examples=30)
@given(
    body=st.binary(max_size=60) | st.text(max_size=40).map(lambda text: f"text,{text}\n{text}\n".encode()),
    query=st.fixed_dictionaries({}, optional={
        "filename": st.text(max_size=12) | NAMES, "encoding": st.text(max_size=6) | CODECS,
        "separator": st.text(max_size=2), "sheet": st.text(max_size=3), "prefix": st.text(max_size=3),
        "text": st.lists(st.text(max_size=4), max_size=2), "write": st.sampled_from(["csv", "jsonl", "parquet"]),
        "preview": st.sampled_from([1, 5]), "format": st.sampled_from(["csv", "tsv", "jsonl", "json"]),
    }),
)  # fmt: skip
def test_no_request_makes_the_server_fail(server: Server, body: bytes, query: dict[str, Any]) -> None:
    try:
        status, _, found = ask(server, body, accept="application/x-ndjson", **query)
    except UnicodeEncodeError:  # half a character is no query
        return
    assert status in (200, 422), found
    assert b"the server failed" not in found


def test_an_unclear_column_of_texts_comes_with_the_columns(server: Server) -> None:
    assert refused(server, b"a,b\n1,2\n")["columns"] == ["a", "b"]


def test_a_table_that_breaks_off_ends_with_the_reason(server: Server) -> None:
    rng = random.Random(0)
    whole = gzip.compress(b"text\n" + b"".join(b"orbit %018d\n" % rng.randrange(10**18) for _ in range(60_000)))
    cut = whole[: len(whole) * 9 // 10]  # more than is read before the first row is answered
    last = events(server, cut, filename="rows.csv.gz")[-1]
    assert "rows.csv.gz: " in last["failed"]["message"]
    with pytest.raises(http.client.HTTPException):
        ask(server, cut, filename="rows.csv.gz")


def test_a_client_that_goes_makes_room_for_the_next(server: Server) -> None:
    rows = b"text\n" + b"orbit launch\n" * 70_000
    waiting = []
    for _ in range(2):
        connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=20)
        connection.request("POST", "/predict/table", rows)
        response = connection.getresponse()
        assert response.read(10)
        waiting.append((connection, response))
    status, headers, _ = ask(server, ROWS)
    assert (status, headers["retry-after"]) == (503, "1")
    for connection, response in waiting:
        response.close()
        connection.close()
    _wait_for_room(server)


def _wait_for_room(server: Server) -> None:
    deadline = time.monotonic() + 15
    while ask(server, ROWS)[0] == 503:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_client_that_takes_nothing_is_given_up(finished_run: Path) -> None:
    limits = Limits(tables=1, body_timeout=2.0)
    with (
        Server(app(finished_run, settings=Settings(limits))) as server,
        closing(http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=20)) as connection,
    ):
        connection.request("POST", "/predict/table", b"text\n" + b"orbit launch shuttle rocket\n" * 400_000)
        with connection.getresponse() as response:
            assert response.read(10)
            assert ask(server, ROWS)[0] == 503
            _wait_for_room(server)
            with pytest.raises(http.client.HTTPException):
                response.read()


def test_a_table_that_trickles_in_is_refused(finished_run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("textforge.serving.predict_table.SLOWEST", 1 << 30)

    with (
        Server(app(finished_run, settings=Settings(Limits(body_timeout=1.5)))) as server,
        closing(http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=20)) as connection,
    ):
        connection.putrequest("POST", "/predict/table")
        connection.putheader("content-length", "1000")
        connection.endheaders(b"text\n")
        for _ in range(2):  # sooner than the timeout of a pause
            time.sleep(0.8)
            connection.send(b"orbit\n")
        with connection.getresponse() as response:
            assert response.status == 408
            assert "more slowly than" in json.loads(response.read())["error"]["message"]


def test_nothing_is_left_on_the_disk(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    for body, name in ((ROWS, "rows.csv"), (b"", "rows.csv"), (b"PAR1", "rows.parquet")):
        ask(server, body, filename=name)
        ask(server, body, filename=name, preview=3)
    deadline = time.monotonic() + 5
    while left := [*tmp_path.iterdir()]:
        assert time.monotonic() < deadline, left
        time.sleep(0.01)
