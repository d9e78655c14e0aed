"""Detect that memory, open files or threads ran out, whatever exception type a library raises for it.

Imports only the standard library: it must work when nothing else can be imported.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

from textforge.errors import TextforgeError

MEMORY = "out of memory."
LIBRARIES = "too little memory to load the libraries that textforge needs."
FILES = "too many files are open at once."
THREADS = "no more threads or processes can be started."
TEMPORARY = "no writable folder for temporary files. Free some space, or set TMPDIR."

SIGNS = (
    (LIBRARIES, r"failed to map segment|cannot map zero-fill pages|cannot create shared object|memory protection"),
    (FILES, r"too many open files|\b(?:os error|Error|code:) (?:23|24)\b"),
    (THREADS, r"can't start new thread|resource temporarily unavailable|thread creation failed|pthread_create failed"),
    (MEMORY, r"can(?:not|'t) allocate(?! memory in static TLS)|out of memory|not enough memory|bad_alloc|"
             r"memory allocation of \d+ bytes failed|\b(?:os error|code:) 12\b"),
    (TEMPORARY, r"no usable temporary directory"),
)  # fmt: skip
"""Patterns of the error messages of C, C++ and Rust libraries; the first match counts."""
ERRNOS = {errno.ENOMEM: MEMORY, errno.EMFILE: FILES, errno.ENFILE: FILES}

ADVICE = {
    "load": "It happened while the data were loaded: set dataset.stream: true if the dataset supports it, or read "
            "fewer columns or rows.",
    "vectorize": "It happened while texts were turned into features: limit them with vectorizer.max_features, use "
                 "vectorizer: hashing, or set dataset.stream: true.",
    "train": "It happened while training: use a smaller trainer.batch_size, a smaller model, or fewer features.",
    "evaluate": "It happened while texts were evaluated: use fewer or shorter ones.",
    "predict": "It happened while labels were predicted: give fewer or shorter texts at a time.",
    "export": "It happened while the model was exported, which takes several times its size.",
}  # fmt: skip
"""Advice for each stage at which memory can run out."""

SPACE, SPACE_WITH_POLARS, SPACE_PER_CORE = 640 << 20, 1792 << 20, 8 << 20
"""Measured address space, in bytes: torch alone, torch with polars, and the threads of each core."""
FILES_NEEDED = 6
"""Number of files that are open at the same time while libraries are loaded."""


class ShortageError(TextforgeError):
    """The limits of this process are too low to start (exit code 1)."""


def shortage(error: BaseException) -> str | None:
    """The sentence that names the exhausted resource, or None if neither the error nor its causes are a shortage."""
    return next(filter(None, map(_shortage, _chain(error))), None)


@contextmanager
def advised(stage: str) -> Iterator[None]:
    """Add advice for this stage to an out-of-memory error; the advice of the innermost stage wins."""
    try:
        yield
    except BaseException as error:
        if shortage(error) == MEMORY and not any(note in ADVICE.values() for note in getattr(error, "__notes__", ())):
            error.add_note(ADVICE[stage])
        raise


def limits() -> str:
    """A sentence that lists the limits set for this process; empty if there are none, or on Windows."""
    try:
        import resource
    except ImportError:  # not on Windows
        return ""
    found = []
    space, files = resource.getrlimit(resource.RLIMIT_AS)[0], resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if space != resource.RLIM_INFINITY:
        found.append(f"{space >> 10:,} kB of memory (ulimit -v)")
    if files != resource.RLIM_INFINITY and files < 1024:
        found.append(f"{files:,} open files (ulimit -n)")
    return f"The limits of this process: {', '.join(found)}." if found else ""


def require_room(*, polars: bool = True) -> None:
    """Check that enough open files and address space are left to load the libraries.

    A native library that cannot allocate memory for its threads aborts the process, with no exception to catch.

    Args:
        polars: whether polars will be loaded too, to read data files.

    Raises:
        ShortageError: the limits of this process (ulimit) are too small.
    """
    try:
        with ExitStack() as opened:
            for _ in range(FILES_NEEDED):
                opened.callback(os.close, os.open(os.devnull, os.O_RDONLY))
    except OSError as error:
        if error.errno in ERRNOS:
            raise ShortageError(FILES) from error
    with suppress(ImportError):  # not on Windows
        import mmap
        import resource

        if resource.getrlimit(resource.RLIMIT_AS)[0] != resource.RLIM_INFINITY:
            needed = (SPACE_WITH_POLARS if polars else SPACE) + SPACE_PER_CORE * (os.cpu_count() or 1)
            try:  # reserves address space, not memory
                mmap.mmap(-1, needed, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=mmap.PROT_READ).close()
            except OSError as error:
                raise ShortageError(f"{LIBRARIES} They take about {needed >> 10:,} kB.") from error


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and its chain of causes (`__cause__`)."""
    found: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and not any(current is one for one in found):
        found.append(current)
        yield current
        current = current.__cause__


def _shortage(error: BaseException) -> str | None:
    if isinstance(error, MemoryError):
        return MEMORY
    if isinstance(error, OSError) and error.errno in ERRNOS:
        return ERRNOS[error.errno]
    if isinstance(error, BlockingIOError) and hasattr(error, "characters_written"):
        return None  # a slow reader of a non-blocking stream
    panic = type(error).__name__ == "PanicException"  # raised by Rust libraries, each with its own class
    if panic or isinstance(error, (ImportError, OSError, RuntimeError, SystemError)):
        text = str(error)
        return next((message for message, sign in SIGNS if re.search(sign, text, re.IGNORECASE)), None)
    return None
