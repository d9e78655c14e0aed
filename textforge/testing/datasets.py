"""Contract checks for datasets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from textforge.components.paths import paths_within
from textforge.data.dataset import Dataset, as_dataset, encode_labels
from textforge.data.streams import Stream
from textforge.errors import DataError, RecipeError, TextforgeError
from textforge.testing.checks import Skipped, as_contract_error, rule
from textforge.testing.subject import Subject, exercise


@exercise("dataset")
def _work(subject: Subject) -> Mapping[str, Any]:
    """Load the data."""
    dataset = loaded(subject)
    return {"texts and labels": dataset.fingerprint(), "groups": dataset.groups, "warnings": dataset.warnings}


def loaded(subject: Subject) -> Dataset:
    """Load the data with seed 0."""
    return as_dataset(subject.part, 0)


@rule("dataset")
def has_two_classes_at_least(subject: Subject) -> None:
    """It has at least two labels, each with at least one training text."""
    with as_contract_error(subject.label, "when its labels were asked for", "Give each class training texts."):
        loaded(subject).labels()


@rule("dataset", after=("has-two-classes-at-least",))
def its_splits_share_their_labels(subject: Subject) -> None:
    """Every label of the test and validation splits occurs in the training split."""
    dataset = loaded(subject)
    for name, (_, labels) in dataset.splits().items():
        with as_contract_error(
            subject.label, f"when the labels of {name} were looked up", "Drop such texts, or add training texts."
        ):
            encode_labels(labels, dataset.labels(), name)


@rule("dataset")
def says_whether_it_streams(subject: Subject) -> None:
    """Train is a `Stream` if and only if its attribute `streams`, called with the options, returns True."""
    says, gives = subject.part.streams, isinstance(loaded(subject).train, Stream)
    if says != gives:
        difference = "is a stream, but streams(…) is False" if gives else "is not a stream, but streams(…) is True"
        advice = "Give the factory an attribute streams = fn(**options) -> bool, which validates recipes."
        raise subject.breaks(f"its train {difference}.", advice)


@rule("dataset")
def says_which_columns_it_brings(subject: Subject) -> None:
    """If it has the attribute `brings_columns`, called with the options, it returns the columns of the data."""
    says, gives = subject.part.brings_columns, loaded(subject).columns
    if says is None:
        raise Skipped("it has no brings_columns.")
    if dict(says) != dict(gives):
        raise subject.breaks(
            f"brings_columns(…) gives {dict(says)}, but the data bring {dict(gives)}.",
            "Return the columns with their kinds, by which recipes are checked before data are read.",
        )


@rule("dataset", after=("says-whether-it-streams",))
def a_stream_gives_the_same_chunks_again(subject: Subject) -> None:
    """If train is a `Stream`, its chunks have the same rows each time, in whatever order they are read."""
    train = loaded(subject).train
    if not isinstance(train, Stream):
        raise Skipped("its train is not a stream.")
    numbers = range(train.n_chunks)
    first = [train.weighted_chunk(number) for number in numbers]
    if [train.weighted_chunk(number) for number in reversed(numbers)] != first[::-1]:
        raise subject.breaks("read again, in another order, its chunks have other rows.", SAME_CHUNKS)
    known = train.survey()
    if replace(Stream(train.n_chunks, train.weighted_chunk).survey(), fingerprint=known.fingerprint) != known:
        raise subject.breaks(
            "the survey it gives for its train (known=Survey(…)) does not match its chunks.",
            "Omit known, or store the result of Stream.survey() for the same chunks.",
        )


SAME_CHUNKS = "Make read(number) depend on its number alone: no shared iterator, no draw from a shared generator."


@rule("dataset")
def a_missing_file_is_refused_in_a_sentence(subject: Subject) -> None:
    """A path that does not exist raises a DataError or a RecipeError that names it."""
    given = subject.part.options
    paths = [name for name, value in given.items() if any(paths_within(value))]
    if not paths:
        raise Skipped("no option was given a path.")
    nowhere = subject.folder / "there-is-no-such-file"
    for name in paths:
        advice = f"Raise textforge.DataError(f\"{{path}}: …\") with what '{name}' should be."
        options = {**given, name: _replaced(given[name], nowhere / next(paths_within(given[name])).name)}
        try:
            with as_contract_error(
                subject.label, f"where '{name}' is a path that leads nowhere", advice, DataError, RecipeError
            ):
                _build(subject, options)
        except (DataError, RecipeError) as error:
            if nowhere.name not in str(error):
                raise subject.breaks(f"of a path that leads nowhere it says: {error}", "Name the path.") from error
        else:
            raise subject.breaks(f"where '{name}' is a path that leads nowhere it says nothing.", advice)


def _build(subject: Subject, options: dict[str, Any]) -> None:
    from textforge.components.part import Part

    try:
        Part(subject.component, options).build({"seed": 0})
    except TextforgeError as error:
        if isinstance(error, (DataError, RecipeError)):
            raise
        raise (error.__cause__ or error) from None


def _replaced(value: Any, nowhere: Path) -> Any:
    if isinstance(value, Path):
        return nowhere
    if isinstance(value, Mapping):
        return {key: _replaced(one, nowhere) for key, one in value.items()}
    return type(value)(_replaced(one, nowhere) for one in value) if isinstance(value, (list, tuple)) else value
