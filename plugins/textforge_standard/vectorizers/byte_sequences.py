"""Vectorizer `bytes`."""

from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Literal, Self

from annotated_types import Ge

SPECIAL = 2
"""Ids that are no byte's: 0 is padding, 1 the unknown, which no text has."""


class Bytes:
    """The bytes of a text's UTF-8 in their order: sequences for any language that need no vocabulary.

    Id 0 is padding, 1 stands for the unknown (it never occurs), and byte b is b + 2 (as in ByT5, Xue et al. 2022,
    whose three special ids come first).

    Options:
        max_length: bytes that are read of a text; null reads all. What is cut off is told.
        keep: which part of a longer text is read: its first bytes ('head'), its last ('tail'), or half of each
            ('both').
    """

    gives = ("vocab_size", "vectors")
    vocab_size = 256 + SPECIAL
    vectors = None

    def __init__(
        self, *, max_length: Annotated[int, Ge(1)] | None = 2048, keep: Literal["head", "tail", "both"] = "head"
    ) -> None:
        self.max_length, self.keep = max_length, keep
        self.warnings: list[str] = []
        """What the user should know of the fit."""

    def fit(self, texts: Sequence[str]) -> Self:
        """Nothing to learn; says how many texts are cut."""
        self.fit_transform(texts)
        return self

    def fit_transform(self, texts: Sequence[str]) -> Any:
        """As `transform`; says how many texts are cut."""
        from textforge_standard.vectorizers.shortening import what_was_cut

        encoded = self._encoded(texts)
        self.warnings = list(what_was_cut([len(text) for text in encoded], self.max_length, "bytes"))
        return self._sequences(encoded)

    def fit_chunks(self, chunks: Iterable[Sequence[str]]) -> Self:
        """As `fit` on all texts of the chunks."""
        from textforge_standard.vectorizers.shortening import Cut

        cut = Cut(self.max_length, "bytes")
        for texts in chunks:
            cut.add([len(text) for text in self._encoded(texts)])
        self.warnings = cut.told()
        return self

    def transform(self, texts: Sequence[str]) -> Any:
        """Sequences of texts: `textforge.Ragged`, ids in the order of the text, no weights."""
        return self._sequences(self._encoded(texts))

    def state(self) -> dict[str, Any]:
        """Nothing: the options say all."""
        return {}

    def from_state(self, state: dict[str, Any]) -> Self:
        """This vectorizer."""
        return self

    def _encoded(self, texts: Sequence[str]) -> list[bytes]:
        from textforge_standard.vectorizers.units import encodable

        return [text.encode() for text in encodable(texts)]

    def _sequences(self, encoded: list[bytes]) -> Any:
        import numpy as np

        from textforge import Ragged
        from textforge_standard.vectorizers.shortening import shortened

        read = [shortened(text, self.max_length, self.keep) for text in encoded]
        ids = np.frombuffer(b"".join(read), dtype=np.uint8).astype(np.int32) + SPECIAL
        return Ragged(ids, np.cumsum([0, *map(len, read)]), self.vocab_size)
