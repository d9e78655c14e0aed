"""A graph of ONNX that computes outputs from features by onnxruntime, without torch."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from textforge.classifiers.engines.engine import BATCH_SIZE, MOST_PADDED
from textforge.components.part import plugin_errors
from textforge.components.requirements import require_package
from textforge.errors import ComponentError
from textforge.features.ragged import Dense, Features, Ragged, bounded_rows

MOST_ENTRIES = 2**12
"""Most entries of bags that are computed at once: the vectors that are summed stay in the processor's cache."""
RAGGED = ("indices", "offsets", "weights", "ids", "mask")
OUTPUT, N_WEIGHTS, PADDED = "logits", "n_weights", "most_padded"
"""Name of the output, and keys of the graph's metadata."""


class OnnxGraph:
    """A graph of ONNX over features. It can be copied and pickled, and threads may call it at the same time.

    It computes with as many threads as OMP_NUM_THREADS says, or as the process has processors.

    Args:
        content: the graph as a file of ONNX holds it. Its inputs are `vectors`, or of `indices`, `offsets`, `weights`,
            `ids` and `mask` those that it needs; its first output is a float matrix of a row for each text.
        who: what it computes, for messages.

    Raises:
        ComponentError: onnxruntime is not installed, or cannot read the graph.
    """

    def __init__(self, content: bytes, who: str) -> None:
        require_onnxruntime(who)
        self.content: bytes = content
        self._who = who
        self._open()

    def _open(self) -> None:
        import onnxruntime

        with plugin_errors(self._who, "being read by onnxruntime"):
            self._session: Any = onnxruntime.InferenceSession(
                self.content,
                _options(),
                providers=["CPUExecutionProvider"],
                enable_fallback=0,  # else it prints what is wrong, and tries the same again
            )
            self._inputs = [one.name for one in self._session.get_inputs()]
            noted = self._session.get_modelmeta().custom_metadata_map
            self.n_weights: int = int(noted.get(N_WEIGHTS, 0))
            """Number of weights, as the graph states it."""
            self._most_padded = min(MOST_PADDED, max(1, int(noted.get(PADDED, MOST_PADDED))))
            shape = self._session.get_outputs()[0].shape
        if len(shape) != 2 or not isinstance(shape[1], int) or not 0 < shape[1] <= MOST_PADDED:
            raise ComponentError(f"{self._who}: the graph has an output of shape {shape}; expected (texts, width).")
        self._width = shape[1]
        if unknown := {*self._inputs} - {*RAGGED, "vectors"}:
            raise ComponentError(f"{self._who}: the graph has the input {min(unknown)!r}, which no features give.")

    def __getstate__(self) -> dict[str, Any]:
        return {"content": self.content, "_who": self._who}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._open()

    def __call__(self, features: Features) -> NDArray[np.float32]:
        """Compute the outputs of features, float32, shape (rows, width of the output).

        Raises:
            ComponentError: onnxruntime raised, or the features are of another kind than those that were exported.
        """
        found: list[NDArray[Any]] = [np.empty((0, self._width), dtype=np.float32)]
        rows: list[NDArray[np.int64]] = [np.empty(0, dtype=np.int64)]
        for own in self._batches(features):
            batch = features if len(own) == len(features) else features.take(own)
            given = self._given(batch)
            with plugin_errors(self._who, "computing texts by onnxruntime"):
                output = self._session.run(None, given)[0]
            if output.shape != (len(own), self._width) or output.dtype != np.float32:
                raise ComponentError(
                    f"{self._who}: the graph gave {output.dtype} of shape {output.shape} for {len(own)} texts; "
                    f"expected float32 of shape ({len(own)}, {self._width})."
                )
            found.append(output)
            rows.append(own)
        outputs: NDArray[np.float32] = np.concatenate(found)
        return outputs[np.argsort(np.concatenate(rows), kind="stable")]

    def _batches(self, features: Features) -> Iterator[NDArray[np.int64]]:
        if "ids" in self._inputs or isinstance(features, Dense):
            yield from bounded_rows(features, BATCH_SIZE, self._most_padded)
            return
        start, ends = 0, features.offsets[1:]
        while start < len(features):
            last = int(np.searchsorted(ends, features.offsets[start] + MOST_ENTRIES, side="right"))
            stop = min(max(start + 1, last), start + BATCH_SIZE)
            yield np.arange(start, stop)
            start = stop

    def _given(self, features: Features) -> dict[str, NDArray[Any]]:
        if isinstance(features, Dense) != (self._inputs == ["vectors"]):
            kind = "vectors" if isinstance(features, Dense) else "ragged features"
            raise ComponentError(f"{self._who} was exported for features of another kind, and is given {kind}.")
        if isinstance(features, Dense):
            return {"vectors": features.vectors}
        return {name: getattr(self, f"_{name}")(features) for name in self._inputs}

    def _indices(self, features: Ragged) -> NDArray[Any]:
        return features.indices

    def _offsets(self, features: Ragged) -> NDArray[np.int32]:
        return features.offsets[:-1].astype(np.int32)

    def _weights(self, features: Ragged) -> NDArray[np.float32]:
        return np.ones(len(features.indices), dtype=np.float32) if features.weights is None else features.weights

    def _mask(self, features: Ragged) -> NDArray[np.bool_]:
        lengths = np.diff(features.offsets)
        return np.asarray(np.arange(max(1, int(lengths.max(initial=0)))) < lengths[:, None])

    def _ids(self, features: Ragged) -> NDArray[np.int64]:
        mask = self._mask(features)
        ids = np.zeros(mask.shape, dtype=np.int64)
        ids[mask] = features.indices
        return ids


def require_onnxruntime(who: str) -> None:
    """Check that onnxruntime is installed, without importing it.

    Raises:
        ComponentError: it is not.
    """
    require_package("onnxruntime", who, "textforge[onnx]")


def _options() -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = _threads(), 1
    options.use_deterministic_compute = True
    options.log_severity_level = 4  # errors are raised
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # a server waits most of the time
    return options


def _threads() -> int:
    """The number of threads, by the rules of OpenMP, as torch has it."""
    stated = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    if stated.isdecimal() and 0 < int(stated) <= 1024:
        return int(stated)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
