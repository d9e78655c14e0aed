"""Labelled texts for the attacks: all texts are distinct, so that lost and invented rows are detected."""

from __future__ import annotations

import csv
import json
import random
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

TOPICS = {
    "space": ["orbit", "launch", "shuttle", "moon", "rocket", "nasa", "satellite", "lunar"],
    "ball": ["pitcher", "inning", "bat", "team", "league", "homer", "catcher", "glove"],
    "paint": ["pixel", "polygon", "render", "image", "color", "shader", "texture", "vertex"],
}


def labelled(n: int) -> list[tuple[str, str]]:
    """Texts and their labels, the same at every call."""
    rng = random.Random(0)
    rows = []
    for number in range(n):
        label = (*TOPICS,)[number % len(TOPICS)]
        rows.append((f"row{number} the {' and '.join(rng.sample(TOPICS[label], 3))}", label))
    return rows


def write_csv(path: Path, rows: Iterable[tuple[str, str]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("text", "label"), *rows])
    return path


def write_xlsx(path: Path, rows: Iterable[tuple[str, str]]) -> Path:
    """Write a workbook of one sheet, with the parts that its readers need."""
    schemas = "http://schemas.openxmlformats.org"
    office, package = f"{schemas}/officeDocument/2006/relationships", f"{schemas}/package/2006"
    main = f"{schemas}/spreadsheetml/2006/main"
    relation = (
        f'<Relationships xmlns="{package}/relationships">'
        f'<Relationship Id="r1" Type="{office}/{{}}" Target="{{}}"/></Relationships>'
    )
    cell = '<c t="inlineStr"><is><t>{}</t></is></c>'
    cells = "".join(f"<row>{''.join(cell.format(escape(value)) for value in row)}</row>" for row in rows)
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{package}/content-types"/>',
        "_rels/.rels": relation.format("officeDocument", "xl/workbook.xml"),
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets>'
        '<sheet name="One" sheetId="1" r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": relation.format("worksheet", "worksheets/sheet1.xml"),
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{main}"><sheetData>{cells}</sheetData></worksheet>',
    }
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in parts.items():
            archive.writestr(zipfile.ZipInfo(name), f'<?xml version="1.0"?>{text}', zipfile.ZIP_DEFLATED)
    return path


def write_jsonl(path: Path, rows: Iterable[tuple[str, Any]]) -> Path:
    lines = [json.dumps({"text": text, "label": label}, ensure_ascii=False) for text, label in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path
