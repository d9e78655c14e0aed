"""What ran out, whatever type a library raises for it."""

from __future__ import annotations

import errno
import os

import pytest

from textforge.errors import ComponentError, DataError, shortage as module
from textforge.errors.shortage import ADVICE, FILES, LIBRARIES, MEMORY, TEMPORARY, THREADS, advised, shortage


class PanicException(BaseException):
    """What a library in Rust raises."""


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (MemoryError(), MEMORY),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), MEMORY),
        (OSError(errno.EMFILE, "Too many open files", "a/b.py"), FILES),
        (OSError("[Errno 12] Cannot allocate memory"), MEMORY),
        (ImportError("libtorch_cpu.so: failed to map segment from shared object"), LIBRARIES),
        (OSError("libgomp.so.1: failed to map segment from shared object"), LIBRARIES),
        (ImportError("libx.so: cannot open shared object file: Too many open files"), FILES),
        (ImportError("libx.so: cannot open shared object file: Error 24"), FILES),
        (RuntimeError("can't start new thread"), THREADS),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"), MEMORY),
        (RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"), MEMORY),
        (RuntimeError("std::bad_alloc"), MEMORY),
        (PanicException('Err value: Os { code: 24, kind: TooManyOpenFiles, message: "Too many open files" }'), FILES),
        (PanicException('Os { code: 11, message: "Resource temporarily unavailable" }'), THREADS),
        (PanicException("ThreadPoolBuildError { kind: IOError(Os { code: 12 }) }"), MEMORY),
        (FileNotFoundError(2, "No usable temporary directory found in ['/tmp']"), TEMPORARY),
    ],
)
def test_a_shortage_is_recognized_also_behind_another_error(error: BaseException, told: str) -> None:
    assert shortage(error) == told
    behind = DataError("x.csv: cannot be read.")
    behind.__cause__ = error
    assert shortage(behind) == told


@pytest.mark.parametrize(
    "error",
    [
        ValueError("out of memory"),
        ImportError("No module named 'torch'"),
        ImportError("libx.so: cannot allocate memory in static TLS block"),
        FileNotFoundError(errno.ENOENT, "No such file or directory", "x"),
        OSError(errno.ENOSPC, "No space left on device"),
        ComponentError("model 'x' failed."),
        PanicException("index out of bounds"),
        KeyError("can't start new thread"),
    ],
)
def test_other_errors_are_no_shortage(error: BaseException) -> None:
    assert shortage(error) is None
    aside = DataError("x")
    aside.__context__ = MemoryError()  # met, and dealt with
    assert shortage(aside) is None


def test_a_stream_that_does_not_wait_is_no_shortage() -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    stream = open(writing, "wb")  # noqa: SIM115  (closing it fails, too)
    with pytest.raises(BlockingIOError) as told:
        stream.write(b"x" * (1 << 22))
    assert "Resource temporarily unavailable" in os.strerror(told.value.errno)
    assert shortage(told.value) is None
    os.close(reading)
    with pytest.raises(BrokenPipeError):
        stream.close()


@pytest.mark.parametrize("stage", sorted(ADVICE))
def test_advice_is_that_of_the_innermost_stage(stage: str) -> None:
    def fails() -> None:
        with advised("train" if stage != "train" else "load"), advised(stage):
            raise MemoryError

    with pytest.raises(MemoryError) as told:
        fails()
    assert told.value.__notes__ == [ADVICE[stage]]


def test_advice_against_too_little_memory_is_not_given_for_others() -> None:
    for error in (OSError(errno.EMFILE, "x"), ImportError("failed to map segment"), ValueError("x")):
        with pytest.raises(type(error)) as told, advised("load"):
            raise error
        assert not getattr(told.value, "__notes__", [])


def test_causes_that_go_in_a_circle_end() -> None:
    one, other = DataError("a"), DataError("b")
    one.__cause__, other.__cause__ = other, one
    assert shortage(one) is None


def test_where_there_is_room_nothing_is_said() -> None:
    module.require_room()
    assert "ulimit -v" not in module.limits() or module.limits().endswith(".")
