"""Load the classifier of a bundle, or of a finished run."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

from textforge.runs.folder import bundle_folder

if TYPE_CHECKING:
    from textforge.classifiers.classifier import Classifier
    from textforge.classifiers.engines.engine import EngineName
    from textforge.components.manager import PluginManager


def load(
    path: str | Path,
    *,
    plugins: PluginManager | None = None,
    device: str = "cpu",
    engine: EngineName = "auto",
    check: bool = True,
    label_type: type[Enum] | None = None,
) -> Classifier:
    """Load the classifier of a bundle or of a finished run.

    Args:
        path: a bundle folder, a run folder, or `hf://USER/NAME@REVISION` on the Hugging Face hub (needs
            textforge[hub]). What the cache has is loaded without network.
        plugins: the plugin manager that looks up components. Defaults to everything installed.
        device: 'cpu', 'cuda' or 'auto'.
        engine: what computes the model: 'torch', 'numpy' or 'onnx'. By default the lightest that can: onnx for an
            exported model, numpy where the model can be computed in it and `device` is 'cpu' or 'auto', else torch.
        check: repeat the bundle's golden predictions and compare them.
        label_type: the Enum whose members the classifier was trained with. A bundle stores their values, or their
            names if the values are not plain; without `label_type`, these are the labels.

    Raises:
        RecipeError: the device is not available, or the engine cannot compute the model.
        DataError: `label_type` is not an Enum that has a member for each label.
        BundleError: the bundle is missing, unfinished, damaged or of an unknown format, or it needs a plugin that is
            not installed; then the message names the distribution to install.
        DataUnavailable: the hub cannot be reached or has no such bundle, and the cache has none.
    """
    folder = bundle_folder(Path(path))  # raises before torch is imported
    from textforge.classifiers.bundles.bundle import read_bundle

    return read_bundle(folder, plugins=plugins, device=device, engine=engine, check=check, label_type=label_type)
