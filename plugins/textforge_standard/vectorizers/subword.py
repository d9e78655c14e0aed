"""Vectorizer `subword`."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal, Self

from annotated_types import Ge, Le

MISSING = "needs the package 'tokenizers'. Install it: pip install 'textforge[subword]'"
AT_ONCE = 256
"""Texts that are encoded together, which bounds memory."""


class Subword:
    """Byte-level byte-pair encoding (Sennrich et al. 2016; on bytes, Radford et al. 2019), learnt from the texts.

    Frequent words are one id, rare ones several, so that no text has an unknown one. Id 0 is padding, 1 the
    unknown, which never occurs. Needs textforge[subword] (Hugging Face's tokenizers).

    Options:
        vocab_size: ids in all: 2 special ones, 256 bytes, and the most frequent merges of them; fewer where the texts
            have no more.
        lowercase: turn text to lower case first.
        min_frequency: merge only what occurs this often.
        max_length: ids that are read of a text; null reads all. What is cut off is told.
        keep: which part of a longer text is read: its first ids ('head'), its last ('tail'), or half of each ('both').
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
        keep: Literal["head", "tail", "both"] = "head",
    ) -> None:
        _library()
        self._wanted, self.lowercase, self.min_frequency = vocab_size, lowercase, min_frequency
        self.max_length, self.keep = max_length, keep
        self.warnings: list[str] = []
        """What the user should know of the fit."""

    @staticmethod
    def check_options(**options: Any) -> str | None:
        """Whether the library is there, so that `textforge check` says so."""
        from importlib.util import find_spec

        return None if find_spec("tokenizers") else MISSING

    def fit(self, texts: Sequence[str]) -> Self:
        """Learn the merges; says how many texts are cut."""
        self.fit_transform(texts)
        return self

    def fit_transform(self, texts: Sequence[str]) -> Any:
        """Learn from texts and give their sequences; says how many texts are cut."""
        from textforge_standard.vectorizers.shortening import what_was_cut

        library = _library()
        tokenizer = library.Tokenizer(library.models.BPE())
        tokenizer.pre_tokenizer = library.pre_tokenizers.ByteLevel(add_prefix_space=False)
        trainer = library.trainers.BpeTrainer(
            vocab_size=self._wanted,
            min_frequency=self.min_frequency,
            special_tokens=["[PAD]", "[UNK]"],  # ids 0 and 1
            initial_alphabet=sorted(library.pre_tokenizers.ByteLevel.alphabet()),
            show_progress=False,
        )
        tokenizer.train_from_iterator(self._read(texts), trainer, length=len(texts))
        self._use(tokenizer)
        lengths: list[int] = []
        features = self._sequences(texts, lengths)
        self.warnings = list(what_was_cut(lengths, self.max_length, "subwords"))
        return features

    def transform(self, texts: Sequence[str]) -> Any:
        """Sequences of texts: `textforge.Ragged`, ids in the order of the text, no weights."""
        return self._sequences(texts, [])

    @property
    def vocab_size(self) -> int:
        """The number of ids."""
        return int(self._tokenizer.get_vocab_size())

    def state(self) -> dict[str, Any]:
        """The tokenizer as its own JSON."""
        return {"tokenizer": self._tokenizer.to_str()}

    def from_state(self, state: dict[str, Any]) -> Self:
        """This vectorizer with the tokenizer that `state` gave."""
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
        """The sequences; `lengths` is filled with what the texts have before they are cut."""
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
