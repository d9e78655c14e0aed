"""Export the classifier of a run, a bundle or a program: the same answers without torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from textforge.errors import BundleError, RecipeError, did_you_mean, listed

if TYPE_CHECKING:
    from textforge.classifiers.classifier import Classifier

Target = Literal["onnx"]
Quantization = Literal["int8"]


@dataclass(frozen=True)
class Export:
    """A bundle with an exported model.

    Args:
        path: the folder of the bundle.
        size: bytes of its files.
        difference: the largest difference of a probability to the classifier that was exported, on texts and features
            of many lengths. With rounded weights it is larger; how many answers change, only labelled texts can tell.
    """

    path: Path
    size: int
    difference: float

    def as_json(self) -> dict[str, Any]:
        return {"path": str(self.path), "size": self.size, "difference": self.difference}


def export(
    classifier: Classifier | str | Path,
    path: str | Path,
    *,
    to: Target = "onnx",
    quantize: Quantization | None = None,
) -> Export:
    """Write a classifier as a bundle whose model onnxruntime computes, so that it needs no torch.

    The bundle is of the same kind as that of a run, with digests and golden predictions, and `textforge.load` loads it.
    Its model is a graph of ONNX. Before it is written, it is compared with torch on texts and features of many lengths:
    no probability may differ by more than 1e-5. Beside the bundle's files is its model card, README.md. Needs
    `textforge[onnx-export]`; the bundle needs `textforge[onnx]`.

    Args:
        classifier: a classifier whose parts are named components, a run folder, or a bundle.
        path: the folder to create.
        to: the format of the model: 'onnx'.
        quantize: 'int8' rounds the weights to 8-bit integers: a quarter of the size. None keeps them.

    Raises:
        RecipeError: `to` or `quantize` is unknown, or the bundle was exported before.
        BundleError: `path` exists, or the classifier cannot be loaded, or has a part that is no named component.
        ComponentError: the model cannot be exported, its graph gives other probabilities, or a package is missing.
            Nothing is written.
        StorageError: the folder cannot be written.
    """
    _refuse_unknown("format", to, Target)
    if quantize is not None:
        _refuse_unknown("quantization", quantize, Quantization)
    path = Path(path)
    if path.exists():
        raise BundleError(f"{path}: exists already; bundles are never overwritten.")
    from textforge.classifiers.exporting.onnx_export import exported, require_packages

    require_packages()  # before torch is imported
    source = classifier if isinstance(classifier, (str, Path)) else path
    if isinstance(classifier, (str, Path)):
        from textforge.runs.loading import load

        classifier = load(classifier, engine="torch")
    found = exported(classifier, quantize)
    from textforge.classifiers.bundles.bundle import save
    from textforge.insight.handover.card import card
    from textforge.runs.folder import CARD

    save(found.classifier, path)
    card(source, path / CARD, bundle=path)
    return Export(path, sum(file.stat().st_size for file in path.iterdir()), found.difference)


def _refuse_unknown(what: str, given: Any, known: Any) -> None:
    names = get_args(known)
    if given not in names:
        raise RecipeError(f"unknown {what} {given!r}. Known: {listed(names)}.{did_you_mean(str(given), names)}")
