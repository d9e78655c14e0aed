"""Processes of the command line that need not import torch, each forked from one that has imported it.

An import of torch takes over a second, and hundreds of tests start `textforge` in a process of its own. A server, one
for each worker of the tests, imports what the commands use and never computes. A client in place of
`python -m textforge` sends it arguments, environment and open files; the server forks a process that runs the
command on those files; the client forwards signals and ends as that process does. What tests observe (streams,
pipes, terminals, signals, exit codes, files) is that of a real process.

Tests about the start itself (limits of memory and files, interpreter options, imports) start Python as users do.
"""

from __future__ import annotations

import atexit
import fcntl
import json
import os
import select
import shlex
import signal
import socket
import struct
import subprocess
import sys
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path

STATUS = struct.Struct("!i")
"""The status of a process as `os.waitpid` gives it."""
FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
PRELOADED = """numpy polars safetensors.torch scipy.sparse sklearn.metrics torch torch.optim yaml textforge.cli.evaluate
    textforge.cli.predict textforge.cli.run textforge.runs.runner textforge.sklearn textforge_standard""".split()


@cache
def command() -> tuple[str, ...]:
    """What to write for `python -m textforge`: Popen and shells can start it. The server ends with this process."""
    folder = tempfile.mkdtemp(prefix="warm")
    address = os.path.join(folder, "socket")
    server = subprocess.Popen(
        [sys.executable, __file__, "serve", address], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert server.stdout is not None
    assert server.stdout.readline() == b"ready\n"
    atexit.register(server.wait)
    atexit.register(server.stdin.close)  # which ends it
    return sys.executable, "-I", "-S", __file__, "ask", address


def in_shell() -> str:
    """The same for a shell."""
    return shlex.join(command())


def _serve(address: str) -> None:
    import importlib

    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # which `nohup pytest` ignores
    for name in PRELOADED:
        importlib.import_module(name)
    running: dict[int, tuple[int, socket.socket]] = {}  # by the file that becomes readable when the process ends
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen()
        print("ready", flush=True)
        while True:
            clients = {client: pid for pid, client in running.values()}
            readable, _, _ = select.select([listener, 0, *running, *clients], [], [])
            if 0 in readable:  # closed: the tests have ended
                return
            for ready in readable:
                if ready is listener:
                    client, _ = listener.accept()
                    pid = _start(client)
                    running[os.pidfd_open(pid)] = pid, client
                elif ready in running:
                    pid, client = running.pop(ready)
                    os.close(ready)
                    with client, suppress(OSError):
                        client.sendall(STATUS.pack(os.waitpid(pid, 0)[1]))
                elif ready.fileno() >= 0:
                    _pass_on(ready, clients[ready])


def _start(client: socket.socket) -> int:
    """Fork a process that runs the command that the client sends; return its id."""
    size, files, _, _ = socket.recv_fds(client, STATUS.size, 3)
    request = json.loads(client.recv(STATUS.unpack(size)[0], socket.MSG_WAITALL))
    pid = os.fork()
    if pid == 0:
        _run(request, files)
    for file in files:
        os.close(file)
    return pid


def _pass_on(client: socket.socket, pid: int) -> None:
    """Send the process the signal that its client has received, or end it with its client."""
    with suppress(OSError):
        number = client.recv(1)
        os.kill(pid, number[0] if number else signal.SIGKILL)


def _run(request: dict[str, object], files: list[int]) -> None:
    """Become `python -m textforge` with these arguments, environment and files."""
    moved = [fcntl.fcntl(file, fcntl.F_DUPFD, 3 + len(files)) for file in files]  # off the numbers to be set
    os.closerange(0, 3)
    for number, file in zip(request["open"], moved, strict=True):
        os.dup2(file, number)
    os.closerange(3, max(moved, default=3) + 1)  # the server's and those of its other clients
    os.chdir(request["folder"])
    before = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    os.environ.clear()
    os.environ.update(request["environment"])
    added = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path not in before]
    sys.path[:1] = [request["folder"], *added]
    sys.argv = [str(Path(sys.path[1], "textforge", "__main__.py")), *request["arguments"]]
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        stream = None  # what Python sets if the file is closed
        if number in request["open"]:
            errors = "backslashreplace" if name == "stderr" else None
            stream = open(number, "w" if number else "r", 1 if errors else -1, "utf-8", errors, closefd=False)  # noqa: SIM115
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    from textforge.__main__ import main

    try:
        main()
    except SystemExit as end:  # the interpreter of the server, with all that it has imported, is slow to end
        os._exit(end.code)


def _ask(address: str, arguments: list[str]) -> None:
    given = [number for number in range(3) if _is_open(number)]
    request = {"arguments": arguments, "environment": dict(os.environ), "folder": os.getcwd(), "open": given}
    data = json.dumps(request).encode()
    made = socket.socket(socket.AF_UNIX)
    connection = socket.socket(
        fileno=fcntl.fcntl(made, fcntl.F_DUPFD, 3)
    )  # `made` may have the number of a closed file
    connection.connect(address)
    for number in FORWARDED:
        signal.signal(number, lambda number, _: connection.sendall(bytes([number])))
    socket.send_fds(connection, [STATUS.pack(len(data))], given)
    connection.sendall(data)
    os.closerange(0, 3)  # a pipe must close when the process closes it
    status = connection.recv(STATUS.size, socket.MSG_WAITALL)
    (code,) = STATUS.unpack(status)
    if os.WIFSIGNALED(code):
        signal.signal(os.WTERMSIG(code), signal.SIG_DFL)
        os.kill(os.getpid(), os.WTERMSIG(code))
    os._exit(os.waitstatus_to_exitcode(code))


def _is_open(number: int) -> bool:
    with suppress(OSError):
        os.fstat(number)
        return True
    return False


if __name__ == "__main__":
    _serve(sys.argv[2]) if sys.argv[1] == "serve" else _ask(sys.argv[2], sys.argv[3:])
