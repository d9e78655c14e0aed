"""Labels of -1 in valid and test, by which public data sets mark labels that they do not give out."""

from collections.abc import Collection, Mapping

from textforge_standard.datasets.splits import Examples

UNKNOWN = ("-1", "-1.0")


def label_set(examples: Examples) -> set[str]:
    """Every label that occurs."""
    return {one for label in examples.labels for one in (label if isinstance(label, list) else (label,))}


def only_labelled(splits: Mapping[str, Examples], known: Collection[str], missing: str) -> dict[str, Examples]:
    """Splits without the rows whose label is -1, unless that is a label of train.

    Args:
        splits: the examples of each split; those of train stay as they are.
        known: the labels of train.
        missing: option `missing`: 'error' refuses such rows, 'drop' leaves them out with a warning.

    Raises:
        DataError: there are such rows and they are to be an error, or a split has no others.
    """
    from textforge import DataError

    found = dict(splits)
    for name, split in splits.items():
        unknown = {row for row, label in enumerate(split.labels) if label in UNKNOWN and label not in known}
        if name == "train" or not unknown:
            continue
        n = len(split.labels)
        told = f"{name}: {len(unknown)} of {n} rows have the label -1, which train lacks: their labels are not given"
        if len(unknown) == n:
            raise DataError(f"{told}. Nothing can be measured on them: set dataset.{name} to null.")
        if missing == "error":
            raise DataError(f"{told}. Leave them out with dataset.missing: drop.")
        found[name] = split.rows(row for row in range(n) if row not in unknown)
        found[name].warnings = [*split.warnings, f"{told}; they were left out."]
    return found
