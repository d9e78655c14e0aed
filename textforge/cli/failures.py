"""Error reporting: one sentence on stderr, the right exit code, and a traceback only with --debug."""

from __future__ import annotations

import io
import os
import signal
import sys
import traceback
from contextlib import suppress

import click

from textforge.cli import signals
from textforge.cli.messages import write_message
from textforge.errors import ComponentError, DataUnavailable, RecipeError, TextforgeError, shown_line
from textforge.errors.shortage import ShortageError, limits, shortage
from textforge.errors.temporaries import FULL
from textforge.runs.interruption import Interrupted

INTERRUPTED = [signals.exit_code(number) for number in signals.WORDS]
"""Exit codes of a process that a signal has ended."""


def guarded(command: click.Command) -> int:
    """Run a command and return its exit code."""
    given = sys.argv[1:]
    end = given.index("--") if "--" in given else len(given)  # arguments after -- are not options
    debug = "--debug" in given[:end]
    arguments = [argument for argument in given[:end] if argument != "--debug"] + given[end:]
    try:
        code = command.main(args=arguments, standalone_mode=False)
        sys.stdout.flush()
        return code if type(code) is int else 0  # a plugin's command may return anything
    except click.ClickException as error:
        written = io.StringIO()
        error.show(file=written)
        write_message(written.getvalue().rstrip("\n"))
        return 2
    except (KeyboardInterrupt, click.Abort) as stop:
        cause = stop.__cause__ or stop  # click.Abort has the interrupt as its cause
        number = cause.number if isinstance(cause, Interrupted) else signal.SIGINT
        write_error(f"{signals.in_words(number)}.{_notes(cause)}")
        return signals.exit_code(number)
    except BrokenPipeError:  # the reader of our output, such as `head`, has exited
        _discard_output()
        return 1
    except TextforgeError as error:
        if debug:
            write_message(traceback.format_exc())
        if ran_out := shortage(error):
            return _report_shortage(error, ran_out)
        mistakes = error.mistakes if isinstance(error, RecipeError) else ()
        placed = bool(mistakes) and all(mistake.place for mistake in mistakes)
        lines = placed or len(mistakes) > 1 or isinstance(error, (ComponentError, DataUnavailable))
        text = str(error) if lines else shown_line(str(error))  # a single sentence; names in it may contain newlines
        write_error(_punctuated(text) + _notes(error), lead="" if placed else "error: ")
        return error.exit_code
    except SystemExit:
        raise
    except BaseException as error:  # a panic in a Rust extension is not an Exception
        if debug:
            write_message(traceback.format_exc())
        if ran_out := shortage(error):
            return _report_shortage(error, ran_out)
        if isinstance(error, OSError) and error.errno in FULL:  # stdout: writers of files report the file's name
            _discard_output()
            write_error(f"the output cannot be written: {error.strerror}.{_notes(error)}")
            return 1
        if isinstance(error, OSError) and error.filename:
            write_error(f"{error.filename}: {error.strerror}.{_notes(error)}")
            return 2
        from textforge.components.requirements import missing_package  # late: it imports pluggy

        if missing := missing_package(error):
            write_error(f"'textforge {_command(arguments)}' {missing}{_notes(error)}")
            return 1
        place = traceback.extract_tb(error.__traceback__)[-1]
        write_error(
            f"internal error: {type(error).__name__}: {error} ({os.path.basename(place.filename)}:{place.lineno}). "
            "This is a fault of textforge or of a plugin, not yours; --debug shows the traceback." + _notes(error)
        )
        return 1


def _command(arguments: list[str]) -> str:
    return next((one for one in arguments if not one.startswith("-")), "--help")


def _report_shortage(error: BaseException, ran_out: str) -> int:
    """Report the resource that ran out, what helps, and the limits of the process."""
    known = isinstance(error, TextforgeError) and not isinstance(error, ComponentError)  # else a library's message
    sentences = [
        _punctuated(str(error)) if known else "",
        "" if isinstance(error, ShortageError) else ran_out,
        limits(),
    ]
    write_error(" ".join(filter(None, sentences)) + _notes(error))
    return 1


def _discard_output() -> None:
    """Redirect stdout to os.devnull, so that Python does not report unwritten output at exit."""
    with suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _punctuated(text: str) -> str:
    """Add a full stop if the text, for example a plugin's message, has no final punctuation."""
    return text if text.endswith((".", "!", "?", ")", "^")) else f"{text}."


def _notes(error: BaseException) -> str:
    """The notes added to an exception, such as the folder that a run leaves behind."""
    return "".join(f" {note}" for note in getattr(error, "__notes__", ()))


def write_error(text: str, *, lead: str = "error: ") -> None:
    """Write an error message to stderr. `lead` is empty for mistakes that begin with their file and line."""
    write_message(f"{lead}{text}")
