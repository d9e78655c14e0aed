"""Names of classes that the Hugging Face library keeps beside their numbers (Lhoest et al. 2021)."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any


def names_in_metadata(metadata: Mapping[str, str]) -> dict[str, list[str]]:
    """The names of the classes of each column that has any, from the metadata of a Parquet file it wrote.

    A field within a field goes by its dotted name.
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
    """Numbers of classes, or lists of them, as names; -1, which stands for a label that is not given, as None.

    Args:
        place: the file or split, for messages.
        column: the column's name, for messages.
        values: what the column holds; what is no number stays as it is.
        names: the name of class 0, 1, …
        before: how many rows of the file come before these.

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
