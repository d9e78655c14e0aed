"""The image of the Dockerfile without a container: its own `pip` lines in a new environment, its own commands in it."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from conftest import ROOT


@dataclass
class Stage:
    """One stage of a Dockerfile: its base, its name, and its instructions in order."""

    base: str
    name: str
    instructions: list[tuple[str, str]] = field(default_factory=list)

    def all(self, keyword: str) -> list[str]:
        return [value for name, value in self.instructions if name == keyword]

    def exec_form(self, keyword: str) -> list[str]:
        """The words of the last ENTRYPOINT or CMD, which are JSON."""
        return [str(word) for word in json.loads(self.all(keyword)[-1])]

    @property
    def health(self) -> list[str]:
        options, _, words = self.all("HEALTHCHECK")[-1].partition("CMD ")
        assert "--timeout" in options
        return [str(word) for word in json.loads(words)]

    @property
    def variables(self) -> dict[str, str]:
        return dict(word.split("=", 1) for line in self.all("ENV") for word in shlex.split(line))


def stages(text: str) -> tuple[dict[str, str], list[Stage]]:
    """The arguments before the first stage, and the stages of a Dockerfile."""
    arguments: dict[str, str] = {}
    found: list[Stage] = []
    lines = re.sub(r"\\\n\s*", "", re.sub(r"(?m)^\s*#.*\n", "", text)).splitlines()
    for line in filter(str.strip, lines):
        keyword, _, value = line.partition(" ")
        if keyword == "FROM":
            base, _, name = value.partition(" AS ")
            found.append(Stage(base, name))
        elif found:
            found[-1].instructions.append((keyword, value.strip()))
        else:
            assert keyword == "ARG", line
            arguments.update([value.split("=", 1)])
    return arguments, found


def stage(name: str) -> Stage:
    """A stage of the project's Dockerfile."""
    return next(one for one in stages((ROOT / "Dockerfile").read_text())[1] if one.name == name)


def pip_lines() -> list[str]:
    """The RUN lines of the stages that call pip, in order."""
    return [line for name in ("wheel", "server") for line in stage(name).all("RUN") if "pip " in line]


def install(folder: Path, *, more: str = "") -> Path:
    """Make a virtual environment by the `pip` lines of the Dockerfile, and return its bin folder.

    The only changes: folders of the image are folders below `folder`, pip is that of this environment, which has one
    already, and it may use its cache.
    """
    commands = folder / "venv" / "bin"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", commands.parent], check=True)
    write_command(commands / "pip", f"{sys.executable} -m pip --python {commands / 'python'}")
    places = {"/tmp/wheels": "/wheels", "/tmp/constraints.txt": str(ROOT / "constraints.txt")}
    for line in pip_lines():
        for old, new in places.items():
            line = line.replace(old, new)
        line = line.replace("/wheels", str(folder / "wheels")).replace("--no-cache-dir ", "")
        env = {**os.environ, "PATH": f"{commands}:{os.environ['PATH']}", "MORE": more}
        env |= {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_COMPILE": "1"}
        env.pop("PYTHONPATH", None)
        done = subprocess.run(["sh", "-ec", line], cwd=ROOT, env=env, capture_output=True, text=True)
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
    return commands


def write_command(path: Path, command: str) -> None:
    """Write a program that calls another with its arguments."""
    path.write_text(f'#!/bin/sh\nexec {command} "$@"\n')
    path.chmod(0o755)


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def changed(words: list[str], port: int, bundle: Path | None = None) -> list[str]:
    """Words of the Dockerfile with another port, and the bundle's place."""
    found = [word.replace("8000", str(port)) for word in words]
    return [str(bundle) if bundle and word == "/model" else word for word in found]


class Service:
    """The server of the image as a process: an empty environment, its own user where that is possible."""

    def __init__(self, commands: Path, bundle: Path, scratch: Path, **variables: str) -> None:
        image = stage("server")
        self.port = free_port()
        self.commands = commands
        self.env = {"PATH": f"{commands}:/usr/bin:/bin", **image.variables, **variables}
        self.env["TEXTFORGE_CACHE"] = str(scratch / "cache")
        words = changed([*image.exec_form("ENTRYPOINT"), *image.exec_form("CMD")], self.port, bundle)
        user, group = image.all("USER")[-1].split(":")
        self.as_user = os.geteuid() == 0 and Path("/usr/bin/setpriv").exists()
        drop = f"setpriv --reuid {user} --regid {group} --clear-groups --no-new-privs --bounding-set=-all".split()
        self.log = scratch / "log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [*(drop if self.as_user else []), *words], env=self.env, cwd=scratch, stdout=log, stderr=log
            )

    def healthy(self) -> bool:
        """Run the command of the health check, as it is written."""
        words = changed(stage("server").health, self.port)
        return subprocess.run(words, env=self.env, capture_output=True).returncode == 0

    def wait(self, seconds: float = 60) -> None:
        end = time.monotonic() + seconds
        while not self.healthy():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < end, "the server did not become healthy"
            time.sleep(0.2)

    def stop(self) -> int:
        """Send the signal of the image, and return the exit code."""
        self.process.send_signal(getattr(signal, stage("server").all("STOPSIGNAL")[-1]))
        return self.process.wait(timeout=30)

    def kill(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
