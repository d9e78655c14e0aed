"""`textforge serve` as a process: sockets, signals, limits of connections, TLS, the access log."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import warm_processes
from in_process import invoke


@contextmanager
def served(*arguments: object, **environment: str) -> Iterator[tuple[subprocess.Popen, int]]:
    """A server on a free port; gives the process and the port."""
    command = [*warm_processes.command(), "serve", "--port", "0", *map(str, arguments)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env={**os.environ, **environment})
    try:
        started = process.stderr.readline()
        found = re.search(r"on https?://127\.0\.0\.1:(\d+); end with Ctrl-C", started)
        assert found, started + process.stderr.read()
        yield process, int(found[1])
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


def ask(port: int, path: str = "/predict", body: object = None, **headers: str) -> tuple[int, dict]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    data = None if body is None else json.dumps(body)
    connection.request("GET" if data is None else "POST", path, data, {"content-type": "application/json", **headers})
    answer = connection.getresponse()
    found = json.loads(answer.read())
    connection.close()
    return answer.status, found


def raw(port: int, data: bytes) -> bytes:
    """Everything that the server sends after some bytes, until it closes the connection."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(data)
        found = b""
        try:
            while chunk := connection.recv(65536):
                found += chunk
        except ConnectionError:
            pass
        return found


@pytest.fixture(scope="module")
def server(finished_run: Path) -> Iterator[int]:
    with served(finished_run, "--access-log", "off", "--body-timeout", "0.5", "--max-body", "0.1") as (_, port):
        yield port


def test_a_request_is_answered_over_a_socket(server):
    status, found = ask(server, body={"text": "orbit"})
    assert (status, len(found["predictions"])) == (200, 1)


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"\x00\x01\x02garbage\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00", 400),
        (b"GET / HTTP/9.9\r\n\r\n", 400),
        (b"POST /predict HTTP/1.1\r\nhost: a\r\ncontent-length: abc\r\n\r\n", 400),
        (b"POST /predict HTTP/1.1\r\nhost: a\r\ncontent-length: -5\r\n\r\n", 400),
        (b"POST /predict HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", 400),
        (b"GET / HTTP/1.1\r\nhost: a\r\nx: " + b"y" * 100_000, 431),
        (b"GET /" + b"y" * 100_000, 431),
        (b"POST /predict HTTP/1.1\r\nhost: a\r\ncontent-length: 50\r\n\r\n{", 408),
        (b"POST /predict HTTP/1.1\r\nhost: a\r\ncontent-length: 99999999999999\r\n\r\n{", 413),
        (b"POST /predict HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 900000\r\n\r\n", 413),
    ],
    ids=lambda one: repr(one[:50]) if isinstance(one, bytes) else str(one),
)
def test_what_is_no_good_request_is_answered_by_an_error_and_the_connection_is_closed(server, data, status):
    head, _, body = raw(server, data).partition(b"\r\n\r\n")
    assert int(head.split()[1]) == status, (head, body)
    assert b"application/json" in head and b"connection: close" in head
    assert json.loads(body)["error"]["status"] == status
    assert ask(server, "/healthz")[0] == 200


def test_pipelined_requests_are_answered_in_order(server):
    one = b"GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n"
    last = b"GET /readyz HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"
    found = raw(server, one * 3 + last)
    assert (found.count(b'"ok"'), found.count(b'"ready"')) == (3, 1)


def test_a_head_that_dribbles_is_given_up(server):
    began = time.monotonic()
    assert b" 408 " in raw(server, b"GET / HTTP/1.1\r\nhost:")
    assert raw(server, b"") == b""  # no byte at all
    assert raw(server, b"\r\n") == b""
    assert time.monotonic() - began < 60


def test_connections_are_bounded(finished_run):
    with served(finished_run, "--access-log", "off", "--connections", "3") as (_, port):
        idle = [socket.create_connection(("127.0.0.1", port)) for _ in range(3)]
        assert b" 503 " in raw(port, b"")
        for one in idle:
            one.close()
        until = time.monotonic() + 20
        while ask(port, "/healthz")[0] == 503:
            assert time.monotonic() < until
            time.sleep(0.05)


