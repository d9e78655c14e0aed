"""Run the notebook of the docs and store what its cells show: `python docs/notebook.py`.

The cells are plain Python and run without a kernel, which would take several seconds to start.
"""

from __future__ import annotations

import ast
import io
import json
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

PATH = Path(__file__).with_name("embedding.ipynb")


def run(notebook: dict[str, Any]) -> dict[str, Any]:
    """Run all code cells in order, replace their outputs, and return the names that they define."""
    names: dict[str, Any] = {"__name__": "notebook"}
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    for number, cell in enumerate(code, start=1):
        shown, value = _run_cell("".join(cell["source"]), f"docs/embedding.ipynb, {cell['id']}", names)
        cell["execution_count"], cell["outputs"] = number, []
        if shown:
            cell["outputs"].append({"name": "stdout", "output_type": "stream", "text": shown.splitlines(keepends=True)})
        if value is not None:
            data = {"text/plain": repr(value).splitlines(keepends=True)}
            cell["outputs"].append(
                {"data": data, "execution_count": number, "metadata": {}, "output_type": "execute_result"}
            )
    return names


def _run_cell(source: str, where: str, names: dict[str, Any]) -> tuple[str, Any]:
    """Run a cell; return what it prints and the value of its last line, if that is an expression."""
    tree, last = ast.parse(source), None
    if isinstance(tree.body[-1], ast.Expr):
        last = ast.Expression(tree.body.pop().value)  # type: ignore[attr-defined]
    with redirect_stdout(io.StringIO()) as printed:
        exec(compile(tree, where, "exec"), names)  # noqa: S102  (the notebook of these docs)
        value = None if last is None else eval(compile(last, where, "eval"), names)  # noqa: S307
    return printed.getvalue(), value


def write(notebook: dict[str, Any]) -> None:
    """Write the notebook as Jupyter does."""
    PATH.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    found = json.loads(PATH.read_text(encoding="utf-8"))
    run(found)
    write(found)
