"""Which columns vectorizers read: the option `column`, and the columns that a part needs beside the text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import wraps
from typing import TYPE_CHECKING, Any

from textforge.components.options import Option
from textforge.components.own_methods import own_method
from textforge.components.rows import ColumnKind, ColumnKinds, texts_of
from textforge.errors import did_you_mean, listed

if TYPE_CHECKING:
    from textforge.components.nested import OptionPath
    from textforge.components.part import Part

COLUMN = "column"
"""Option that names the columns that a vectorizer reads. Every vectorizer without an option of this name has it."""
COLUMN_OPTION = Option(
    COLUMN, str | None, None, "column of texts or categories to read in place of the text; see the dataset's `columns`."
)
READS = "reads_columns"
"""Attribute of a vectorizer's factory: the kind of column that its own option `column` names; null means all of them"""


class ColumnVectorizer:
    """A vectorizer over texts that reads a column of rows in place of their texts.

    Its other attributes are those of the vectorizer.
    """

    def __init__(self, vectorizer: Any, column: str) -> None:
        self._vectorizer, self._column = vectorizer, column

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or hasattr(type(self), name):  # not set yet, as in unpickling; or a property found none
            raise AttributeError(name)
        found = getattr(self._vectorizer, name)
        wrap: Callable[[Any], Any] | None = getattr(type(self), f"_with_{name}", None)
        return found if wrap is None else wrap(self, found)  # type: ignore[call-arg]

    def _with_fit(self, fit: Any) -> Any:
        return self._over(fit, lambda texts: texts_of(texts, self._column), itself=True)

    def _with_transform(self, transform: Any) -> Any:
        return self._over(transform, lambda texts: texts_of(texts, self._column))

    # Missing if the vectorizer itself has no such method.

    @property
    def fit_transform(self) -> Any:
        return self._with_transform(self._own("fit_transform"))

    @property
    def grow(self) -> Any:
        return self._with_transform(self._own("grow"))

    @property
    def fit_chunks(self) -> Any:
        fit = self._own("fit_chunks")
        return self._over(fit, lambda chunks: (texts_of(texts, self._column) for texts in chunks), itself=True)

    @property
    def spans(self) -> Any:
        self._own("spans")
        return lambda text: ([], [], [])  # its features stand in a column, not in the text

    def _own(self, name: str) -> Any:
        if (found := own_method(self._vectorizer, name)) is None:
            raise AttributeError(name)
        return found

    def _over(self, method: Any, changed: Callable[[Any], Any], *, itself: bool = False) -> Any:
        """A method over changed texts, with the signature of the method; it returns this vectorizer if `itself`."""

        @wraps(method)
        def call(texts: Any, *more: Any, **named: Any) -> Any:
            found = method(changed(texts), *more, **named)
            return self if itself else found

        return call

    @property
    def for_onnx(self) -> Any:
        """The same column before what the vectorizer's `for_onnx` returns."""
        for_onnx = self._own("for_onnx")
        return lambda export: ColumnVectorizer(for_onnx(export), self._column)

    def _with_from_state(self, restore: Any) -> Any:
        def from_state(state: Mapping[str, Any]) -> ColumnVectorizer:
            self._vectorizer = restore(state)
            return self

        return from_state

    def _with_get_feature_names_out(self, names: Any) -> Any:
        return lambda: [f"{self._column}={name}" for name in names()]

    def column_features(self, text: str) -> dict[int, str]:
        """The features of a row, by their numbers, with names such as `title=moon`."""
        (value,) = texts_of([text], self._column)
        find = own_method(self._vectorizer, "spans")
        spans = find(value) if find else None
        if spans is not None:
            features, starts, ends, *_ = spans
            places = zip(features, starts, ends, strict=True)
            return {int(n): f"{self._column}={value[start:end]}" for n, start, end in places}
        names = getattr(self._vectorizer, "get_feature_names_out", None)
        found = self._vectorizer.transform([value])
        numbers = getattr(found, "indices", ())
        listing = names() if names else None
        return {int(n): f"{self._column}={listing[n] if listing else int(n)}" for n in numbers}


def columns_read(part: Part, brought: ColumnKinds) -> dict[str, ColumnKind]:
    """The columns that a vectorizer, or a vectorizer inside it, reads, of those that a data set brings."""
    names = {name for _, one in _reading(part) for name in _named(one, brought)}
    return {name: kind for name, kind in brought.items() if name in names}


def kinds_named(part: Part) -> dict[str, ColumnKind] | None:
    """The columns that vectorizers name, with a kind that suits each; None if no vectorizer reads columns."""
    reading = [one for _, one in _reading(part)]
    named = {name: _kinds(one)[0] for one in reading if one.options.get(COLUMN) is not None for name in _named(one, {})}
    return named if reading else None


def column_mistakes(part: Part, brought: ColumnKinds) -> Iterator[tuple[OptionPath, str]]:
    """Yield the path and the message of each column that a vectorizer needs and the data do not bring.

    Args:
        part: the vectorizer.
        brought: the columns of the data.
    """
    has = f"It brings {listed(brought)}" if brought else "It brings none"
    for path, one in _reading(part):
        kinds = _kinds(one)
        for name in _named(one, brought):
            if name not in brought:
                yield (
                    (*path, COLUMN),
                    f"{one.label}: the dataset brings no column '{name}'. {has}; name others in dataset.columns."
                    f"{did_you_mean(name, brought)}",
                )
            elif brought[name] not in kinds:
                yield (
                    (*path, COLUMN),
                    f"{one.label} reads columns of the kind {listed(kinds)}, but '{name}' is of the kind "
                    f"{brought[name]}. Name another column, or give it another kind in dataset.columns.",
                )
        if not _named(one, brought):
            yield (
                (*path, "use"),
                f"{one.label} reads columns of the kind {listed(kinds)}, but the dataset brings none of this kind. "
                f"{has}; name them in dataset.columns.",
            )


def unread_columns(part: Part | None, brought: ColumnKinds) -> list[str]:
    """The columns that a data set brings and no vectorizer reads; [] for a vectorizer given as an object."""
    return [] if part is None else [name for name in brought if name not in columns_read(part, brought)]


def _reading(part: Part, path: OptionPath = ()) -> Iterator[tuple[OptionPath, Part]]:
    """Each vectorizer that reads columns: the part itself, or parts inside it, with their paths."""
    if part.component.declared(READS, None) is not None or part.options.get(COLUMN) is not None:
        yield path, part
        if COLUMN in part.component.options.added:  # the vectorizers inside it receive plain texts
            return
    for place, inner in part.parts:
        if inner.component.kind.name == part.component.kind.name:
            yield from _reading(inner, (*path, *place))


def _named(part: Part, brought: ColumnKinds) -> list[str]:
    given = part.options.get(COLUMN)
    if given is None:
        return [name for name, kind in brought.items() if kind in _kinds(part)]
    return [given] if isinstance(given, str) else list(given)


def _kinds(part: Part) -> tuple[ColumnKind, ...]:
    declared = part.component.declared(READS, None)
    return ("text", "category") if declared is None else (declared,)


def selected(vectorizer: Any, column: str | None) -> Any:
    """The vectorizer over texts, or over a column of their rows."""
    return vectorizer if column is None else ColumnVectorizer(vectorizer, column)
