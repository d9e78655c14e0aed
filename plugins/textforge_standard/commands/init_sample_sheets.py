"""Write a sample of a large spreadsheet."""

import zipfile
from collections.abc import Iterable
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

HEAD = 50
"""Number of rows at the beginning of a sheet to take: titles, the header, and some rows."""
RUNS, RUN = 500, 20
"""Number of places to take rows from, spread evenly over the sheet, and the number of rows from each."""
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
SHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"


def sample_sheet(path: Path, to: Path) -> Path:
    """Write rows of the first sheet as an .xlsx file whose other sheets are empty.

    Raises:
        PluginError: the library that reads spreadsheets is not installed.
        DataError: the file cannot be read.
    """
    from textforge_standard.datasets.excel import sheet_rows

    found, name, others = sheet_rows(path, None)
    step = max(RUN, (len(found) - HEAD) // RUNS)
    rows = found.head(HEAD).rows()
    for start in range(HEAD, len(found), step):
        rows += found.slice(start, RUN).rows()
    sheets = [_sheet(rows), *(_sheet([]) for _ in others)]
    _write(to, dict(zip((name, *others), sheets, strict=True)))
    return to


def _sheet(rows: Iterable[Iterable[str | None]]) -> str:
    """The XML of a sheet of texts (ECMA-376, part 1, section 18.3.1.99)."""
    lines = (f"<row>{''.join(map(_cell, row))}</row>" for row in rows)
    return f'<worksheet xmlns="{SHEET}"><sheetData>{"".join(lines)}</sheetData></worksheet>'


def _cell(value: str | None) -> str:
    if value is None:
        return "<c/>"
    return f'<c t="inlineStr"><is><t xml:space="preserve">{escape(value)}</t></is></c>'


def _write(path: Path, sheets: dict[str, str]) -> None:
    """Write the least that is an .xlsx file: sheets by name."""
    numbered = list(enumerate(sheets, start=1))
    names = "".join(f'<sheet name={quoteattr(name)} sheetId="{n}" r:id="r{n}"/>' for n, name in numbered)
    relations = "".join(
        f'<Relationship Id="r{n}" Type="{OFFICE}/worksheet" Target="worksheets/sheet{n}.xml"/>' for n, _ in numbered
    )
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{PACKAGE}/content-types"/>',
        "_rels/.rels": f'<Relationships xmlns="{PACKAGE}/relationships"><Relationship Id="r1" '
        f'Type="{OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{SHEET}" xmlns:r="{OFFICE}"><sheets>{names}</sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{PACKAGE}/relationships">{relations}</Relationships>',
    }
    parts |= {f"xl/worksheets/sheet{n}.xml": sheets[name] for n, name in numbered}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, text in parts.items():
            archive.writestr(name, f'<?xml version="1.0" encoding="UTF-8"?>{text}')
