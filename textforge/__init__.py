"""textforge: text classifiers from a YAML recipe, every part a plugin.

The names below are the public face. They are imported when first used (PEP 562), so
`import textforge` is quick and `textforge --help` never loads numpy or torch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from textforge.classifiers.bundles.bundle import save as save
    from textforge.classifiers.classifier import Classifier as Classifier
    from textforge.classifiers.decision import Decision as Decision
    from textforge.classifiers.engines.onnx_graph import OnnxGraph as OnnxGraph
    from textforge.classifiers.metrics import ExtraMetrics as ExtraMetrics, Metrics as Metrics
    from textforge.cli.progress import progress_for as progress_for
    from textforge.components.checkpointing import CheckpointSettings as CheckpointSettings
    from textforge.components.component import Component as Component, FromHook as FromHook, Origin as Origin
    from textforge.components.file_url import FileUrl as FileUrl
    from textforge.components.hookspecs import PLUGIN_API as PLUGIN_API, hookimpl as hookimpl
    from textforge.components.installed import InstalledPlugin as InstalledPlugin
    from textforge.components.kinds import Kind as Kind
    from textforge.components.manager import Broken as Broken, PluginManager as PluginManager
    from textforge.components.part import (
        Loss as Loss,
        Metric as Metric,
        Model as Model,
        Optimizer as Optimizer,
        Part as Part,
        Preprocessor as Preprocessor,
        Scheduler as Scheduler,
        Vectorizer as Vectorizer,
    )
    from textforge.components.rows import Row as Row
    from textforge.components.settings import (
        DecisionSettings as DecisionSettings,
        TrainerOptions as TrainerOptions,
        TrainerSettings as TrainerSettings,
    )
    from textforge.components.tune import Tune as Tune
    from textforge.data.dataset import Dataset as Dataset
    from textforge.data.streams import Stream as Stream, Survey as Survey
    from textforge.errors import (
        BundleError as BundleError,
        ComponentError as ComponentError,
        DataError as DataError,
        DataUnavailable as DataUnavailable,
        Mistake as Mistake,
        Place as Place,
        PluginError as PluginError,
        ProcessError as ProcessError,
        RecipeError as RecipeError,
        StorageError as StorageError,
        TextforgeError as TextforgeError,
        TrainingError as TrainingError,
    )
    from textforge.features.bag_sums import bag_sum as bag_sum
    from textforge.features.batch import Batch as Batch, RaggedBatch as RaggedBatch
    from textforge.features.layers import FeatureLinear as FeatureLinear
    from textforge.features.ragged import (
        Dense as Dense,
        Features as Features,
        Ragged as Ragged,
        as_features as as_features,
    )
    from textforge.insight.doctor.examination import doctor as doctor
    from textforge.insight.explanations.classes import explain_class as explain_class
    from textforge.insight.explanations.explanation import (
        Explanation as Explanation,
        FeatureContribution as FeatureContribution,
        WordContribution as WordContribution,
    )
    from textforge.insight.explanations.texts import explain as explain
    from textforge.insight.handover.card import card as card
    from textforge.insight.handover.export import Export as Export, export as export
    from textforge.insight.handover.push import Pushed as Pushed, PushOptions as PushOptions, push as push
    from textforge.insight.report.reasons import Reasons as Reasons
    from textforge.insight.reporting import report as report
    from textforge.insight.run_comparison import compare as compare
    from textforge.insight.wrong_texts import mistakes as mistakes
    from textforge.recipes.init_from import InitFrom as InitFrom
    from textforge.recipes.recipe import Recipe as Recipe, load_recipe as load_recipe
    from textforge.recipes.tune_values import TuneChoice as TuneChoice, TuneRange as TuneRange, TuneSpace as TuneSpace
    from textforge.runs.continuing import resume as resume
    from textforge.runs.cross_validation import CrossValidation as CrossValidation, cross_validate as cross_validate
    from textforge.runs.environment_changes import Change as Change
    from textforge.runs.file_prediction import FileAnswers as FileAnswers, predict_file as predict_file
    from textforge.runs.hub.pull import Pulled as Pulled, pull as pull
    from textforge.runs.interruption import Interrupted as Interrupted, Interruption as Interruption
    from textforge.runs.loading import load as load
    from textforge.runs.progress import Progress as Progress
    from textforge.runs.replays.comparison import Compared as Compared
    from textforge.runs.replays.replay import Replay as Replay, replay as replay
    from textforge.runs.runner import Run as Run, run as run
    from textforge.runs.seeds import Repeats as Repeats, run_seeds as run_seeds
    from textforge.runs.tasks import Task as Task
    from textforge.runs.tuning.tuned import Tuned as Tuned, tune as tune
    from textforge.training.distributed.workers import Workers as Workers
    from textforge.training.inner import train_module as train_module
    from textforge.training.start import Matched as Matched, Start as Start
    from textforge.training.step_result import StepResult as StepResult
    from textforge.training.trainer import Trainer as Trainer
    from textforge.training.validation import EpochResult as EpochResult


def lazy(package: str, homes: Mapping[str, str]) -> tuple[list[str], Callable[[str], Any], Callable[[], list[str]]]:
    """`__all__`, `__getattr__` and `__dir__` of a package that imports its names when they are first used (PEP 562).

    Args:
        package: its `__name__`.
        homes: public name to the module below the package that defines it.
    """

    def get(name: str) -> Any:
        from importlib import import_module

        if name not in homes:
            raise AttributeError(f"module '{package}' has no attribute '{name}'")
        value = getattr(import_module(f"{package}.{homes[name]}"), name)
        import_module(package).__dict__[name] = value  # a name wins over a module of the same name
        return value

    return list(homes), get, lambda: sorted(homes)


_HOMES = {
    "Batch": "features.batch",
    "Broken": "components.manager",
    "BundleError": "errors",
    "Change": "runs.environment_changes",
    "CheckpointSettings": "components.checkpointing",
    "Classifier": "classifiers.classifier",
    "Compared": "runs.replays.comparison",
    "Component": "components.component",
    "ComponentError": "errors",
    "CrossValidation": "runs.cross_validation",
    "DataError": "errors",
    "DataUnavailable": "errors",
    "Dataset": "data.dataset",
    "Decision": "classifiers.decision",
    "DecisionSettings": "components.settings",
    "Dense": "features.ragged",
    "EpochResult": "training.validation",
    "Explanation": "insight.explanations.explanation",
    "Export": "insight.handover.export",
    "ExtraMetrics": "classifiers.metrics",
    "FeatureContribution": "insight.explanations.explanation",
    "FeatureLinear": "features.layers",
    "Features": "features.ragged",
    "FileAnswers": "runs.file_prediction",
    "FileUrl": "components.file_url",
    "FromHook": "components.component",
    "InitFrom": "recipes.init_from",
    "InstalledPlugin": "components.installed",
    "Interrupted": "runs.interruption",
    "Interruption": "runs.interruption",
    "Kind": "components.kinds",
    "Loss": "components.part",
    "Matched": "training.start",
    "Metric": "components.part",
    "Metrics": "classifiers.metrics",
    "Mistake": "errors",
    "Model": "components.part",
    "OnnxGraph": "classifiers.engines.onnx_graph",
    "Optimizer": "components.part",
    "Origin": "components.component",
    "PLUGIN_API": "components.hookspecs",
    "Part": "components.part",
    "Place": "errors",
    "PluginError": "errors",
    "PluginManager": "components.manager",
    "Preprocessor": "components.part",
    "ProcessError": "errors",
    "Progress": "runs.progress",
    "Pulled": "runs.hub.pull",
    "PushOptions": "insight.handover.push",
    "Pushed": "insight.handover.push",
    "Ragged": "features.ragged",
    "RaggedBatch": "features.batch",
    "Reasons": "insight.report.reasons",
    "Recipe": "recipes.recipe",
    "RecipeError": "errors",
    "Repeats": "runs.seeds",
    "Replay": "runs.replays.replay",
    "Row": "components.rows",
    "Run": "runs.runner",
    "Scheduler": "components.part",
    "StorageError": "errors",
    "Start": "training.start",
    "StepResult": "training.step_result",
    "Stream": "data.streams",
    "Survey": "data.streams",
    "Task": "runs.tasks",
    "TextforgeError": "errors",
    "Trainer": "training.trainer",
    "TrainerOptions": "components.settings",
    "TrainerSettings": "components.settings",
    "TrainingError": "errors",
    "Tune": "components.tune",
    "TuneChoice": "recipes.tune_values",
    "TuneRange": "recipes.tune_values",
    "TuneSpace": "recipes.tune_values",
    "Tuned": "runs.tuning.tuned",
    "Vectorizer": "components.part",
    "Workers": "training.distributed.workers",
    "WordContribution": "insight.explanations.explanation",
    "as_features": "features.ragged",
    "bag_sum": "features.bag_sums",
    "card": "insight.handover.card",
    "compare": "insight.run_comparison",
    "cross_validate": "runs.cross_validation",
    "doctor": "insight.doctor.examination",
    "explain": "insight.explanations.texts",
    "explain_class": "insight.explanations.classes",
    "export": "insight.handover.export",
    "hookimpl": "components.hookspecs",
    "load": "runs.loading",
    "load_recipe": "recipes.recipe",
    "mistakes": "insight.wrong_texts",
    "predict_file": "runs.file_prediction",
    "progress_for": "cli.progress",
    "pull": "runs.hub.pull",
    "push": "insight.handover.push",
    "replay": "runs.replays.replay",
    "report": "insight.reporting",
    "resume": "runs.continuing",
    "run": "runs.runner",
    "run_seeds": "runs.seeds",
    "save": "classifiers.bundles.bundle",
    "train_module": "training.inner",
    "tune": "runs.tuning.tuned",
}
_names, _get, _dir = lazy(__name__, _HOMES)
__all__ = [*_names, "__version__"]  # noqa: PLE0604  (names, by construction)


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib import metadata

        return metadata.version("textforge")
    return _get(name)


def __dir__() -> list[str]:
    return sorted(__all__)
