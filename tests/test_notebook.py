"""The notebook of the docs runs from top to bottom.

Its cells are executed here, without a kernel: they are plain Python, and a kernel would take several seconds to start.
"""

from __future__ import annotations

import json
import os
from typing import Any

import pytest
from conftest import ROOT

NOTEBOOK = json.loads((ROOT / "docs" / "embedding.ipynb").read_text())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="its last part forks processes")
def test_the_notebook_steers_stops_continues_adds_a_class_and_serves(capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, Any] = {"__name__": "notebook"}
    for cell in NOTEBOOK["cells"]:
        if cell["cell_type"] == "code":
            exec(compile("".join(cell["source"]), f"docs/embedding.ipynb, {cell['id']}", "exec"), names)
    assert names["trainer"].learning_rate == 0.01 and len(names["losses"]) == 6 * 3
    assert names["trainer"].stop_reason is None, "a stop no longer holds after train()"
    assert names["one"] == names["other"]
    assert names["clf"].labels == ("ball", "space") and names["wider"].labels == ("ball", "space", "music")
    assert names["answer"]["labels"] == ["space", "music"]
    assert names["answer"]["worker"] in names["workers"]
    assert "True good enough 3" in capsys.readouterr().out


def test_the_notebook_is_kept_without_outputs() -> None:
    code = [cell for cell in NOTEBOOK["cells"] if cell["cell_type"] == "code"]
    assert len(code) > 5
    assert not [cell["id"] for cell in code if cell["outputs"] or cell["execution_count"]]
    assert len({cell["id"] for cell in NOTEBOOK["cells"]}) == len(NOTEBOOK["cells"])
