"""The command line in several processes: the first one writes; another only if the first cannot report a failure."""

from __future__ import annotations

import io
import os
import sys
from contextlib import suppress
from typing import TextIO

from textforge.errors import RecipeError
from textforge.runs.processes.launch import Launch, launched

TOGETHER = ("run", "resume")
"""Commands that several processes run together."""


class Voice:
    """What this process writes to stdout and stderr."""

    def __init__(self) -> None:
        self._launch: Launch | None = None
        with suppress(RecipeError):  # the command reports it
            self._launch = launched()
        self._stderr: TextIO = sys.stderr
        self._held = io.StringIO()
        if self._launch is not None:
            os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")  # else torch reports each lost connection
        if self._launch is not None and not self._launch.first:
            sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115  (open to the end)
            sys.stderr = self._held

    def end(self, code: int) -> None:
        """Let one process report that the command has failed, whichever of them have."""
        if self._launch is None or code == 0:
            return
        from textforge.errors import TextforgeError
        from textforge.runs.processes.board import Board

        try:
            board = Board.connect(self._launch, wait=5.0)
        except TextforgeError:
            board = None
        if self._launch.first:
            if board is not None:
                board.said()
            return
        text = self._held.getvalue().strip() or f"exit code {code}"
        if board is not None and not board.has_joined:  # the first process may wait for this one
            board.fail(text.removeprefix("error: "), code)
        if board is None or board.must_say():
            self._stderr.write(f"{self._launch}: {text}\n")
            self._stderr.flush()


def refuse_other_commands(name: str | None) -> None:
    """Refuse a command that several processes would each run for themselves.

    Raises:
        RecipeError: torchrun has started several.
    """
    launch = launched()
    if launch is not None and name not in TOGETHER:
        raise RecipeError(
            f"torchrun has started {launch.size} processes, but '{name}' works in one. Only "
            "'run' and 'resume' work in several."
        )
