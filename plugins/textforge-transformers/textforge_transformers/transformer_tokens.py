"""Vectorizer `transformer-tokens`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from annotated_types import Ge

from textforge_transformers.checkpoint import Source, one_source

SPECIAL = 2
"""The number of textforge's own ids, padding and the unknown word; a tokenizer's ids follow them."""


class TransformerTokens:
    """Tokens from a pretrained encoder's own fast tokenizer, for the model 'transformer-encoder'.

    Id 0 is padding. Id 1 is the unknown word, which never occurs, since the tokenizer has its own. The tokenizer's ids
    follow, shifted by 2. The bundle stores the tokenizer and needs neither hub nor folder again.

    Options:
        name: a checkpoint on the Hugging Face hub, such as distilbert/distilbert-base-uncased; give this or folder.
        folder: a folder with config.json, tokenizer.json and model.safetensors, as save_pretrained writes them.
        revision: a tag or commit of the hub's repository, to pin the checkpoint.
        max_length: most tokens to read from a text, special ones included; null reads as many as the encoder can. A
            warning reports how many texts are cut.
        keep: part of a longer text to read: its first tokens ('head'), its last ('tail'), or half of each
            ('both', after Sun et al. 2019).
    """

    gives = ("vocab_size", "encoder_config", "encoder_weights")

    def __init__(
        self,
        *,
        name: str | None = None,
        folder: Path | None = None,
        revision: str | None = None,
        max_length: Annotated[int, Ge(3)] | None = 256,
        keep: Literal["head", "tail", "both"] = "head",
    ) -> None:
        self._source = Source(name, folder, revision)
        self.max_length, self.keep = max_length, keep
        self.encoder_config: dict[str, Any] = {}
        """The encoder's configuration, parsed from config.json."""
        self.encoder_weights: Any = None
        """The folder of the pretrained weights, set by the fit; never saved."""
        self.warnings: list[str] = []
        """Warnings about the fit, to show to the user."""

    check_options = staticmethod(one_source)

    def fit(self, texts: Sequence[str]) -> Self:
        """Read the checkpoint and set `warnings`, which report how many texts are cut."""
        self.fit_transform(texts)
        return self

    def fit_transform(self, texts: Sequence[str]) -> Any:
        """Do the same as `fit`, and return the sequences of the texts.

        Raises:
            DataError: the checkpoint lacks a file, or its parts do not belong together.
            DataUnavailable: the checkpoint cannot be downloaded.
            RecipeError: the encoder cannot read max_length tokens.
        """
        from textforge_transformers.checkpoint import Checkpoint
        from textforge_transformers.tokenizing import warnings_of_cuts

        found = Checkpoint.find(self._source)
        self._use(found.tokenizer(), found.config(), found.shown)
        self.encoder_weights = found.weights()
        features, lengths = self._sequences(texts)
        self.warnings = warnings_of_cuts(lengths, self._most)
        return features

    def transform(self, texts: Sequence[str]) -> Any:
        """The token sequences of texts, a `textforge.Ragged` of ids in text order without weights."""
        return self._sequences(texts)[0]

    @property
    def vocab_size(self) -> int:
        """The number of ids: the tokenizer's, padding and the unknown word."""
        return int(self._tokens.size) + SPECIAL

    def state(self) -> dict[str, Any]:
        """The tokenizer as JSON text, and the encoder's configuration."""
        return {"tokenizer": self._tokens.as_json(), "config": self.encoder_config}

    def from_state(self, state: dict[str, Any]) -> Self:
        """Restore the result of `state`, without pretrained weights."""
        self._use(state["tokenizer"], state["config"], "the bundle")
        self.encoder_weights = None
        return self

    def _use(self, tokenizer: str, config: dict[str, Any], shown: str) -> None:
        from textforge_transformers.checkpoint import checked_length, checked_tokenizer

        self._most = checked_length(self.max_length, config, "transformer-tokens")
        self._tokens = checked_tokenizer(tokenizer, config, shown)
        self.encoder_config = config

    def _sequences(self, texts: Sequence[str]) -> tuple[Any, list[int]]:
        """The token sequences, and the length of each text in tokens before it is cut."""
        import numpy as np
        from textforge import Ragged

        rows, lengths = self._tokens.rows(texts, self._most, self.keep)
        ids = np.concatenate([np.zeros(0, dtype=np.int32), *rows]) + SPECIAL
        return Ragged(ids, np.cumsum([0, *map(len, rows)]), self.vocab_size), lengths
