"""A trained classifier whose model is a graph of ONNX, compared with the classifier that it was made from."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from textforge.classifiers.bundles.golden import golden_texts
from textforge.classifiers.classifier import Classifier, computed_by
from textforge.classifiers.engines.engine import Engine
from textforge.classifiers.engines.onnx_engine import OnnxEngine, Quantization
from textforge.classifiers.engines.onnx_graph import N_WEIGHTS, PADDED, OnnxGraph
from textforge.components.own_methods import own_method
from textforge.components.part import part_name, plugin_errors, why_unsavable
from textforge.components.requirements import pip_install
from textforge.components.rows import with_text
from textforge.errors import BundleError, ComponentError
from textforge.features.ragged import Dense, Features, Ragged

if TYPE_CHECKING:
    from onnx import ModelProto
    from torch import nn

TOLERANCE = 1e-5
"""Largest difference of a probability between torch and onnxruntime."""
ROUNDING = 2.0**-21
"""Relative difference of logits that counts as rounding. Beyond logits of 20, it moves probabilities by more."""
LENGTHS = (3, 0, 1, 60, 7, 1, 0, 20)
"""Most entries of the rows that are drawn to compare on."""
LONG = 13
"""How often the golden texts are repeated in the longest text: about a thousand words."""


@dataclass(frozen=True)
class Exported:
    """An exported classifier.

    Args:
        classifier: the classifier, whose model onnxruntime computes.
        difference: the largest difference of a probability to the original on texts and features of many lengths.
    """

    classifier: Classifier
    difference: float


def exported(classifier: Classifier, quantize: Quantization | None = None) -> Exported:
    """Export a classifier.

    Args:
        classifier: a classifier whose model torch can compute. It is unchanged.
        quantize: 'int8' rounds the weights to 8-bit integers.

    Raises:
        BundleError: the classifier has parts that no bundle can name.
        ComponentError: the model cannot be exported, gives other probabilities as a graph, or a package is missing.
    """
    require_packages()
    if reason := why_unsavable(classifier.parts):
        raise BundleError(reason)
    by_torch = classifier.engine.with_module()
    original = _computed_by(by_torch, classifier.vectorizer, classifier)
    graph = _graph(by_torch.module, classifier.features(golden_texts(classifier.columns)), by_torch.model.who)
    exact = _with_graph(original, graph, None)
    difference = _difference(original, exact, exact=True)
    if quantize is None:
        return Exported(exact, difference)
    rounded = _with_graph(original, graph, quantize)
    return Exported(rounded, _difference(original, rounded, exact=False))


def require_packages() -> None:
    """Check that the packages for an export are installed.

    Raises:
        ComponentError: one is missing.
    """
    lacking = [name for name in ("onnx", "onnxscript", "onnxruntime") if find_spec(name) is None]
    if lacking:
        raise ComponentError(
            f"the export to ONNX needs {' and '.join(lacking)}, which {'is' if len(lacking) == 1 else 'are'} not "
            f"installed. Install: {pip_install('textforge[onnx-export]')}"
        )


def _graph(module: nn.Module, features: Features, who: str) -> ModelProto:
    """Export a copy of a module, and note what `OnnxGraph` reads from the graph."""
    from textforge.classifiers.exporting.graph import graph_of
    from textforge.classifiers.ownership import copied_module

    copied = copied_module(module, None, who).cpu().eval()
    weights = sum(one.numel() for one in module.state_dict().values())
    graph = graph_of(copied, features, who)
    graph.metadata_props.add(key=N_WEIGHTS, value=str(weights))
    if most := getattr(module, "most_padded", None):
        graph.metadata_props.add(key=PADDED, value=str(int(most)))
    return graph


def _opened(graph: ModelProto, who: str, quantize: Quantization | None) -> OnnxGraph:
    if quantize is not None:
        from textforge.classifiers.exporting.quantization import quantize as round_weights

        graph = copy.deepcopy(graph)
        round_weights(graph)
    return OnnxGraph(graph.SerializeToString(deterministic=True), who)


def _with_graph(classifier: Classifier, graph: ModelProto, quantize: Quantization | None) -> Classifier:
    from textforge.classifiers.exporting.graph import OPSET

    model = classifier.engine.model
    engine = OnnxEngine(model, _opened(graph, model.who, quantize), OPSET, quantize)
    return _computed_by(engine, _vectorizer(classifier, quantize), classifier)


def _computed_by(engine: Engine, vectorizer: Any, like: Classifier) -> Classifier:
    return computed_by(
        engine, vectorizer, like.labels,
        facts=like.facts, parts=like.parts, columns=like.columns, decision=like.decision,
    )  # fmt: skip


def _vectorizer(classifier: Classifier, quantize: Quantization | None) -> Any:
    """The vectorizer, or what its `for_onnx` returns, if it computes with torch."""
    who = part_name(classifier.parts["vectorizer"])
    for_onnx = own_method(classifier.vectorizer, "for_onnx")
    if for_onnx is None:
        return classifier.vectorizer

    def export(module: nn.Module, features: Features) -> OnnxGraph:
        return _opened(_graph(module, features, who), who, quantize)

    with plugin_errors(who, "being exported"):
        return for_onnx(export)


# -- comparing ---------------------------------------------------------------------------------


def _difference(classifier: Classifier, other: Classifier, *, exact: bool) -> float:
    """Return the largest difference of a probability between two classifiers.

    Raises:
        ComponentError: it is larger than rounding explains, and should be `exact`; or one of them failed.
    """
    largest = 0.0
    texts = golden_texts(classifier.columns)
    for batch in (texts, *([one] for one in texts), [_long(texts)]):
        features = classifier.features(batch)
        largest = max(largest, _compared(classifier, features, other, other.features(batch), exact=exact))
    drawn = _drawn(classifier.features([_long(texts)]))
    for rows in (np.arange(len(drawn)), *np.arange(len(drawn))[:, None]):
        own = drawn.take(rows)
        largest = max(largest, _compared(classifier, own, other, own, exact=exact))
    return largest


def _compared(
    classifier: Classifier, features: Features, other: Classifier, exported: Features, *, exact: bool
) -> float:
    logits = classifier.engine.logits(features)
    expected = classifier.decision.probabilities(logits)
    found = other.probabilities(exported)
    difference = float(np.abs(found - expected).max())
    allowed = max(TOLERANCE, ROUNDING * float(np.abs(logits[logits > -1e20]).max(initial=0)))
    if exact and difference > allowed:
        raise ComponentError(
            f"{part_name(classifier.parts['model'])} cannot be exported: its graph gives other probabilities than "
            f"torch (a difference of {difference:.2g}). It may decide by sizes or values, which a graph fixes."
        )
    return difference


def _long(texts: list[str]) -> str:
    return with_text(texts[1], " ".join(texts * LONG))


def _drawn(longest: Features) -> Features:
    """Draw features of many lengths, at most that of the longest text, of the same kind."""
    draw = np.random.default_rng(0)
    if isinstance(longest, Dense):
        return Dense(draw.standard_normal((len(LENGTHS), longest.n_features), dtype=np.float32))
    lengths = np.minimum(LENGTHS, len(longest.indices))
    offsets = np.concatenate(([0], np.cumsum(lengths)))
    first = min(2, longest.n_features - 1)  # before it are padding and the unknown word of a sequence
    indices = draw.integers(first, longest.n_features, offsets[-1])
    weights = None if longest.weights is None else draw.random(offsets[-1], dtype=np.float32)
    return Ragged(indices, offsets, longest.n_features, weights)
