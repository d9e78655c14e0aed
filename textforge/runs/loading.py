"""Load the classifier of a bundle, or of a finished run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from textforge.runs.folder import bundle_folder

if TYPE_CHECKING:
    from textforge.classifiers.classifier import Classifier
    from textforge.components.manager import PluginManager


def load(
    path: str | Path, *, plugins: PluginManager | None = None, device: str = "cpu", check: bool = True
) -> Classifier:
    """The classifier in a bundle folder, or in the bundle of a finished run folder.

    Args:
        path: a bundle folder or a run folder.
        plugins: where components are looked up; by default everything installed.
        device: 'cpu', 'cuda' or 'auto'.
        check: repeat the golden predictions.

    Raises:
        RecipeError: this machine has no such device.
        BundleError: missing, unfinished, damaged, of an unknown format, or it needs a plugin that is not installed;
            the message names the distribution to install.
    """
    folder = bundle_folder(Path(path))  # refuses before torch is imported
    from textforge.classifiers.bundles.bundle import read_bundle

    return read_bundle(folder, plugins=plugins, device=device, check=check)
