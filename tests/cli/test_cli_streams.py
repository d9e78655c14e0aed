"""Where stderr closes, is full, or was a terminal that has gone, messages are lost and the work goes on."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from unittest.mock import patch

import pytest
import warm_processes
from conftest import small_recipe, textforge, write_site
from in_process import invoke

from textforge.cli.messages import Unfailing, write_message
from textforge.cli.progress import Bar, Lines, progress_for
from textforge.training.validation import EpochResult

LOUD = '''
import sys, warnings
import textforge

class Loud:
    def epoch_ended(self, result):
        print("printed " * 1000, flush=True)
        print("on stderr " * 1000, file=sys.stderr, flush=True)
        sys.stderr.buffer.write(b"bytes\\n")
        warnings.warn("warned")

def loud(run_folder, /):
    """Prints wherever it can."""
    return Loud()

@textforge.hookimpl
def textforge_callbacks():
    return {"loud": loud}
'''


def run_with(
    stderr: object, recipe: Path, out: Path, *arguments: str, **options: object
) -> subprocess.CompletedProcess:
    """A run whose stderr is that; its stdout as text."""
    command = [*warm_processes.command(), "run", str(recipe), "--out", str(out), *arguments]
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=stderr, text=True, timeout=240, **options)


def is_done(done: subprocess.CompletedProcess, out: Path) -> None:
    assert done.returncode == 0
    assert done.stdout.startswith("test accuracy")
    result = json.loads((out / "result.json").read_text())
    assert result["epochs"] == 3
    assert (out / "model" / "bundle.json").is_file()


@pytest.fixture
def closed_pipe() -> object:
    reading, writing = os.pipe()
    os.close(reading)
    yield writing
    os.close(writing)


def test_a_pipe_that_nobody_reads_ends_no_run(recipe_file: Path, tmp_path: Path, closed_pipe: int) -> None:
    is_done(run_with(closed_pipe, recipe_file, tmp_path / "run"), tmp_path / "run")


def test_a_reader_that_leaves_after_three_lines_ends_no_run(recipe_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    command = f"{warm_processes.in_shell()} run {recipe_file} --out {out} 2> >(head -3 >&2)"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=240)
    is_done(done, out)
    assert done.stderr.startswith("loading dataset")


def test_a_full_device_ends_no_run(recipe_file: Path, tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    with open("/dev/full", "wb") as full:
        is_done(run_with(full, recipe_file, tmp_path / "run"), tmp_path / "run")


@pytest.mark.parametrize("arguments", [[], ["--quiet"]])
def test_a_terminal_that_has_gone_ends_no_run(recipe_file: Path, tmp_path: Path, arguments: list[str]) -> None:
    """With the bar, which is drawn while stderr still says that it is a terminal."""
    pty = pytest.importorskip("pty")
    master, slave = pty.openpty()
    command = [*warm_processes.command(), "run", str(recipe_file), "--out", str(tmp_path / "run"), *arguments]
    with subprocess.Popen(command, stdin=slave, stdout=subprocess.PIPE, stderr=slave, text=True) as process:
        if not arguments:
            assert b"loading dataset" in os.read(master, 100)
        os.close(master)
        os.close(slave)
        stdout, _ = process.communicate(timeout=240)
    is_done(subprocess.CompletedProcess(command, process.returncode, stdout), tmp_path / "run")


def test_what_plugins_and_libraries_print_ends_no_run(recipe_file: Path, tmp_path: Path, closed_pipe: int) -> None:
    (tmp_path / "site").mkdir()
    site = write_site(tmp_path / "site", "textforge-loud", LOUD)
    path = os.pathsep.join(filter(None, [str(site), os.getenv("PYTHONPATH")]))
    env = {**os.environ, "PYTHONPATH": path, "PYTHONWARNINGS": "always"}
    done = run_with(closed_pipe, recipe_file, tmp_path / "run", "-s", "callbacks=[loud]", env=env)
    is_done(done, tmp_path / "run")
    warnings = json.loads((tmp_path / "run" / "result.json").read_text())["warnings"]
    assert [one.split()[0] for one in warnings] == ["no", "test"]  # of the data: nothing about the callback


def test_warnings_and_failures_keep_their_exit_code(finished_run: Path, tmp_path: Path, closed_pipe: int) -> None:
    base = [*warm_processes.command()]
    for arguments, code in (
        (["evaluate", str(finished_run)], 0),
        (["predict", str(finished_run), "--on-error", "mark"], 0),
        (["check", str(tmp_path / "away.yaml")], 2),
        (["run"], 2),
    ):
        done = subprocess.run([*base, *arguments], input=b"moon\n\xff\n", stdout=subprocess.PIPE, stderr=closed_pipe)
        assert done.returncode == code, arguments


def test_a_closed_stdout_does_not_stop_the_progress(recipe_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    command = f"{warm_processes.in_shell()} run {recipe_file} --out {out} >&-"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=240)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.splitlines()[-1] == "evaluating on test …"
    assert (out / "result.json").is_file()


class Gone(io.TextIOBase):
    """A terminal of which nothing works any more."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        raise self.error

    def flush(self) -> None:
        raise self.error


