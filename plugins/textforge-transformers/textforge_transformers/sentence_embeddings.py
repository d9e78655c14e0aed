"""Vectorizer `sentence-embeddings`."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from annotated_types import Ge

from textforge_transformers.checkpoint import Source, one_source

if TYPE_CHECKING:
    from textforge import OnnxGraph, Ragged

ENCODER = "encoder."
"""Prefix of the names of weights in the state."""
GRAPH = "graph"
"""Name of the encoder in the state of an exported vectorizer: a graph of ONNX as bytes."""
WHO = "vectorizer 'sentence-embeddings'"


class SentenceEmbeddings:
    """One vector per text from a frozen pretrained encoder (Sentence-BERT, Reimers & Gurevych 2019).

    Returns dense vectors, for the models 'linear', 'mlp', 'logistic-regression' and others.

    Options:
        name: a checkpoint on the Hugging Face hub, such as sentence-transformers/all-MiniLM-L6-v2; give this or folder.
        folder: a folder with config.json, tokenizer.json and model.safetensors, as save_pretrained writes them.
        revision: a tag or commit of the hub's repository, to pin the checkpoint.
        pooling: the vector of a text: the mean of its tokens' states ('mean'), or the state of its first token ('cls');
            the checkpoint's model card says which one it was trained with.
        normalise: scale each vector to length 1.
        prefix: text to put before each text, such as 'query: ' for E5.
        max_length: most tokens to read from a text, special ones included; null reads as many as the encoder can. A
            warning reports how many texts are cut.
        keep: part of a longer text to read: its first tokens ('head'), its last ('tail'), or half of each.
        carry: store the encoder's weights in a bundle, so that it needs nothing else; false stores only the name or the
            folder, which must then be available wherever the bundle is loaded.
        device: device of the encoder; 'auto' uses the first CUDA device, if any, or else the CPU.
    """

    def __init__(
        self,
        *,
        name: str | None = None,
        folder: Path | None = None,
        revision: str | None = None,
        pooling: Literal["mean", "cls"] = "mean",
        normalise: bool = True,
        prefix: str = "",
        max_length: Annotated[int, Ge(3)] | None = 256,
        keep: Literal["head", "tail", "both"] = "head",
        carry: bool = True,
        device: Literal["auto", "cpu"] = "auto",
    ) -> None:
        self._source = Source(name, folder, revision)
        self.pooling, self.normalise, self.prefix = pooling, normalise, prefix
        self.max_length, self.keep, self.carry, self.device = max_length, keep, carry, device
        self.warnings: list[str] = []
        """Warnings about the fit, to show to the user."""
        self._graph: OnnxGraph | None = None

    check_options = staticmethod(one_source)

    def fit(self, texts: Sequence[str]) -> Self:
        """Read the checkpoint and set `warnings`, which report how many texts are cut.

        Raises:
            DataError: the checkpoint lacks a file, or its parts do not belong together.
            DataUnavailable: the checkpoint cannot be downloaded.
            RecipeError: the encoder cannot read max_length tokens.
        """
        self._read_checkpoint()
        _, lengths = self._rows(texts)
        self._set_warnings(lengths)
        return self

    def fit_transform(self, texts: Sequence[str]) -> Any:
        """Do the same as `fit`, and return the vectors of the texts."""
        self._read_checkpoint()
        rows, lengths = self._rows(texts)
        self._set_warnings(lengths)
        return self._vectors(rows)

    def transform(self, texts: Sequence[str]) -> Any:
        """The vectors of texts, float32 of shape (texts, width of the encoder)."""
        return self._vectors(self._rows(texts)[0])

    def state(self) -> dict[str, Any]:
        """The tokenizer, configuration and weights of the encoder; only the hub's commit if `carry` is false.

        An exported one always carries the encoder, as a graph in place of weights.
        """
        if self._graph is not None:
            import numpy as np

            graph = np.frombuffer(self._graph.content, dtype=np.uint8)
            return {"tokenizer": self._tokens.as_json(), "config": self._config, GRAPH: graph}
        if not self.carry:
            return {"revision": self._source.revision}
        weights = {ENCODER + name: value.cpu().numpy() for name, value in self._encoder.state_dict().items()}
        return {"tokenizer": self._tokens.as_json(), "config": self._config, **weights}

    def from_state(self, state: dict[str, Any]) -> Self:
        """Restore the result of `state`; read the checkpoint again if it holds no weights."""
        if "config" not in state:
            self._source = self._source._replace(revision=state["revision"])
            self._read_checkpoint()
            return self
        if GRAPH in state:
            from textforge import OnnxGraph

            self._use_tokenizer(state["tokenizer"], state["config"], "the bundle")
            self._graph = OnnxGraph(state[GRAPH].tobytes(), WHO)
            return self
        import torch

        self._use(state["tokenizer"], state["config"], None, "the bundle")
        weights = {name.removeprefix(ENCODER): value for name, value in state.items() if name.startswith(ENCODER)}
        self._encoder.load_state_dict({name: torch.from_numpy(value) for name, value in weights.items()})
        return self

    def for_onnx(self, export: Callable[[Any, Any], "OnnxGraph"]) -> "SentenceEmbeddings":
        """The same vectorizer, whose encoder onnxruntime computes without torch."""
        import copy

        exported = copy.copy(self)
        exported._graph = export(self._encoder_vectors(), self._ragged(self._rows(["a", "b"])[0]))
        return exported

    def _read_checkpoint(self) -> None:
        from textforge_transformers.checkpoint import Checkpoint

        found = Checkpoint.find(self._source)
        self._source = self._source._replace(revision=found.revision)
        self._use(found.tokenizer(), found.config(), found.weights(), found.shown)

    def _use(self, tokenizer: str, config: dict[str, Any], weights: Any, shown: str) -> None:
        import torch

        from textforge_transformers.encoders import encoder, pad_id

        self._use_tokenizer(tokenizer, config, shown)
        self._pad = pad_id(config)
        with torch.random.fork_rng(devices=[]):  # building the encoder draws random weights, even if they are replaced
            self._encoder: Any = encoder(config, weights).eval().requires_grad_(False)
        if self.device == "auto" and torch.cuda.is_available():
            self._encoder.to("cuda")

    def _use_tokenizer(self, tokenizer: str, config: dict[str, Any], shown: str) -> None:
        from textforge_transformers.checkpoint import checked_length, checked_tokenizer

        self._most = checked_length(self.max_length, config, "sentence-embeddings")
        self._tokens = checked_tokenizer(tokenizer, config, shown)
        self._config = config

    def _encoder_vectors(self) -> Any:
        from textforge_transformers.vectors import EncoderVectors

        return EncoderVectors(self._encoder, self._pad, self.pooling, self.normalise)

    def _ragged(self, rows: Sequence[Any]) -> "Ragged":
        import numpy as np
        from textforge import Ragged

        ids = np.concatenate([np.zeros(0, dtype=np.int32), *rows])
        return Ragged(ids, np.cumsum([0, *map(len, rows)]), self._tokens.size)

    def _rows(self, texts: Sequence[str]) -> tuple[Any, list[int]]:
        prefixed = [self.prefix + text for text in texts] if self.prefix else texts
        rows, lengths = self._tokens.rows(prefixed, self._most, self.keep)
        return rows, lengths

    def _set_warnings(self, lengths: list[int]) -> None:
        from textforge_transformers.tokenizing import warnings_of_cuts

        self.warnings = warnings_of_cuts(lengths, self._most)

    def _vectors(self, rows: Any) -> Any:
        """Compute vectors in batches of texts of similar length, to keep padding short."""
        import numpy as np

        features = self._ragged(rows)
        if self._graph is not None:
            return self._graph(features)
        import torch

        from textforge_transformers.encoders import in_batches

        compute = self._encoder_vectors()
        vectors = np.empty((len(rows), self._encoder.config.hidden_size), dtype=np.float32)
        with torch.no_grad():
            for places in in_batches(np.diff(features.offsets)):
                batch = features.take(places).batch(0, len(places)).to(self._encoder.device)
                vectors[places] = compute(batch).cpu().numpy()
        return vectors
