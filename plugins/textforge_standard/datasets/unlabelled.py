"""Labels of -1 in valid and test, which public data sets use for withheld labels."""

from collections.abc import Collection, Mapping

from textforge_standard.datasets.splits import Examples

UNKNOWN = ("-1", "-1.0")


def label_set(examples: Examples) -> set[str]:
    """The set of all labels that occur."""
    return {one for label in examples.labels for one in (label if isinstance(label, list) else (label,))}


def only_labelled(splits: Mapping[str, Examples], known: Collection[str], missing: str) -> dict[str, Examples]:
    """Drop rows with the label -1 from valid and test, unless -1 is a label of train.

    Args:
        splits: the examples of each split; train is kept unchanged.
        known: the labels of train.
        missing: option `missing`: 'error' raises for such rows, 'drop' drops them with a warning.

    Raises:
        DataError: such rows exist and `missing` is 'error', or a split has no other rows.
    """
    from textforge import DataError

    found = dict(splits)
    for name, split in splits.items():
        unknown = {row for row, label in enumerate(split.labels) if label in UNKNOWN and label not in known}
        if name == "train" or not unknown:
            continue
        n = len(split.labels)
        told = f"{name}: {len(unknown)} of {n} rows have the label -1, which train lacks: their labels are withheld"
        if len(unknown) == n:
            raise DataError(f"{told}. No metric can be computed on them: set dataset.{name} to null.")
        if missing == "error":
            raise DataError(f"{told}. Drop them with dataset.missing: drop.")
        found[name] = split.rows(row for row in range(n) if row not in unknown)
        found[name].warnings = [*split.warnings, f"{told}; they were dropped."]
    return found
