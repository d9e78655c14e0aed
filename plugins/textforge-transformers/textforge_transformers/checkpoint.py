"""Find and read the files of a pretrained encoder, in a local folder or on the Hugging Face hub."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Self

CONFIG, TOKENIZER, WEIGHTS = "config.json", "tokenizer.json", "model.safetensors"
WANTED = (CONFIG, TOKENIZER, WEIGHTS, f"{WEIGHTS}.index.json", "model-*-of-*.safetensors")
"""Patterns of the only files that are downloaded; they match neither pickles nor code."""
POSITIONS_AFTER_PADDING = frozenset(
    [
        "camembert",
        "data2vec-text",
        "esm",
        "ibert",
        "longformer",
        "luke",
        "mpnet",
        "roberta",
        "roberta-prelayernorm",
        "xlm-roberta",
        "xlm-roberta-xl",
        "xmod",
    ]
)
"""Model types that number positions after the padding id, as fairseq does, and so have pad_token_id + 1 fewer."""


class Source(NamedTuple):
    """Where a recipe says that a checkpoint is: a name on the hub, with or without a revision, or a local folder."""

    name: str | None
    folder: Path | None
    revision: str | None


@dataclass(frozen=True)
class Checkpoint:
    """A folder with the files of an encoder.

    Args:
        folder: path of the folder.
        shown: its name in messages.
        revision: the hub's commit; None for a local folder.
    """

    folder: Path
    shown: str
    revision: str | None = None

    @classmethod
    def find(cls, source: Source) -> Self:
        """Find a checkpoint by name on the hub, or by folder without using the network.

        Raises:
            DataError: the folder does not exist.
            DataUnavailable: the checkpoint cannot be downloaded and is not in the cache.
        """
        from textforge import DataError

        from textforge_transformers.hub import from_hub

        if source.folder is None:
            found = from_hub(str(source.name), source.revision, WANTED)
            return cls(found, f"'{source.name}'", found.name)
        if not source.folder.is_dir():
            raise DataError(
                f"{source.folder}: the folder does not exist. Give one with {CONFIG}, {TOKENIZER} and {WEIGHTS}."
            )
        return cls(source.folder, str(source.folder))

    def config(self) -> dict[str, Any]:
        """The encoder's configuration, parsed from JSON.

        Raises:
            DataError: the file is missing or cannot be read.
        """
        from textforge import DataError

        try:
            config = json.loads(self._text(CONFIG, "so transformers did not write this checkpoint"))
            return {"model_type": config.pop("model_type"), **config}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DataError(f"{self.shown}: {CONFIG} is not the configuration of an encoder ({error!r}).") from error

    def tokenizer(self) -> str:
        """The fast tokenizer, as JSON text.

        Raises:
            DataError: the file is missing or cannot be read.
        """
        make = f"AutoTokenizer.from_pretrained('{self.folder}').save_pretrained('{self.folder}')"
        return self._text(TOKENIZER, f"the fast tokenizer. Create it from older files with transformers: {make}")

    def weights(self) -> "Pretrained":
        """The folder of the pretrained weights.

        Raises:
            DataError: the checkpoint has no weights as safetensors.
        """
        from textforge import DataError

        if not any((self.folder / name).is_file() for name in (WEIGHTS, f"{WEIGHTS}.index.json")):
            raise DataError(
                f"{self.shown}: has no {WEIGHTS}. Pickled weights (pytorch_model.bin) are never loaded, since a pickle "
                "can run any code. Use a checkpoint or a revision with safetensors, or, if you trust it, convert "
                "it once with transformers: AutoModel.from_pretrained(…).save_pretrained(…)."
            )
        return Pretrained(self.folder)

    def _text(self, file: str, lacking: str) -> str:
        from textforge import DataError

        try:
            return (self.folder / file).read_text(encoding="utf-8")
        except FileNotFoundError as error:
            raise DataError(f"{self.shown}: has no {file}, {lacking}.") from error
        except (OSError, UnicodeError) as error:
            raise DataError(f"{self.shown}: {file} cannot be read: {error}.") from error


@dataclass(frozen=True)
class Pretrained:
    """The folder of pretrained weights, a fact for the model that is about to be trained.

    It is needed only to start training. Bundles omit it and unpickling gives None, so that a trained classifier is
    always rebuilt from its configuration and its own weights.
    """

    folder: Path

    def __reduce__(self) -> tuple[Any, ...]:
        return type(None), ()


def one_source(*, name: str | None, folder: Path | None, revision: str | None, **_: Any) -> str | None:
    """An error message if name, folder and revision contradict each other, for `check_options`."""
    if (name is None) == (folder is None):
        return "give either name (a checkpoint on the hub) or folder (a local checkpoint)."
    if folder is not None and revision is not None:
        return "revision applies to a checkpoint on the hub, not to a folder."
    return None


def longest(config: Mapping[str, Any]) -> int | None:
    """Most tokens that an encoder can read; None if its configuration sets no limit."""
    positions = config.get("max_position_embeddings")
    if positions is not None and config["model_type"] in POSITIONS_AFTER_PADDING:
        positions -= (config.get("pad_token_id", 1) or 0) + 1
    return positions


def checked_length(max_length: int | None, config: Mapping[str, Any], vectorizer: str) -> int | None:
    """The option max_length, or the encoder's limit if it is null.

    Raises:
        RecipeError: max_length exceeds the encoder's limit.
    """
    from textforge import RecipeError

    bound = longest(config)
    if max_length is not None and bound is not None and max_length > bound:
        raise RecipeError(
            f"vectorizer '{vectorizer}': max_length is {max_length}, but the encoder ({config['model_type']}) reads at "
            f"most {bound} tokens. Set vectorizer.max_length: {bound}, or null."
        )
    return bound if max_length is None else max_length


def checked_tokenizer(tokenizer: str, config: Mapping[str, Any], shown: str) -> Any:
    """Load the tokenizer of an encoder, a `Tokenizing`.

    Raises:
        DataError: the tokenizer has more tokens than the encoder.
    """
    from textforge import DataError

    from textforge_transformers.tokenizing import Tokenizing

    tokens = Tokenizing(tokenizer)
    known = config.get("vocab_size", tokens.size)
    if tokens.size > known:
        raise DataError(
            f"{shown}: {TOKENIZER} has {tokens.size} tokens, but {CONFIG} allows {known}: they do not belong "
            "to one encoder."
        )
    return tokens
