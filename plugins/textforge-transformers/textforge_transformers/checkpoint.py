"""The files of a pretrained encoder: a folder on this machine, or a name on the Hugging Face hub."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

CONFIG, TOKENIZER, WEIGHTS = "config.json", "tokenizer.json", "model.safetensors"
WANTED = (CONFIG, TOKENIZER, WEIGHTS, f"{WEIGHTS}.index.json", "model-*-of-*.safetensors")
"""All that is downloaded: neither pickles nor code."""
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
"""Encoders that number positions from the padding's id on, as fairseq does, so that many fewer are left."""


@dataclass(frozen=True)
class Checkpoint:
    """A folder with the files of an encoder.

    Args:
        folder: where they are.
        shown: how messages call it.
        revision: the hub's commit; None for a folder of the user's own.
    """

    folder: Path
    shown: str
    revision: str | None = None

    @classmethod
    def find(cls, name: str | None, folder: Path | None, revision: str | None) -> Self:
        """The checkpoint of a name or of a folder; for a folder no network is asked.

        Raises:
            DataError: there is no such folder.
            DataUnavailable: the hub does not give it, and it is not in the cache.
        """
        from textforge import DataError

        from textforge_transformers.hub import from_hub

        if folder is None:
            found = from_hub(str(name), revision, WANTED)
            return cls(found, f"'{name}'", found.name)
        if not folder.is_dir():
            raise DataError(f"{folder}: there is no such folder. Give one with {CONFIG}, {TOKENIZER} and {WEIGHTS}.")
        return cls(folder, str(folder))

    def config(self) -> dict[str, Any]:
        """The encoder's configuration, as JSON holds it.

        Raises:
            DataError: there is none, or it cannot be read.
        """
        from textforge import DataError

        try:
            config = json.loads(self._text(CONFIG, "so it is no checkpoint that transformers wrote"))
            return {"model_type": config.pop("model_type"), **config}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DataError(f"{self.shown}: {CONFIG} is no encoder's configuration ({error!r}).") from error

    def tokenizer(self) -> str:
        """The fast tokenizer, as JSON.

        Raises:
            DataError: there is none.
        """
        make = f"AutoTokenizer.from_pretrained('{self.folder}').save_pretrained('{self.folder}')"
        return self._text(TOKENIZER, f"the fast tokenizer. transformers can make it of older files: {make}")

    def weights(self) -> "Pretrained":
        """Where the pretrained weights are.

        Raises:
            DataError: there are none as safetensors.
        """
        from textforge import DataError

        if not any((self.folder / name).is_file() for name in (WEIGHTS, f"{WEIGHTS}.index.json")):
            raise DataError(
                f"{self.shown}: has no {WEIGHTS}. Pickled weights (pytorch_model.bin) are never loaded, since a pickle "
                "can run any code. Take a checkpoint or a revision with safetensors, or, where you trust it, convert "
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
    """The folder of pretrained weights, as a fact for the model that is about to be trained.

    It is needed once. JSON does not hold it and a pickle gives None instead, so that a trained classifier, wherever it
    goes, is made from its configuration and its own weights.
    """

    folder: Path

    def __reduce__(self) -> tuple[Any, ...]:
        return type(None), ()


def one_source(*, name: str | None, folder: Path | None, revision: str | None, **_: Any) -> str | None:
    """Why name, folder and revision do not fit each other, for `check_options`."""
    if (name is None) == (folder is None):
        return "give either name, of a checkpoint on the hub, or folder, of one on this machine."
    if folder is not None and revision is not None:
        return "revision is for a checkpoint on the hub; a folder has none."
    return None


def longest(config: Mapping[str, Any]) -> int | None:
    """How many tokens an encoder can read; None where its configuration names no bound."""
    positions = config.get("max_position_embeddings")
    if positions is not None and config["model_type"] in POSITIONS_AFTER_PADDING:
        positions -= (config.get("pad_token_id", 1) or 0) + 1
    return positions


def checked_length(max_length: int | None, config: Mapping[str, Any], vectorizer: str) -> int | None:
    """The option max_length, or the encoder's bound where it is null.

    Raises:
        RecipeError: it is more than the encoder can read.
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
    """The tokenizer of an encoder: a `Tokenizing`.

    Raises:
        DataError: it has tokens that the encoder does not know.
    """
    from textforge import DataError

    from textforge_transformers.tokenizing import Tokenizing

    tokens = Tokenizing(tokenizer)
    known = config.get("vocab_size", tokens.size)
    if tokens.size > known:
        raise DataError(
            f"{shown}: {TOKENIZER} has {tokens.size} tokens, but the encoder of {CONFIG} knows {known}: they do not "
            "belong together."
        )
    return tokens
