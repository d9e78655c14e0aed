"""Write spreadsheets and databases, the least that their readers accept."""

from __future__ import annotations

import sqlite3
import zipfile
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
SHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OPEN = "urn:oasis:names:tc:opendocument:xmlns"


def write_xlsx(path: Path, rows: Iterable[Sequence[Any]], **others: Iterable[Sequence[Any]]) -> Path:
    """A workbook with the sheet "One" of these rows, and the others by name."""
    sheets = {"One": rows, **others}
    numbered = list(enumerate(sheets, start=1))
    relations = "".join(
        f'<Relationship Id="r{n}" Type="{OFFICE}/worksheet" Target="worksheets/sheet{n}.xml"/>' for n, _ in numbered
    )
    names = "".join(f'<sheet name="{name}" sheetId="{n}" r:id="r{n}"/>' for n, name in numbered)
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{PACKAGE}/content-types"/>',
        "_rels/.rels": f'<Relationships xmlns="{PACKAGE}/relationships"><Relationship Id="r1" '
        f'Type="{OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{SHEET}" xmlns:r="{OFFICE}"><sheets>{names}</sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{PACKAGE}/relationships">{relations}</Relationships>',
    }
    for n, name in numbered:
        cells = "".join(f"<row>{''.join(map(_xlsx_cell, row))}</row>" for row in sheets[name])
        parts[f"xl/worksheets/sheet{n}.xml"] = f'<worksheet xmlns="{SHEET}"><sheetData>{cells}</sheetData></worksheet>'
    return _archive(path, {name: f'<?xml version="1.0"?>{text}' for name, text in parts.items()})


def _xlsx_cell(value: Any) -> str:
    if value is None:
        return "<c/>"
    if isinstance(value, bool):
        return f'<c t="b"><v>{int(value)}</v></c>'
    if isinstance(value, (int, float)):
        return f"<c><v>{value}</v></c>"
    return f'<c t="inlineStr"><is><t>{escape(value)}</t></is></c>'


def write_ods(path: Path, rows: Iterable[Sequence[Any]]) -> Path:
    """A document with one sheet of these rows."""
    cells = "".join(f"<table:table-row>{''.join(map(_ods_cell, row))}</table:table-row>" for row in rows)
    spaces = " ".join(f'xmlns:{name}="{OPEN}:{name}:1.0"' for name in ("office", "table", "text"))
    sheet = f'<office:spreadsheet><table:table table:name="One">{cells}</table:table></office:spreadsheet>'
    kind = "application/vnd.oasis.opendocument.spreadsheet"
    entry = f'<manifest:file-entry manifest:full-path="/" manifest:media-type="{kind}"/>'
    return _archive(
        path,
        {
            "mimetype": kind,
            "content.xml": f"<office:document-content {spaces}><office:body>{sheet}</office:body>"
            "</office:document-content>",
            "META-INF/manifest.xml": f'<manifest:manifest xmlns:manifest="{OPEN}:manifest:1.0">{entry}'
            "</manifest:manifest>",
        },
    )


def _ods_cell(value: Any) -> str:
    if value is None:
        return "<table:table-cell/>"
    if isinstance(value, (int, float)):
        return f'<table:table-cell office:value-type="float" office:value="{value}"/>'
    text = f"<text:p>{escape(value)}</text:p>"
    return f'<table:table-cell office:value-type="string">{text}</table:table-cell>'


def _archive(path: Path, parts: dict[str, str]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return path


def write_database(path: Path, names: Sequence[str], rows: Iterable[Sequence[Any]]) -> Path:
    """An SQLite file with the table "texts"."""
    with closing(sqlite3.connect(path)) as database:
        database.execute(f"create table texts ({', '.join(names)})")
        database.executemany(f"insert into texts values ({', '.join('?' for _ in names)})", rows)
        database.commit()
    return path
