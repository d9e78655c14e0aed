"""The notebook of the docs runs from top to bottom, and shows what it computes."""

from __future__ import annotations

import copy
import importlib.util
import json
import os
from typing import Any

import pytest
from conftest import ROOT

SPEC = importlib.util.spec_from_file_location("notebook", ROOT / "docs" / "notebook.py")
assert SPEC is not None and SPEC.loader is not None
notebook = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(notebook)
SAVED = json.loads((ROOT / "docs" / "embedding.ipynb").read_text(encoding="utf-8"))

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="its last part forks processes")


@pytest.fixture(scope="module")
def ran() -> tuple[dict[str, Any], dict[str, Any]]:
    """The notebook with new outputs, and the names that its cells define."""
    fresh = copy.deepcopy(SAVED)
    return fresh, notebook.run(fresh)


def test_the_notebook_steers_stops_continues_adds_a_class_and_serves(
    ran: tuple[dict[str, Any], dict[str, Any]],
) -> None:
    _, names = ran
    assert names["trainer"].learning_rate == 0.01 and len(names["losses"]) == 6 * 3
    assert names["trainer"].stop_reason is None, "a stop no longer holds after train()"
    assert names["one"] == names["other"]
    assert names["clf"].labels == ("ball", "space") and names["wider"].labels == ("ball", "space", "music")
    assert names["stream"].classes_.tolist() == ["ball", "music", "space"]
    assert names["answer"]["labels"] == ["space", "music"]
    assert names["answer"]["worker"] in names["workers"]


def test_the_saved_outputs_are_those_of_a_new_run(ran: tuple[dict[str, Any], dict[str, Any]]) -> None:
    saved, fresh = ({cell["id"]: cell.get("outputs") for cell in one["cells"]} for one in (SAVED, ran[0]))
    assert saved == fresh, "the notebook shows other outputs. Run: python docs/notebook.py"
    assert "good enough" in json.dumps(saved)
    assert len(saved) == len(SAVED["cells"]), "an id is used twice"
