"""Find the dataset component that can read a file or a folder, and the options to read it with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from textforge.components.manager import PluginManager
from textforge.components.requirements import missing_package
from textforge.errors import DataError, PluginError, TextforgeError, listed


def recognize(data: Path, plugins: PluginManager) -> tuple[str, dict[str, Any]]:
    """Ask the `look_at` of every installed dataset about `data`.

    Returns:
        The name of the first component that recognizes the data, and the result of its `look_at`: `options`, `why`
        and `remarks`.

    Raises:
        DataError: no component recognizes the data, or those that recognize it cannot read it.
    """
    if not data.exists():
        raise DataError(f"{data}: no such file or folder.")
    found, errors, inspecting = {}, [], []
    for name, component in plugins.named("dataset").items():
        try:
            look_at = getattr(component.factory, "look_at", None)
        except PluginError:
            continue
        if look_at is None:
            continue
        inspecting.append(name)
        try:
            if looked := look_at(data):
                found[name] = dict(looked)
        except TextforgeError as error:
            errors.append(error)
        except Exception as error:  # a plugin's fault must not keep other datasets from reading the data
            who, missing = f"{component.label} from {component.origin}", missing_package(error)
            errors.append(DataError(f"{who} {missing or f'failed to inspect {data}: {error}.'}"))
    if not found:
        if errors:
            raise errors[0]
        raise DataError(
            f"{data}: no dataset recognizes this. Datasets that can inspect data: {listed(inspecting)}. "
            "A file's suffix names its format: .csv, .tsv, .txt, .json, .jsonl, .parquet, .xlsx, .ods, .db; "
            "a folder needs one folder per class."
        )
    first, *others = found
    looked = found[first]
    if others:
        looked["remarks"] = [*looked.get("remarks", ()), f"The dataset {listed(others)} could read it, too."]
    return first, looked
