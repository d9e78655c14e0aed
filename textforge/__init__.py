"""textforge: text classifiers from a YAML recipe, every part a plugin.

The names below are the public face. They are imported when first used (PEP 562), so
`import textforge` is quick and `textforge --help` never loads numpy or torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from textforge.bag_sums import bag_sum as bag_sum
    from textforge.bundle import load as load, save as save
    from textforge.classifier import Classifier as Classifier
    from textforge.cross_validation import CrossValidation as CrossValidation, cross_validate as cross_validate
    from textforge.data import Dataset as Dataset
    from textforge.errors import (
        BundleError as BundleError,
        ComponentError as ComponentError,
        DataError as DataError,
        DataUnavailable as DataUnavailable,
        PluginError as PluginError,
        RecipeError as RecipeError,
        StorageError as StorageError,
        TextforgeError as TextforgeError,
        TrainingError as TrainingError,
    )
    from textforge.features import Ragged as Ragged, RaggedBatch as RaggedBatch
    from textforge.hookspecs import PLUGIN_API as PLUGIN_API, hookimpl as hookimpl
    from textforge.layers import FeatureLinear as FeatureLinear
    from textforge.plugins import PluginManager as PluginManager
    from textforge.progress import Progress as Progress
    from textforge.recipe import Recipe as Recipe, load_recipe as load_recipe
    from textforge.repeats import Repeats as Repeats, run_seeds as run_seeds
    from textforge.runner import Run as Run, run as run
    from textforge.settings import TrainerSettings as TrainerSettings
    from textforge.streams import Stream as Stream, Survey as Survey
    from textforge.trainer import Trainer as Trainer
    from textforge.validation import EpochResult as EpochResult

_HOME = {
    "BundleError": "errors",
    "Classifier": "classifier",
    "ComponentError": "errors",
    "CrossValidation": "cross_validation",
    "DataError": "errors",
    "DataUnavailable": "errors",
    "Dataset": "data",
    "EpochResult": "validation",
    "FeatureLinear": "layers",
    "PLUGIN_API": "hookspecs",
    "PluginError": "errors",
    "PluginManager": "plugins",
    "Progress": "progress",
    "Ragged": "features",
    "RaggedBatch": "features",
    "Recipe": "recipe",
    "RecipeError": "errors",
    "Repeats": "repeats",
    "Run": "runner",
    "StorageError": "errors",
    "Stream": "streams",
    "Survey": "streams",
    "TextforgeError": "errors",
    "Trainer": "trainer",
    "TrainerSettings": "settings",
    "TrainingError": "errors",
    "bag_sum": "bag_sums",
    "cross_validate": "cross_validation",
    "hookimpl": "hookspecs",
    "load": "bundle",
    "load_recipe": "recipe",
    "run": "runner",
    "run_seeds": "repeats",
    "save": "bundle",
}
"""Public name to the module that defines it."""

__all__ = [*_HOME, "__version__"]  # noqa: PLE0604  (names, by construction)


def __getattr__(name: str) -> Any:
    from importlib import import_module, metadata

    if name == "__version__":
        return metadata.version("textforge")
    if name in _HOME:
        value = getattr(import_module(f"textforge.{_HOME[name]}"), name)
        globals()[name] = value  # `textforge.run` is the function, also once its module is loaded
        return value
    raise AttributeError(f"module 'textforge' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted(__all__)
