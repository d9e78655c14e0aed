"""Vectorizer `categories`."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Self

from annotated_types import Ge, Le

from textforge_standard.vectorizers.chosen_columns import Names, chosen_columns, first_and_all


class Categories:
    """Columns of categories, such as countries: one feature for each category of each column.

    Works as scikit-learn's OneHotEncoder. Categories that training texts do not have share one feature with those they
    rarely have, by which it is learnt; a missing category has a feature of its own if training texts lack some. With
    `buckets`, features are hashed (Weinberger et al. 2009) and nothing is learnt.

    Options:
        column: name of the column, or a list of names; null reads all columns of the kind category.
        min_count: number of training texts below which a category is rare; 1 leaves unseen categories out.
        buckets: number of features among which the hashes of all categories are divided; null gives each its own.
    """

    gives = ("n_features",)
    reads_columns = "category"

    def __init__(
        self,
        /,
        *,
        column: Names = None,
        min_count: Annotated[int, Ge(1)] = 2,
        buckets: Annotated[int, Ge(1), Le(2**30)] | None = None,
    ) -> None:
        self._column, self._min_count, self._buckets = column, min_count, buckets
        self._names: list[str] = []
        self._categories: list[list[str]] = []
        """The categories of each column that have a feature, sorted."""
        self._others: list[list[bool]] = []
        """For each column, whether rare categories have a feature, and whether missing ones have."""

    def fit(self, texts: Sequence[str]) -> Self:
        """Learn the categories of each column."""
        return self.fit_chunks([texts])

    def fit_chunks(self, chunks: Iterable[Sequence[str]]) -> Self:
        """Learn from chunks of texts that are read once."""
        from textforge.data import values_of

        first, chunks = first_and_all(chunks)
        self._names = chosen_columns(self._column, first, "category")
        counts: list[Counter[Any]] = [Counter() for _ in self._names]
        for texts in chunks if self._buckets is None else ():
            for name, own in zip(self._names, counts, strict=True):
                own.update(values_of(texts, name))
        missing = [own.pop(None, 0) > 0 for own in counts]
        self._categories = [sorted(name for name, n in own.items() if n >= self._min_count) for own in counts]
        rare = [len(kept) < len(own) for kept, own in zip(self._categories, counts, strict=True)]
        self._others = [[*pair] for pair in zip(rare, missing, strict=True)]
        self._number()
        return self

    def transform(self, texts: Sequence[str]) -> Any:
        """Features of texts: `textforge.Ragged`, one row per text, with at most one entry for each column."""
        import numpy as np

        from textforge import Ragged
        from textforge.data import values_of

        columns = [self._features(number, values_of(texts, name)) for number, name in enumerate(self._names)]
        found = np.array(columns, dtype=np.int64).reshape(len(self._names), len(texts)).T
        shown = found >= 0
        offsets = np.concatenate(([0], np.cumsum(shown.sum(axis=1))))
        return Ragged(found[shown], offsets, self._n_features, np.ones(int(offsets[-1]), np.float32))

    def column_features(self, text: str) -> dict[int, str]:
        """The features of a text, by their numbers, with names such as `country=US`."""
        from textforge.data import values_of

        found: dict[int, str] = {}
        for number, name in enumerate(self._names):
            ((value,), (feature,)) = (values := values_of([text], name)), self._features(number, values)
            shown = f"{name} (missing)" if value is None else f"{name}={value}"
            if feature >= 0:  # columns may share a hashed feature
                found[feature] = f"{found[feature]}, {shown}" if feature in found else shown
        return found

    @property
    def get_feature_names_out(self) -> Any:
        """Names such as `country=US`, `country (unseen)` and `country (missing)`; hashed features have none."""
        if self._buckets is not None:
            raise AttributeError("get_feature_names_out: hashed features have no names")
        return self._feature_names

    def _feature_names(self) -> list[str]:
        names = []
        for name, categories, others in zip(self._names, self._categories, self._others, strict=True):
            names += [f"{name}={category}" for category in categories]
            names += [f"{name} ({what})" for what, has in zip(("unseen", "missing"), others, strict=True) if has]
        return names

    def state(self) -> dict[str, Any]:
        """The names of the columns, and their categories."""
        return {"columns": self._names, "categories": self._categories, "others": self._others}

    def from_state(self, state: dict[str, Any]) -> Self:
        """Restore the state that `state` returned."""
        self._names, self._categories, self._others = (list(state[key]) for key in ("columns", "categories", "others"))
        self._number()
        return self

    def _number(self) -> None:
        """Number the features: for each column its categories, the rare or unseen ones, and the missing ones."""
        self._known: list[dict[str | None, int]] = []
        self._unseen: list[int] = []
        first = 0
        for categories, (rare, missing) in zip(self._categories, self._others, strict=True):
            known: dict[str | None, int] = {name: first + n for n, name in enumerate(categories)}
            first += len(categories)
            self._unseen.append(first if rare else -1)
            first += rare
            known[None] = first if missing else -1
            first += missing
            self._known.append(known)
        self._n_features = first if self._buckets is None else self._buckets

    def _features(self, column: int, values: Sequence[Any]) -> list[int]:
        """The feature of each value of a column; -1 for one without a feature."""
        if self._buckets is not None:
            return self._hashed(self._names[column], values)
        known, unseen = self._known[column], self._unseen[column]
        return [known.get(value, unseen) for value in values]

    def _hashed(self, name: str, values: Sequence[Any]) -> list[int]:
        import numpy as np

        from textforge_standard.vectorizers.murmur import murmur3

        distinct = [*dict.fromkeys(values)]
        keys = [f"{name}" if value is None else f"{name}={value}" for value in distinct]
        encoded = [key.encode("utf-8", "surrogatepass") for key in keys]
        ends = np.cumsum([len(key) for key in encoded], dtype=np.int64)
        starts = ends - np.array([len(key) for key in encoded], dtype=np.int64)
        hashes = murmur3(b"".join(encoded) + bytes(4), starts, ends).view(np.uint32) % np.uint32(self._buckets or 1)
        place = dict(zip(distinct, hashes.tolist(), strict=True))
        return [place[value] for value in values]