def test_a_signal_stops_the_server_once_everything_accepted_is_answered(finished_run):
    with served(finished_run, "--access-log", "off") as (process, port):
        statuses, failures = list[int](), list[str]()

        def ask_on() -> None:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
            last = False
            while not last:
                try:
                    connection.request("POST", "/predict", '{"text": "orbit"}')
                    answer = connection.getresponse()
                    answer.read()
                    statuses.append(answer.status)
                    last = answer.getheader("connection") == "close"
                except (OSError, http.client.HTTPException) as error:
                    failures.append(repr(error))
                    last = True
            connection.close()

        clients = [threading.Thread(target=ask_on) for _ in range(8)]
        for one in clients:
            one.start()
        until = time.monotonic() + 20
        while len(statuses) < 50 and time.monotonic() < until:
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        for one in clients:
            one.join(20)
        assert process.wait(20) == 0
        assert not failures
        assert {*statuses} == {200}
        assert "every accepted request was answered" in process.stderr.read()


def test_a_second_signal_ends_the_server_at_once_and_grace_bounds_the_first(finished_run):
    for arguments, signals, code in (
        (("--grace", "60"), [signal.SIGTERM, signal.SIGINT], 130),
        (("--grace", "0.3"), [signal.SIGTERM], 143),
    ):
        with served(finished_run, "--access-log", "off", *arguments) as (process, port):
            with socket.create_connection(("127.0.0.1", port)) as connection:
                head = b"POST /predict HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 50\r\n\r\n"
                connection.sendall(head)
                assert connection.recv(100).startswith(b"HTTP/1.1 100 ")  # so the server waits for the body
                for number in signals:
                    process.send_signal(number)
                    time.sleep(0.4)
                assert process.wait(10) == code
            assert "Traceback" not in process.stderr.read()


def test_the_access_log_has_a_line_for_each_request_and_texts_only_if_asked(finished_run, tmp_path):
    for number, options in enumerate(((), ("--log-texts",))):
        log = tmp_path / f"{number}.log"
        with served(finished_run, "--access-log", log, *options) as (process, port):
            ask(port, body={"text": "secret words"})
            ask(port, "/healthz")
            process.send_signal(signal.SIGINT)
            assert process.wait(20) == 0
        first, second = map(json.loads, log.read_text().splitlines())
        assert (first["path"], first["status"], first["n_texts"], second["path"]) == ("/predict", 200, 1, "/healthz")
        assert first.get("texts") == (["secret words"] if options else None)


def test_the_key_of_the_environment_is_needed(finished_run):
    with served(finished_run, "--access-log", "off", TEXTFORGE_API_KEY="k") as (_, port):
        assert ask(port, body={"text": "a"})[0] == 401
        assert ask(port, body={"text": "a"}, authorization="Bearer k")[0] == 200


def test_tls_by_files(finished_run, tmp_path):
    trustme = pytest.importorskip("trustme")
    authority = trustme.CA()
    own = authority.issue_cert("localhost", "127.0.0.1")
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    own.cert_chain_pems[0].write_to_path(certificate)
    own.private_key_pem.write_to_path(key)
    context = ssl.create_default_context()
    authority.configure_trust(context)
    with served(finished_run, "--tls-cert", certificate, "--tls-key", key, "--access-log", "off") as (_, port):
        connection = http.client.HTTPSConnection("127.0.0.1", port, context=context, timeout=20)
        connection.request("GET", "/healthz")
        assert connection.getresponse().status == 200
        connection.close()


def test_mistakes_of_the_command_are_refused_before_serving(finished_run, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        cases = [
            ((finished_run, "--port", port), f"cannot listen on 127.0.0.1:{port}: Address already in use"),
            ((finished_run, "--host", "no.such.host.invalid"), "cannot listen on no.such.host.invalid:8000"),
            ((tmp_path,), "neither a run"),
            ((finished_run, "--tls-key", "k.pem"), "--tls-key needs --tls-cert"),
            ((finished_run, "--port", "0", "--tls-cert", "none.pem"), "none.pem: cannot be used as certificate"),
            ((finished_run, "--cors", "example.org"), "must be an origin such as https://example.org"),
            ((finished_run, "--access-log", tmp_path / "no" / "log"), "cannot be opened for the access log"),
            ((finished_run, "--access-log", "off", "--log-texts"), "--log-texts needs an access log"),
        ]
        for arguments, message in cases:
            done = invoke("serve", *arguments)
            assert (done.returncode, message in done.stderr) in ((2, True), (1, True)), done.stderr


def test_a_missing_package_is_named_with_what_to_install(finished_run, monkeypatch):
    import importlib.util

    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "uvicorn" else found(name))
    done = invoke("serve", finished_run)
    assert (done.returncode, done.stderr) == (
        2, "error: textforge serve needs uvicorn. Install: pip install 'textforge[serve]'.\n",
    )  # fmt: skip
