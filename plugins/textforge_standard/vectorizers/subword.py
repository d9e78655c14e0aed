"""Vectorizer `subword`."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Self

from annotated_types import Ge, Le

from textforge_standard.vectorizers.shortening import Keep
from textforge_standard.vectorizers.special_ids import PADDING, UNKNOWN

MISSING = "needs the package 'tokenizers'. Install it: pip install 'textforge[subword]'"
AT_ONCE = 256
"""Number of texts to encode together; bounds memory."""
SPECIAL_TOKENS = {PADDING: "[PAD]", UNKNOWN: "[UNK]"}
"""Names of the reserved ids. The library numbers them in order of id, from 0."""


class Subword:
    """Byte-level byte-pair encoding (Sennrich et al. 2016; on bytes, Radford et al. 2019), learned in training.

    A frequent word is one id, a rare one several, so every text can be encoded. Id 0 is padding; id 1 (unknown) never
    occurs. Needs textforge[subword] (Hugging Face's tokenizers).

    Options:
        vocab_size: total number of ids: 2 special ones, 256 bytes and their most frequent merges; fewer if the texts
            have fewer merges.
        lowercase: convert texts to lower case first.
        min_frequency: merge only pairs that occur at least this often.
        max_length: number of ids to read from each text; null reads all. A warning reports how much is cut off.
        keep: part of a longer text to read: its first ids ('head'), its last ('tail'), or half of each ('both').
    """

    gives = ("vocab_size", "vectors")
    vectors = None

    def __init__(
        self,
        *,
        vocab_size: Annotated[int, Ge(258), Le(10_000_000)] = 8000,
        lowercase: bool = True,
        min_frequency: Annotated[int, Ge(1)] = 2,
        max_length: Annotated[int, Ge(1)] | None = 512,
        keep: Keep = "head",
    ) -> None:
        _library()
        self._wanted, self.lowercase, self.min_frequency = vocab_size, lowercase, min_frequency
        self.max_length, self.keep = max_length, keep
        self.warnings: list[str] = []
        """Warnings about the last fit."""

    @staticmethod
    def check_options(**options: Any) -> str | None:
        """Report a missing library, so that `textforge check` finds it."""
        from importlib.util import find_spec

        return None if find_spec("tokenizers") else MISSING

    def fit(self, texts: Sequence[str]) -> Self:
        """Learn the merges, and count the texts that are cut."""
        self.fit_transform(texts)
        return self

    def fit_transform(self, texts: Sequence[str]) -> Any:
        """Fit on texts and return their sequences; count the texts that are cut."""
        from textforge_standard.vectorizers.shortening import cut_warnings

        library = _library()
        tokenizer = library.Tokenizer(library.models.BPE())
        tokenizer.pre_tokenizer = library.pre_tokenizers.ByteLevel(add_prefix_space=False)
        trainer = library.trainers.BpeTrainer(
            vocab_size=self._wanted,
            min_frequency=self.min_frequency,
            special_tokens=[SPECIAL_TOKENS[number] for number in sorted(SPECIAL_TOKENS)],
            initial_alphabet=sorted(library.pre_tokenizers.ByteLevel.alphabet()),
            show_progress=False,
        )
        tokenizer.train_from_iterator(self._read(texts), trainer, length=len(texts))
        self._use(tokenizer)
        lengths: list[int] = []
        features = self._sequences(texts, lengths)
        self.warnings = list(cut_warnings(lengths, self.max_length, "subwords"))
        return features

    def transform(self, texts: Sequence[str]) -> Any:
        """Sequences of texts: `textforge.Ragged`, one row per text, ids in text order, no weights."""
        return self._sequences(texts, [])

    def spans(self, text: str) -> Any:
        """Where each subword that is read stands in a text: arrays of ids, first characters, ends."""
        import numpy as np

        from textforge_standard.vectorizers.alignment import aligned
        from textforge_standard.vectorizers.shortening import shortened

        changed, alignment = aligned(text, lambda one: next(self._read([one])))
        encoding = self._tokenizer.encode(changed, add_special_tokens=False)
        units = [(number, *at) for number, at in zip(encoding.ids, encoding.offsets, strict=True)]
        read = shortened(units, self.max_length, self.keep)
        ids, starts, ends = np.array(read, dtype=np.int64).reshape(-1, 3).T
        return ids, *alignment.spans(starts, ends)

    @property
    def vocab_size(self) -> int:
        """The number of ids."""
        return int(self._tokenizer.get_vocab_size())

    def get_feature_names_out(self) -> list[str]:
        """The subword of each id, as the tokenizer writes it."""
        return [str(self._tokenizer.id_to_token(number)) for number in range(self.vocab_size)]

    def state(self) -> dict[str, Any]:
        """The tokenizer as its own JSON."""
        return {"tokenizer": self._tokenizer.to_str()}

    def from_state(self, state: dict[str, Any]) -> Self:
        """Restore the tokenizer that `state` returned."""
        self._use(_library().Tokenizer.from_str(state["tokenizer"]))
        return self

    def _use(self, tokenizer: Any) -> None:
        tokenizer.encode_special_tokens = True  # "[PAD]" in a text is five characters
        self._tokenizer = tokenizer

    def _read(self, texts: Sequence[str]) -> Iterator[str]:
        from textforge_standard.vectorizers.units import encodable

        for text in encodable(texts):
            yield str(text.lower() if self.lowercase else text)

    def _sequences(self, texts: Sequence[str], lengths: list[int]) -> Any:
        """The sequences of texts; append the uncut length of each text to `lengths`."""
        import numpy as np

        from textforge import Ragged
        from textforge_standard.vectorizers.shortening import shortened

        rows = [np.zeros(0, dtype=np.int32)]
        for start in range(0, len(texts), AT_ONCE):
            chunk = list(self._read(texts[start : start + AT_ONCE]))
            for encoding in self._tokenizer.encode_batch_fast(chunk, add_special_tokens=False):
                lengths.append(len(encoding))
                rows.append(np.array(shortened(encoding.ids, self.max_length, self.keep), dtype=np.int32))
        return Ragged(np.concatenate(rows), np.cumsum([len(row) for row in rows]), self.vocab_size)


def _library() -> Any:
    """Hugging Face's tokenizers.

    Raises:
        RecipeError: it is not installed.
    """
    from textforge import RecipeError

    try:
        import tokenizers
    except ImportError as error:
        raise RecipeError(f"vectorizer 'subword' {MISSING}") from error
    return tokenizers
