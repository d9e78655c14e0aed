"""Send malformed requests to a server: each must be answered by a clear error, or the connection closed."""

from __future__ import annotations

import atexit
import json
import os
import random
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from measuring import ROOT

from attacks import SECONDS, Attack, Verdict, cut_off, delete, edited, flip, insert
from attacks.texts import labelled, write_csv

CASES = 10_000
HEAD = "request"
LOOK = 250
"""Cases between two looks at the open files and the memory of the server."""
GROWTH = 64
"""Megabytes by which the memory of the server may grow once it is warm."""
SERVE = """
import sys, textforge
from textforge.serving import Limits, Settings, app
from textforge.serving.server import Address, serve
limits = Limits(body_timeout=0.3, header_timeout=0.3, max_body=200_000, max_bodies=2_000_000, explain_characters=2000)
serve(app(sys.argv[1], settings=Settings(limits)), Address(port=0), on_start=lambda url: print(url, flush=True))
"""
GOOD: tuple[tuple[str, Any], ...] = (
    ("/predict", {"text": "orbit"}),
    ("/predict", {"texts": ["orbit", "pixel"], "model": "small", "probabilities": 2}),
    ("/predict?probabilities=all", {"text": {"text": "orbit", "other": 1}}),
    ("/explain", {"texts": ["orbit and pixel"], "labels": ["space", "paint"]}),
)


class Server:
    """A server in a process, on a small classifier."""

    def __init__(self, folder: Path) -> None:
        import textforge

        run = textforge.run(
            {
                "dataset": {"use": "csv", "train": str(write_csv(folder / "small.csv", labelled(60)))},
                "vectorizer": {"use": "bow"}, "model": {"use": "linear"}, "optimizer": {"use": "adam"},
                "trainer": {"epochs": 2},
            },
            out=folder / "small",
        )  # fmt: skip
        environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'plugins'}"}
        command = [sys.executable, "-c", SERVE, str(run.path)]
        self.log = folder / "server.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, env=environment)
        atexit.register(self.process.kill)
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline().rpartition(":")[2])
        self.cases, self.files, self.memory = 0, 0, 0.0

    def talk(self, parts: list[bytes], *, pause: float = 0.0, whole: bool = True) -> bytes:
        """Send bytes, and return what comes back until the connection is closed.

        Args:
            parts: the bytes.
            pause: seconds between two parts.
            whole: whether the parts are a whole request; else the end of the bytes is shown to the server.
        """
        with socket.create_connection(("127.0.0.1", self.port), timeout=SECONDS) as connection:
            found = b""
            try:
                for part in parts:
                    connection.sendall(part)
                    time.sleep(pause)
                if not whole:
                    connection.shutdown(socket.SHUT_WR)
                while chunk := connection.recv(65536):
                    found += chunk
            except TimeoutError:
                raise
            except OSError:  # the server has closed the connection
                pass
            return found

    def leaks(self) -> str:
        """Why the server seems to hold more than before; empty if it does not."""
        self.cases += 1
        if self.cases % LOOK:
            return ""
        time.sleep(1)
        files, memory = len(os.listdir(f"/proc/{self.process.pid}/fd")), self._memory()
        if self.cases == LOOK:
            self.files, self.memory = files, memory
        if files > self.files + 5:
            return f"{files} open files, {self.files} before"
        if memory > self.memory + GROWTH:
            return f"{memory:.0f} MB, {self.memory:.0f} MB before"
        return ""

    def _memory(self) -> float:
        (kilobytes,) = re.findall(r"VmRSS:\s+(\d+)", Path(f"/proc/{self.process.pid}/status").read_text())
        return int(kilobytes) / 1024


def prepare(folder: Path) -> Attack:
    server = Server(folder)

    def attack(rng: random.Random, folder: Path) -> Verdict:
        kind = rng.choices([*KINDS], [weight for weight, _ in KINDS.values()])[0]
        try:
            outcome, failure = judged(KINDS[kind][1](rng, server))
        except TimeoutError:
            outcome, failure = "no end", f"the connection stayed open for {SECONDS} seconds"
        if not failure and server.process.poll() is not None:
            failure = f"the server ended with {server.process.returncode}: {server.log.read_text()[-500:]}"
        if not failure and b" 200 " not in server.talk([request("/predict", b'{"text": "orbit"}')])[:15]:
            failure = "the next good request failed"
        return Verdict(kind, outcome, failure or server.leaks())

    return attack


