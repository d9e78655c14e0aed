"""Recognize the panic of a Rust library over a damaged file."""

import re

_SHORTAGE = re.compile(r"thread|memory|alloc|resource|too many open files", re.IGNORECASE)


def is_panic_over_data(error: BaseException) -> bool:
    """Whether an exception is a panic that the content of a file has caused.

    Each library raises a class of its own, which is no `Exception`. A panic may also mean that memory or threads ran
    out, which is no fault of the file.
    """
    return type(error).__name__ == "PanicException" and not _SHORTAGE.search(str(error))
