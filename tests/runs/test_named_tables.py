"""Failures of a plugin's table format name the dataset; those of the operating system stay what they are."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from textforge import ComponentError
from textforge.data import TableStream
from textforge.runs.named_tables import NamedFormat

STREAM = TableStream(io.BytesIO(), "x.faulty")


class Reader:
    columns = ("text",)
    names = ("text",)

    def __init__(self, fails: str) -> None:
        self.fails = fails

    @property
    def warnings(self) -> list[str]:
        return [] if self.fails != "warnings" else [1 / 0]

    def usual_text(self) -> str:
        return "text" if self.fails != "usual_text" else str(1 / 0)

    def rows(self, texts: Any, **named: Any) -> Any:
        yield "first"
        yield "second" if self.fails != "rows" else 1 / 0


class Format:
    suffixes = (".faulty",)
    written_as = None

    def __init__(self, fails: str = "") -> None:
        self.fails = fails

    def reads(self, path: Path) -> bool:
        return bool(1 / (self.fails != "reads"))

    def may_be_lines(self, path: Path) -> bool:
        return bool(1 / (self.fails != "may_be_lines"))

    def reader(self, source: TableStream, options: Any) -> Any:
        return Reader(self.fails) if self.fails != "reader" else 1 / 0

    def write(self, target: TableStream, reader: Any, answered: Any, added: Any) -> None:
        assert isinstance(reader, Reader)
        if self.fails == "disk":
            raise OSError(28, "No space left on device")
        1 / (self.fails != "write")


def used(fails: str) -> list[Any]:
    form = NamedFormat(Format(fails), "dataset 'faulty' from faults 1.0")
    form.reads(Path("x.faulty"))
    form.may_be_lines(Path("x.faulty"))
    reader = form.reader(STREAM, {})
    assert reader.columns == ("text",)
    assert [*reader.warnings] == []
    assert reader.usual_text() == "text"
    rows = [*reader.rows(["text"], join="", everything=False, mark=False)]
    form.write(STREAM, reader, iter(()), {})
    return rows


@pytest.mark.parametrize("fails", ["reads", "may_be_lines", "reader", "warnings", "usual_text", "rows", "write"])
def test_a_format_that_fails_is_named(fails: str) -> None:
    with pytest.raises(ComponentError, match=r"^dataset 'faulty' from faults 1\.0 failed while .*: ZeroDivisionError"):
        used(fails)


def test_a_full_disk_is_no_fault_of_the_format() -> None:
    with pytest.raises(OSError, match="No space left"):
        used("disk")
    assert used("") == ["first", "second"]
