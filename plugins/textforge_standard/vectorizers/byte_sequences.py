"""Vectorizer `bytes`."""

from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Self

from annotated_types import Ge

from textforge_standard.vectorizers.shortening import Keep
from textforge_standard.vectorizers.special_ids import N_SPECIAL


class Bytes:
    """The UTF-8 bytes of a text, in order: sequences for any language, without a vocabulary.

    Id 0 is padding, id 1 (unknown) never occurs, and byte b has id b + 2. ByT5 (Xue et al. 2022) does the same with
    three special ids.

    Options:
        max_length: number of bytes to read from each text; null reads all. A warning reports how much is cut off.
        keep: part of a longer text to read: its first bytes ('head'), its last ('tail'), or half of each ('both').
    """

    gives = ("vocab_size", "vectors")
    vocab_size = 256 + N_SPECIAL
    vectors = None

    def __init__(self, *, max_length: Annotated[int, Ge(1)] | None = 2048, keep: Keep = "head") -> None:
        self.max_length, self.keep = max_length, keep
        self.warnings: list[str] = []
        """Warnings about the last fit."""

    def fit(self, texts: Sequence[str]) -> Self:
        """Learn nothing; count the texts that are cut."""
        self.fit_transform(texts)
        return self

    def fit_transform(self, texts: Sequence[str]) -> Any:
        """Do as `transform`, and count the texts that are cut."""
        from textforge_standard.vectorizers.shortening import cut_warnings

        encoded = self._encoded(texts)
        self.warnings = list(cut_warnings([len(text) for text in encoded], self.max_length, "bytes"))
        return self._sequences(encoded)

    def fit_chunks(self, chunks: Iterable[Sequence[str]]) -> Self:
        """Do as `fit`, on the texts of all chunks."""
        from textforge_standard.vectorizers.shortening import Cut

        cut = Cut(self.max_length, "bytes")
        for texts in chunks:
            cut.add([len(text) for text in self._encoded(texts)])
        self.warnings = cut.warnings()
        return self

    def transform(self, texts: Sequence[str]) -> Any:
        """Sequences of texts: `textforge.Ragged`, one row per text, ids in text order, no weights."""
        return self._sequences(self._encoded(texts))

    def spans(self, text: str) -> Any:
        """The character of each byte that is read: arrays of ids, characters, and the characters after them."""
        import numpy as np

        from textforge_standard.vectorizers.shortening import shortened

        (data,) = self._encoded([text])
        character = np.cumsum(np.frombuffer(data, np.uint8) & 0xC0 != 0x80) - 1
        read = np.array(shortened([*range(len(data))], self.max_length, self.keep), dtype=np.int64)
        return np.frombuffer(data, np.uint8)[read].astype(np.int32) + N_SPECIAL, character[read], character[read] + 1

    def state(self) -> dict[str, Any]:
        """An empty state: the options define this vectorizer completely."""
        return {}

    def from_state(self, state: dict[str, Any]) -> Self:
        """Return this vectorizer unchanged."""
        return self

    def _encoded(self, texts: Sequence[str]) -> list[bytes]:
        from textforge_standard.vectorizers.units import encodable

        return [text.encode() for text in encodable(texts)]

    def _sequences(self, encoded: list[bytes]) -> Any:
        import numpy as np

        from textforge import Ragged
        from textforge_standard.vectorizers.shortening import shortened

        read = [shortened(text, self.max_length, self.keep) for text in encoded]
        ids = np.frombuffer(b"".join(read), dtype=np.uint8).astype(np.int32) + N_SPECIAL
        return Ragged(ids, np.cumsum([0, *map(len, read)]), self.vocab_size)