def judged(answer: bytes) -> tuple[str, str]:
    """The outcome, and why it is a failure."""
    if not answer:
        return "closed", ""
    head, _, body = answer.partition(b"\r\n\r\n")
    if not (found := re.match(rb"HTTP/1\.1 (\d{3}) ", head)):
        return "no answer of HTTP", repr(answer[:200])
    status = int(found[1])
    if status == 100:
        return judged(body)
    if status < 400:
        return "answered", ""
    if status >= 500 and status != 503:
        return "error", repr(answer[:500])
    try:
        error = json.loads(body.split(b"HTTP/1.1 ")[0])["error"]
        clear = error["message"].endswith((".", "!", "?")) and len(error["message"]) < 1000
        if error["status"] != status or not clear:
            raise ValueError("other status, or no sentence")
    except (ValueError, LookupError, TypeError, AttributeError) as wrong:
        return "refused", f"not a clear error ({wrong!r}): {answer[:500]!r}"
    return "refused", ""


def request(target: str, body: bytes, *, kind: str = "application/json", method: str = "POST") -> bytes:
    """A whole request, after which the server closes the connection."""
    head = f"{method} {target} HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-type: {kind}\r\n"
    return f"{head}content-length: {len(body)}\r\n\r\n".encode("latin-1") + body


def _good(rng: random.Random) -> bytes:
    target, value = rng.choice(GOOD)
    return request(target, json.dumps(value).encode())


def _garbage(rng: random.Random, server: Server) -> bytes:
    return server.talk([rng.randbytes(rng.randint(1, 2000))], whole=False)


def _damaged(rng: random.Random, server: Server) -> bytes:
    data = _good(rng)
    for _ in range(rng.randint(1, 3)):
        data = rng.choice((flip, insert, delete, cut_off))(rng, data) or b"x"
    return server.talk([data], whole=False)


def _lengths(rng: random.Random, server: Server) -> bytes:
    length = rng.choice(("-1", "1e3", "0x10", "", "3, 4", str(10**30), "5", "99", "+7", "١"))
    twice = rng.choice(("", "content-length: 3\r\n", "transfer-encoding: chunked\r\n"))
    head = f"POST /predict HTTP/1.1\r\nhost: a\r\ncontent-length: {length}\r\n{twice}\r\n"
    return server.talk([head.encode() + b'{"text": "a"}'], whole=False)


def _chunks(rng: random.Random, server: Server) -> bytes:
    head = b"POST /predict HTTP/1.1\r\nhost: a\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n"
    sizes = (b"d", b"5", b"ffffffffff", b"-1", b"zz", b"", b"d;x=1", b"0" * 300 + b"d")
    body = b"".join(rng.choice(sizes) + b'\r\n{"text": "a"}\r\n' for _ in range(rng.randint(1, 3)))
    return server.talk([head + body + rng.choice((b"", b"0\r\n\r\n", b"0\r\nx: y\r\n\r\n"))], whole=False)


def _heads(rng: random.Random, server: Server) -> bytes:
    many = "".join(f"x-{n}: {'y' * rng.choice((1, 100, 5000))}\r\n" for n in range(rng.choice((1, 50, 2000))))
    target = "/predict" + rng.choice(("", "?" + "a=b&" * rng.choice((1, 5000)), "/" * 50_000, "%ff%00", "\x80é"))
    body = b'{"text": "a"}'
    head = f"POST {target} HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: {len(body)}\r\n{many}\r\n"
    return server.talk([head.encode("latin-1") + body], whole=False)


