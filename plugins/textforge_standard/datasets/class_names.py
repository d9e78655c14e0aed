"""Class names that the Hugging Face library stores with class numbers (Lhoest et al. 2021)."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any


def names_in_metadata(metadata: Mapping[str, str]) -> dict[str, list[str]]:
    """The class names of each column, from the metadata of a Parquet file; a nested field has a dotted name.

    Columns without class names are omitted.
    """
    try:
        return dict(_class_labels(json.loads(metadata["huggingface"])["info"]["features"]))
    except (KeyError, ValueError, TypeError):
        return {}


def _class_labels(features: Mapping[str, Any], lead: str = "") -> Iterator[tuple[str, list[str]]]:
    for name, feature in features.items():
        inner = feature.get("feature", feature) if isinstance(feature, dict) else {}
        if isinstance(inner, dict) and inner.get("_type") == "ClassLabel" and isinstance(inner.get("names"), list):
            yield f"{lead}{name}", list(map(str, inner["names"]))
        elif isinstance(feature, dict) and "_type" not in feature:
            yield from _class_labels(feature, f"{lead}{name}.")


def named(place: str, column: str, values: list[Any], names: Sequence[str], before: int = 0) -> list[Any]:
    """Replace class numbers, or lists of them, by names; -1, which marks a withheld label, becomes None.

    Args:
        place: the file or split, for messages.
        column: the column's name, for messages.
        values: values of the column; anything but a number is kept.
        names: names of classes 0, 1, …
        before: number of rows of the file before these.

    Raises:
        DataError: a number has no name; names the row.
    """
    from textforge import DataError
    from textforge.errors import listed

    def name(value: Any, row: int) -> Any:
        if isinstance(value, list):
            return [name(one, row) for one in value]
        if not isinstance(value, int) or isinstance(value, bool):
            return value
        if value >= len(names):
            raise DataError(
                f"{place}: rows {row}: column '{column}' holds {value}, but the data name only the classes 0 to "
                f"{len(names) - 1}: {listed(names)}."
            )
        return names[value] if value >= 0 else None

    return [name(value, row) for row, value in enumerate(values, start=before + 1)]
