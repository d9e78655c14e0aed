"""Lines of JSON in and out."""

from __future__ import annotations

import asyncio
import json
from itertools import pairwise
from pathlib import Path

import pytest
from asgi import Client
from hypothesis import given, strategies as st

from textforge import ComponentError
from textforge.serving import Limits, Settings, app
from textforge.serving.line_streams import LineSplitter

NDJSON = "application/x-ndjson"


@pytest.fixture(scope="module")
def client(finished_run: Path) -> Client:
    return Client(app(finished_run, settings=Settings(Limits(max_batch=8))))


def test_each_line_is_answered_as_a_single_text_is(client):
    texts = [f"orbit {n} bat" for n in range(30)]
    found = client.send("/predict?probabilities=2", "\n".join(map(json.dumps, texts)).encode(), NDJSON)
    assert (found.status, found.headers["content-type"]) == (200, NDJSON)
    single = client.json("/predict?probabilities=2", {"texts": texts}).json["predictions"]
    assert [one["label"] for one in found.lines] == [one["label"] for one in single]


def test_a_bad_line_gives_an_error_with_its_number_and_the_next_are_answered(client):
    body = b'\xef\xbb\xbf"a"\n\n{"text": "b", "more": 1}\nnot json\n{"txt": 1}\n"\xff"\n\r\n"c"'
    found = client.send("/predict", body, NDJSON).lines
    numbers = [one["error"]["line"] if "error" in one else "ok" for one in found]
    assert numbers == ["ok", "ok", 4, 5, 6, "ok"]
    assert found[2]["error"]["message"].startswith("line 4 is not JSON")
    assert [one["error"]["status"] for one in found if "error" in one] == [400, 422, 400]


def test_a_line_that_is_too_long_is_left_out_without_being_held(finished_run):
    client = Client(app(finished_run, settings=Settings(Limits(max_body=100))))
    parts = [b'"a"\n"', *[b"x" * 60] * 50, b'"\n"b"\n']
    first, second, third = client.send("/predict", parts, NDJSON).lines
    assert "label" in first and "label" in third
    assert second["error"]["message"] == "line 2 is longer than 100 bytes."


def test_answers_flow_while_the_body_is_still_being_sent(client):
    async def talk():
        answers, seen = asyncio.Queue(), []

        async def body():
            for text in ("orbit", "pitcher", "pixel"):
                yield json.dumps(text).encode() + b"\n"
                seen.append(await asyncio.wait_for(answers.get(), 5))  # before the next line is sent

        async def on_sent(message):
            if message.get("body"):
                answers.put_nowait(json.loads(message["body"])["label"])

        await client.ask("/predict", body(), method="POST", headers={"content-type": NDJSON}, on_sent=on_sent)
        return seen

    assert len(asyncio.run(talk())) == 3


def test_a_stream_ends_with_an_error_line_when_the_server_stops(finished_run):
    application = app(finished_run)

    async def talk():
        async def body():
            yield b'"a"\n'
            application.stopping.begin()
            await asyncio.sleep(5)

        return await Client(application).ask("/predict", body(), method="POST", headers={"content-type": NDJSON})

    answered, last = asyncio.run(talk()).lines
    assert "label" in answered
    assert last["error"]["status"] == 503


def test_a_stream_without_bytes_for_too_long_ends_with_an_error_line(finished_run):
    async def body():
        yield b'"a"\n'
        await asyncio.sleep(5)

    client = Client(app(finished_run, settings=Settings(Limits(body_timeout=0.05))))
    assert [one.get("error", {}).get("status") for one in client.send("/predict", body(), NDJSON).lines] == [None, 408]


def test_a_text_on_which_the_classifier_fails_gives_an_error_for_its_line_alone(finished_run):
    application = app(finished_run)
    compute = application.computing.predicting._compute

    def failing(key, texts):
        if "bad" in texts:
            raise ComponentError("model 'm' raised")
        return compute(key, texts)

    application.computing.predicting._compute = failing
    found = Client(application).send("/predict", b'"a"\n"bad"\n"b"\n', NDJSON).lines
    assert ["error" in one for one in found] == [False, True, False]
    assert found[1]["error"] == {"status": 500, "message": "model 'm' raised", "line": 2}


@given(st.binary(max_size=60), st.lists(st.integers(0, 60), max_size=6), st.integers(1, 20))
def test_lines_are_the_same_however_the_bytes_are_split(body, cuts, longest):
    splitter, found = LineSplitter(longest), []
    places = [0, *sorted(min(cut, len(body)) for cut in cuts), len(body)]
    for start, end in pairwise(places):
        found += splitter.lines(body[start:end])
    found += splitter.rest()
    lines = body.split(b"\n")
    expected = [line if len(line) <= longest else None for line in (lines if lines[-1] else lines[:-1])]
    assert found == expected
