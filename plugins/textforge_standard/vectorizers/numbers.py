"""Vectorizer `numbers`."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Self

from textforge_standard.vectorizers.chosen_columns import Names, chosen_columns, first_and_all

BLOCK = 4096
"""Rows whose moments are computed at once. It is fixed, so that chunks of any size give the same sums."""
MOST = 1e30
"""Largest magnitude of a standardised value; float32 holds it, and sums of it."""


class Numbers:
    """Columns of numbers, standardised to mean 0 and standard deviation 1 on the training texts.

    Works as scikit-learn's StandardScaler. A missing number counts as the mean; a feature of its own marks it, if
    training texts lack numbers in this column, too. Put it into a union to use numbers beside the text.

    Options:
        column: name of the column, or a list of names; null reads all columns of the kind number.
    """

    gives = ("n_features",)
    reads_columns = "number"

    def __init__(self, /, *, column: Names = None) -> None:
        self._column = column
        self._names: list[str] = []

    def fit(self, texts: Sequence[str]) -> Self:
        """Learn mean and standard deviation of each column, and whether it lacks numbers."""
        return self.fit_chunks([texts])

    def fit_chunks(self, chunks: Iterable[Sequence[str]]) -> Self:
        """Learn from chunks of texts that are read once."""
        import numpy as np

        from textforge import DataError

        first, chunks = first_and_all(chunks)
        self._names = chosen_columns(self._column, first, "number")
        n, mean, squares = (np.zeros(len(self._names)) for _ in range(3))
        missing = np.zeros(len(self._names), dtype=np.uint8)
        with np.errstate(over="ignore", invalid="ignore"):
            for block in _blocks(self._values(texts) for texts in chunks):
                missing |= np.isnan(block).any(axis=0)
                n, mean, squares = _merged((n, mean, squares), block)
        variance = squares / np.maximum(n, 1)
        if not np.isfinite(variance).all():
            name = self._names[int(np.flatnonzero(~np.isfinite(variance))[0])]
            raise DataError(
                f"the numbers of the column '{name}' are too large to standardise. Divide them by a number."
            )
        # Rounding makes the variance of equal numbers positive; the bound is that of scikit-learn's StandardScaler.
        constant = variance <= n * np.finfo(float).eps * variance + (n * mean * np.finfo(float).eps) ** 2
        self._learned(mean, np.where(constant, 1.0, np.sqrt(variance)), missing)
        return self

    def transform(self, texts: Sequence[str]) -> Any:
        """Features of texts: `textforge.Ragged`, one row per text, with an entry for each column."""
        import numpy as np

        from textforge import Ragged

        values = self._values(texts)
        lacking = np.isnan(values)
        numbers = np.where(lacking, self._marks, self._places)
        with np.errstate(over="ignore"):
            distances = (np.where(lacking, self._mean, values) - self._mean) / self._scale
        standardised = np.clip(distances, -MOST, MOST)
        weights = np.where(lacking, 1.0, standardised)
        shown = ~lacking | self._missing.astype(bool)
        offsets = np.concatenate(([0], np.cumsum(shown.sum(axis=1))))
        return Ragged(numbers[shown], offsets, self._n_features, weights[shown].astype(np.float32))

    def get_feature_names_out(self) -> list[str]:
        """Names such as `price`, and `price (missing)`."""
        marks = zip(self._names, self._missing.tolist(), strict=True)
        return [feature for name, missing in marks for feature in (name, f"{name} (missing)")[: 1 + missing]]

    def column_features(self, text: str) -> dict[int, str]:
        """The features of a text, by their numbers, with their names."""
        names = self.get_feature_names_out()
        return {number: names[number] for number in self.transform([text]).indices.tolist()}

    def state(self) -> dict[str, Any]:
        """Names, means and standard deviations of the columns, and whether training texts lacked numbers."""
        return {"columns": self._names, "mean": self._mean, "scale": self._scale, "missing": self._missing}

    def from_state(self, state: dict[str, Any]) -> Self:
        """Restore the state that `state` returned."""
        self._names = list(state["columns"])
        self._learned(state["mean"], state["scale"], state["missing"])
        return self

    def _learned(self, mean: Any, scale: Any, missing: Any) -> None:
        import numpy as np

        self._mean, self._scale, self._missing = mean, scale, missing
        widths = 1 + missing.astype(np.int64)
        self._places = np.cumsum(widths) - widths
        self._marks = self._places + missing
        self._n_features = int(widths.sum())

    def _values(self, texts: Sequence[str]) -> Any:
        """The numbers of the columns, float64, shape (texts, columns); NaN where one is missing."""
        import numpy as np

        from textforge.data import values_of

        found = [np.array(values_of(texts, name), dtype=np.float64) for name in self._names]
        return np.stack(found, axis=1) if len(texts) else np.empty((0, len(self._names)))


def _blocks(parts: Iterable[Any]) -> Iterator[Any]:
    """Cut arrays into blocks of BLOCK rows, across their ends."""
    import numpy as np

    rest: Any = None
    for part in parts:
        joined = part if rest is None else np.concatenate([rest, part])
        whole = len(joined) - len(joined) % BLOCK
        for start in range(0, whole, BLOCK):
            yield joined[start : start + BLOCK]
        rest = joined[whole:]
    if rest is not None and len(rest):
        yield rest


def _merged(before: tuple[Any, Any, Any], block: Any) -> tuple[Any, Any, Any]:
    """Add a block to number, mean and sum of squared deviations of each column (Chan, Golub and LeVeque 1983)."""
    import numpy as np

    n, mean, squares = before
    more = (~np.isnan(block)).sum(axis=0)
    own = np.where(more > 0, np.nansum(block, axis=0) / np.maximum(more, 1), mean)
    deviations = np.nansum((block - own) ** 2, axis=0)
    total = np.maximum(n + more, 1)
    step = own - mean
    return n + more, mean + step * more / total, squares + deviations + step**2 * n * more / total
