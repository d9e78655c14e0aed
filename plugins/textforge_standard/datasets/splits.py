"""Labelled texts of up to three splits; splits without data of their own are held out of train."""

from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, TypeVar

from annotated_types import Ge, Lt

Source = TypeVar("Source")
Labels = list[str] | list[list[str]]


@dataclass(frozen=True, kw_only=True)
class HoldOut:
    """Fractions of the training data to hold out.

    Options:
        test_fraction: fraction of train to hold out if no test data is given, stratified by label; 0 for none.
        valid_fraction: fraction of train to hold out if no validation data is given, stratified by label; 0 for none.
    """

    test_fraction: Annotated[float, Ge(0), Lt(1)] = 0.2
    valid_fraction: Annotated[float, Ge(0), Lt(1)] = 0.0

    def wrong(self) -> str | None:
        if self.test_fraction + self.valid_fraction >= 1:
            return "test_fraction and valid_fraction together must be less than 1."
        return None

    def wanted(self, found: Container[str], missing_test: str = "no test file") -> Iterator[tuple[str, float, str]]:
        """Yield the name, the fraction and a message template of each split to hold out.

        The template takes the number of held-out rows ({0}), the number of all rows ({1}), and the method ({2}).
        """
        for name, fraction, lead, purpose in (
            ("test", self.test_fraction, f"{missing_test}: ", "the test"),
            ("valid", self.valid_fraction, "", "validation"),
        ):
            if fraction and name not in found:
                yield name, fraction, f"{lead}{{0}} of {{1}} rows, {{2}}, are held out for {purpose}."


@dataclass
class Examples:
    """Texts with a label or a list of labels each, and optional group names and weights."""

    texts: list[str] = field(default_factory=list)
    labels: list[Any] = field(default_factory=list)
    groups: list[str] | None = None
    warnings: list[str] = field(default_factory=list)
    weights: list[Any] | None = None

    def add(self, other: "Examples") -> None:
        """Append the examples of another file."""
        self.texts += other.texts
        self.labels += other.labels
        self.warnings += other.warnings
        if other.groups is not None:
            self.groups = self.groups or []
            self.groups += other.groups
        if other.weights is not None:
            self.weights = self.weights or []
            self.weights += other.weights

    def rows(self, chosen: Iterable[int]) -> "Examples":
        rows = list(chosen)
        groups, weights = (None if one is None else [one[row] for row in rows] for one in (self.groups, self.weights))
        texts, labels = [self.texts[row] for row in rows], [self.labels[row] for row in rows]
        return Examples(texts, labels, groups, weights=weights)


def dataset(splits: Mapping[str, Examples], hold_out: HoldOut, seed: int, missing_test: str = "no test file") -> Any:
    """Make a `textforge.Dataset` of the given splits; hold missing ones out of train as `hold_out` says."""
    from textforge import Dataset

    found = dict(splits)
    warnings = [warning for split in found.values() for warning in split.warnings]
    warnings += _shared_groups(found)
    train, n_rows = found["train"], len(found["train"].texts)
    for name, fraction, told in hold_out.wanted(splits, missing_test):
        how = "stratified by label" if train.groups is None else "in whole groups"
        whole = len(train.texts) == n_rows
        of_these = (
            fraction if whole else min(1.0, round(fraction * n_rows) / len(train.texts))
        )  # a fraction of all rows
        keep, held = _holdout(train.labels, of_these, seed, train.groups)
        found[name], train = train.rows(held), train.rows(keep)
        warnings.append(told.format(len(held), n_rows, how))
    found["train"] = train
    pairs: dict[str, Any] = {name: (split.texts, split.labels) for name, split in found.items()}
    weights = {name: split.weights for name, split in found.items() if split.weights is not None}
    return Dataset(**pairs, groups=train.groups, warnings=tuple(warnings), weights=weights or None)


def _holdout(labels: Labels, fraction: float, seed: int, groups: list[str] | None) -> tuple[Any, Any]:
    from textforge.data import holdout

    return holdout(labels, fraction, seed, groups=groups)


def _shared_groups(splits: Mapping[str, Examples]) -> Iterator[str]:
    """Yield a warning for each split that shares groups with train."""
    known = set(splits["train"].groups or ())
    for name, split in splits.items():
        both = known.intersection(split.groups or ()) if name != "train" else ()
        if both:
            yield f"{len(both)} groups are in both train and {name}, such as '{min(both)}': metrics will be too high."


def read_splits(sources: Mapping[str, Source], read: Callable[[Source], Examples]) -> dict[str, Examples]:
    """Read the examples of each split from its source.

    Raises:
        DataError: a split has no examples, or some rows have one label and others a list.
    """
    from textforge import DataError

    found = {name: read(source) for name, source in sources.items()}
    if empty := next((name for name, split in found.items() if not split.texts), None):
        advice = "" if empty == "train" else f" To continue without this split, set dataset.{empty} to null."
        raise DataError(" ".join([*found[empty].warnings, f"{empty}: no row has both a text and a label.{advice}"]))
    kinds = {name: {isinstance(label, list) for label in split.labels} for name, split in found.items()}
    if len(set().union(*kinds.values())) > 1:
        several = next(name for name, kind in kinds.items() if True in kind)
        raise mixed_labels(several)
    return found


def mixed_labels(split: str) -> Exception:
    """The error for data in which some texts have one label and others a list."""
    from textforge import DataError

    return DataError(
        f"{split}: some texts have a list of labels and others, here or in another split, a single label. "
        "Use lists for all texts, or for none."
    )
