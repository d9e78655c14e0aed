"""What a person sees on a terminal: a bar while it goes on, nothing of it afterwards."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import warm_processes

pty = pytest.importorskip("pty")
import pyte  # noqa: E402

COLUMNS = 300
"""Wide enough for every line."""
CURSOR_OFF, CURSOR_ON = "\x1b[?25l", "\x1b[?25h"


def on_terminal(*arguments: object, piped: bool = True) -> tuple[int, str, str]:
    """Exit code, stdout (a pipe, or the terminal too), and what the terminal is sent."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [*warm_processes.command(), *map(str, arguments)],
        stdin=slave,
        stdout=subprocess.PIPE if piped else slave,
        stderr=slave,
        env={**os.environ, "TERM": "xterm-256color", "COLUMNS": str(COLUMNS)},
    )
    os.close(slave)
    shown = b""
    try:
        while data := os.read(master, 1 << 16):
            shown += data
    except OSError:  # Linux's end of file on a terminal: nobody holds the other side any more
        pass
    os.close(master)
    stdout = process.communicate(timeout=60)[0] or b""
    return process.returncode, stdout.decode(), shown.decode()


def on_screen(shown: str) -> list[str]:
    """The lines that a terminal shows after all that it was sent."""
    screen = pyte.Screen(COLUMNS, 60)
    pyte.Stream(screen).feed(shown)
    assert not screen.cursor.hidden
    return "\n".join(line.rstrip() for line in screen.display).rstrip().split("\n")


@pytest.mark.slow
def test_a_terminal_has_a_bar_for_each_epoch_and_for_the_evaluation(recipe_file: Path, tmp_path: Path) -> None:
    code, stdout, shown = on_terminal("run", recipe_file, "--out", tmp_path / "run", "-s", "trainer.batch_size=2")
    assert code == 0
    assert stdout.startswith("test accuracy")
    assert "\x1b" not in stdout
    for what in (r"epoch 1", r"epoch 3"):
        assert re.search(rf"{what}[^\n]*━[^\n]*48/48[^\n]*steps", shown), what
    assert re.search(r"evaluate[^\n]*━[^\n]*24/24[^\n]*texts", shown)


@pytest.mark.slow
def test_on_a_terminal_nothing_of_the_bar_is_left_among_the_results(recipe_file: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    code, _, shown = on_terminal("run", recipe_file, "--out", run, "-s", "trainer.batch_size=2", piped=False)
    assert code == 0
    assert CURSOR_OFF in shown
    first, *between, last = on_screen(shown)
    assert first.startswith("loading dataset 'csv'")
    assert last == f"run folder: {run}"
    start = next(n for n, line in enumerate(between) if line.startswith("training model 'mlp'"))
    epochs, told, head = between[start + 1 : start + 4], *between[start + 4 : start + 6]
    for number, line in enumerate(epochs, start=1):
        assert re.fullmatch(rf"epoch {number}/3  train loss \d\.\d{{4}}  \d+\.\d\d s", line)
    assert told.startswith("evaluating on test")
    assert head.startswith("test accuracy")

    code, _, shown = on_terminal("evaluate", run, piped=False)
    assert code == 0
    assert re.search(r"━[^\n]*24/24[^\n]*texts", shown)
    evaluated = on_screen(shown)
    assert evaluated[0].startswith("warning: no test file")
    own = [line for line in between[start + 5 : -1] if not line.startswith("baselines: ")]
    assert evaluated[1:] == own


@pytest.mark.slow
def test_a_terminal_is_left_as_it_was_when_a_run_fails(recipe_file: Path, tmp_path: Path) -> None:
    failing = ["-s", "optimizer=sgd", "-s", "optimizer.lr=1e30", "-s", "trainer.batch_size=4"]
    code, _, shown = on_terminal("run", recipe_file, "--out", tmp_path / "run", *failing)
    assert code == 1
    assert CURSOR_OFF in shown
    last = shown[shown.rindex(CURSOR_ON) :]
    assert CURSOR_OFF not in last
    assert "error: the loss became" in last, "the message stands below where the bar was, not in it"
    assert "━" not in last


def test_a_quiet_run_draws_nothing_on_a_terminal(recipe_file: Path, tmp_path: Path) -> None:
    code, _, shown = on_terminal("run", recipe_file, "--out", tmp_path / "run", "--quiet")
    assert (code, shown) == (0, "")


def test_on_a_narrow_terminal_options_are_paragraphs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[__name__], "COLUMNS", 80)
    code, _, shown = on_terminal("plugins", "dataset", "newsgroups", piped=False)
    lines = shown.replace("\r\n", "\n").split("\n")
    assert code == 0
    assert max(map(len, lines[2:])) <= 80
    assert "archive" in lines
    assert lines[lines.index("archive") + 1] == "    path | null  (default: null)"


def test_predict_on_a_terminal_says_that_it_waits_for_texts(finished_run: Path) -> None:
    master, slave = pty.openpty()
    command = [*warm_processes.command(), "predict", str(finished_run)]
    with subprocess.Popen(command, stdin=slave, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        os.close(slave)
        assert process.stderr
        assert process.stderr.readline() == "reading texts from the terminal, one per line; end with Ctrl-D …\n"
        os.write(master, b"moon rocket\n\x04")
        stdout, _ = process.communicate(timeout=60)
    os.close(master)
    assert process.returncode == 0
    assert stdout.count("\n") == 1