@pytest.mark.parametrize("error", [OSError(5, "Input/output error"), ValueError("I/O operation on closed file")])
@pytest.mark.parametrize("kind", [Lines, Bar])
def test_no_progress_raises(kind: type, error: Exception) -> None:
    result = EpochResult(1, 0.5, None, False, 3, 0.1)
    with patch.object(sys, "stderr", Gone(error)):
        write_message("x")
        with progress_for(quiet=False):
            pass
        progress = kind()
        for _ in range(2):
            progress.stage("x")
            progress.warning("x")
            progress.step(1, 1, 2)
            progress.epoch(result, 2)
            progress.evaluated(1, 1)
            progress.predicted(5)
        if kind is Bar:
            progress.close()


def test_bytes_are_lost_only_where_nothing_takes_them() -> None:
    class Slow(io.RawIOBase):
        taken = b""
        full = False

        def write(self, data: bytes) -> int | None:
            if self.full:
                return None
            self.taken += bytes(data[:2])
            return min(2, len(data))

    below = Slow()
    stream = io.TextIOWrapper(Unfailing(below), line_buffering=True)
    stream.write("whole\n")
    below.full = True
    stream.write("lost\n")
    below.full = False
    stream.write("again\n")
    assert below.taken == b"whole\nagain\n"


def test_an_interrupt_within_a_write_writes_nothing_twice() -> None:
    class Interrupted(io.RawIOBase):
        taken = b""

        def write(self, data: bytes) -> int:
            self.taken += bytes(data)
            if data == b"one\n":
                raise KeyboardInterrupt
            return len(data)

    below = Interrupted()
    stream = io.TextIOWrapper(Unfailing(below), line_buffering=True)
    with pytest.raises(KeyboardInterrupt):
        stream.write("one\n")
    stream.write("two\n")
    assert below.taken == b"one\ntwo\n"


def test_what_a_callers_own_progress_raises_ends_the_run(small_csv: Path, tmp_path: Path) -> None:
    """The command line's never does; a caller's is the caller's decision."""
    import textforge as library

    class Cancelled(library.Progress):
        def epoch(self, result: object, epochs: int) -> None:
            raise RuntimeError("cancelled")

    with pytest.raises(RuntimeError, match="cancelled"):
        library.run(small_recipe(small_csv), out=tmp_path / "run", progress=Cancelled())


def test_messages_are_whole_on_a_stderr_that_works(finished_run: Path, tmp_path: Path) -> None:
    assert textforge("check", tmp_path / "away.yaml").stderr == invoke("check", tmp_path / "away.yaml").stderr
    done = textforge("evaluate", finished_run)
    assert done.stderr == "warning: no test file: 24 of 120 rows, stratified by label, are held out for the test.\n"