def _json(rng: random.Random, server: Server) -> bytes:
    number = rng.choice(("NaN", "Infinity", "1e999", "-" + "9" * 5000, "1" * 400, "0.1e-400", "01", "+1"))
    body = rng.choice((
        f'{{"text": {number}}}', f'{{"text": "a", "probabilities": {number}}}', f'{{"texts": [{number}]}}',
        "[" * rng.choice((10, 2000, 90_000)), '{"text": ' * 30_000, '{"text": "\\ud800"}', '{"text": "\\u0000"}',
        '{"text": "a", "text": 3}', '"' + "x" * 100_000 + '"',
        '{"text": "' + "x" * rng.choice((100_000, 300_000)) + '"}',
        json.dumps({"texts": ["a"] * rng.choice((1, 1000, 30_000))}), "",
    )).encode()  # fmt: skip
    if rng.randrange(3) == 0:
        body = insert(rng, body)
    return server.talk([request(rng.choice(("/predict", "/explain")), body)])


def _values(rng: random.Random, server: Server) -> bytes:
    target, value = rng.choice(GOOD)
    tree = json.loads(json.dumps(value))
    for _ in range(rng.randint(1, 3)):
        tree = edited(rng, tree) if isinstance(tree, (dict, list)) else tree
    return server.talk([request(target, json.dumps(tree).encode())])


def _query(rng: random.Random, server: Server) -> bytes:
    name = rng.choice(("model", "probabilities", "modle", "", "%00", "é".encode().decode("latin-1")))
    value = rng.choice(
        ("small", "small@", "@", "0", "-1", "9" * 50, "all", "%ff", "a" * 3000, "%0d%0aset-cookie:a", "")
    )
    path = rng.choice(("/predict", "/explain", "/models", "/card", "/metrics", "/", "/nope", "//predict", "/predict/"))
    method = rng.choice(("GET", "POST", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE", "PATCH", "CONNECT"))
    answer = server.talk([request(f"{path}?{name}={value}", b'{"text": "a"}', method=method)])
    return b"" if method == "HEAD" else answer  # which has no body to judge


def _types(rng: random.Random, server: Server) -> bytes:
    kind = rng.choice((
        "text/plain", "multipart/form-data; boundary=a", "application/json; charset=utf-7", ";", "a/b" * 900,
        "application/xml", "application/x-ndjson; charset=é", "application/jsonl",
    ))  # fmt: skip
    return server.talk([request("/predict", b'{"text": "a"}', kind=kind)])


def _lines(rng: random.Random, server: Server) -> bytes:
    lines = (b'"orbit"', b'{"text": "pixel"}', b"", b"{", b"\xff\xfe", b"NaN", b'{"txt": 1}', b'"' + b"x" * 250_000)
    body = b"\n".join(rng.choices(lines, k=rng.randint(1, 100)))
    if rng.randrange(2):
        body = flip(rng, body) if body else body
    return server.talk([request("/predict", body, kind="application/x-ndjson")])


def _slow(rng: random.Random, server: Server) -> bytes:
    data = _good(rng)
    until = rng.choice((data.index(b"\r\n\r\n"), len(data) - 1))
    at = sorted(rng.sample(range(1, until), 8))
    parts = [data[start:end] for start, end in zip([0, *at], [*at, until], strict=True)]
    return server.talk(parts, pause=0.06)


def _gone(rng: random.Random, server: Server) -> bytes:
    with socket.create_connection(("127.0.0.1", server.port), timeout=SECONDS) as connection:
        data = _good(rng)
        connection.sendall(data[: rng.choice((len(data), rng.randrange(len(data))))])
        if rng.randrange(2):  # a reset instead of an end
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    return b""


KINDS: dict[str, tuple[int, Callable[[random.Random, Server], bytes]]] = {
    "bytes that are no HTTP": (10, _garbage),
    "a damaged request": (20, _damaged),
    "wrong lengths": (8, _lengths),
    "broken chunks": (8, _chunks),
    "odd and huge heads": (8, _heads),
    "odd JSON": (12, _json),
    "wrong values": (20, _values),
    "odd paths, queries and methods": (10, _query),
    "other types": (4, _types),
    "damaged lines": (8, _lines),
    "a client that dribbles": (2, _slow),
    "a client that goes away": (6, _gone),
}
"""Weight and attack of each kind."""
