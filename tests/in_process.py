"""The command line inside the test's process, and tiny plugins as if they were installed.

For tests that are about what a command does; those about processes, signals and terminals use
`conftest.textforge`, which costs a second or two each time.
"""

from __future__ import annotations

import io
import sys
from subprocess import CompletedProcess
from unittest.mock import patch

from textforge.cli import cli
from textforge.cli.failures import guarded


def invoke(*arguments: object, stdin: str | bytes = b"") -> CompletedProcess:
    """Exit code, stdout and stderr of a command; a traceback shows only if it was asked for."""
    data = stdin.encode() if isinstance(stdin, str) else stdin
    streams = {name: io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="") for name in ("stdout", "stderr")}
    given = [str(argument) for argument in arguments]
    with (
        patch.object(sys, "argv", ["textforge", *given]),
        patch.object(sys, "stdin", io.TextIOWrapper(io.BytesIO(data))),
        patch.object(sys, "stdout", streams["stdout"]),
        patch.object(sys, "stderr", streams["stderr"]),
    ):
        code = guarded(cli)
    stdout, stderr = (_text(stream) for stream in streams.values())
    assert ("Traceback" in stderr) <= ("--debug" in given), stderr
    return CompletedProcess(given, code, stdout, stderr)


def _text(stream: io.TextIOWrapper) -> str:
    stream.flush()
    return stream.buffer.getvalue().decode()
