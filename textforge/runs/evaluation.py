"""Evaluation of a trained classifier on labelled data: its run's own splits, or other data."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from textforge.components.manager import PluginManager
from textforge.components.part import Part
from textforge.components.rows import ColumnKinds
from textforge.components.settings import UnknownLabels
from textforge.data.dataset import Dataset, as_dataset
from textforge.data.encoding import are_sets
from textforge.data.gold import encode_gold
from textforge.data.labels import label_names, label_type
from textforge.data.tables import COMPRESSED
from textforge.errors import BundleError, RecipeError, cut, did_you_mean, listed
from textforge.recipes.document import read_document
from textforge.recipes.recipe import load_dataset_part, load_metric_parts
from textforge.runs import folder as run_folder
from textforge.runs.own_data import own_dataset, part_for_file
from textforge.runs.tables import unread_names
from textforge.runs.uninstalled import refuse_uninstalled

if TYPE_CHECKING:
    from textforge.classifiers.classifier import Classifier


def evaluate(
    path: str | Path,
    *,
    data: str | Path | None = None,
    split: str | None = None,
    options: Iterable[str] = (),
    metrics: Sequence[str] | None = None,
    unknown_labels: UnknownLabels | None = None,
    plugins: PluginManager | None = None,
    device: str = "cpu",
    on_batch: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Evaluate a run or bundle on labelled data and return its metrics (see `metrics.classification_metrics`).

    If a data file has columns that nothing reads, `left_out` names them.

    Args:
        path: a finished run folder or a bundle.
        data: a recipe (.yaml) whose dataset is used, or a data file. A data file is read whole by the dataset named
            after its suffix (reviews.csv by 'csv'), or by the run's own if the run trained on a file with this suffix.
            None: the run's own data.
        split: 'train', 'valid' or 'test'. Defaults to test, or to all rows of a data file.
        options: options of the dataset, as in `["text=review"]`.
        metrics: names of additional metrics. Defaults to those of the run's recipe.
        unknown_labels: treatment of labels unknown to the classifier; see `Classifier.evaluate`. Defaults to the
            run's `trainer.unknown_labels`.
        plugins: the plugin manager that looks up components. Defaults to everything installed.
        device: 'cpu', 'cuda' or 'auto'.
        on_batch: called after each batch with (texts done, texts in total).

    Raises:
        RecipeError: the recipe or an option is invalid.
        DataError: the data is invalid.
        BundleError: the run or bundle cannot be loaded.
    """
    plugins = plugins or PluginManager()
    run = Path(path)
    run_folder.bundle_folder(run)  # raises for an unfinished run before anything is loaded
    source = _data_file(run, data)
    from textforge.classifiers.metrics import ExtraMetrics
    from textforge.runs.loading import load

    measures = _metrics(run, metrics, plugins)
    classifier = load(run, plugins=plugins, device=device)
    several = classifier.decision.multi_label
    extra = ExtraMetrics(measures, labels=classifier.labels, multi_label=several)
    part, seed, default = _dataset(
        run, source, [option.removeprefix("dataset.") for option in options], plugins, classifier.columns
    )
    dataset = as_dataset(part, seed)
    chosen = split or default
    splits = dataset.splits()
    if chosen not in splits:
        raise RecipeError(f"the data has no split '{chosen}'. Its splits: {listed(splits)}.")
    texts, labels = splits[chosen]
    labels = _compared_as_text(labels, classifier)
    warnings = [*dataset.warnings]
    if data is None and not options:
        warnings += _changed_data(run, dataset)
    shown = Path(data).name if data is not None and default == "train" else chosen  # a data file is not a split
    unknown = unknown_labels or _own_treatment(run)
    weights = dataset.weights_of(chosen)
    # Raises before time is spent on predicting.
    encoded = encode_gold(labels, classifier.labels, shown, unknown, weights)
    warnings += [*encoded.warnings, *extra.weight_warnings(weighted=weights is not None)]
    extra.for_labels(encoded.names)
    left_out = unread_names(part, Path(data), plugins) if data is not None and default == "train" else []
    return {
        "split": shown,
        "warnings": warnings,
        **({"left_out": left_out} if left_out else {}),
        **classifier.evaluate(
            texts, labels, weights=weights, name=shown, metrics=extra, unknown_labels=unknown, on_batch=on_batch
        ),
    }


def _compared_as_text(labels: Sequence[Any], classifier: Classifier) -> Sequence[Any]:
    """Let a classifier with labels of another type answer in text, if these labels are text, as files give them.

    The text of a truth value may be in any case.
    """
    kind = label_type(classifier.labels[0])
    first = next(chain.from_iterable(labels) if are_sets(labels) else iter(labels), None)
    if kind is str or not isinstance(first, str):
        return labels
    classifier.labels = tuple(label_names(classifier.labels))
    if kind is not bool:
        return labels
    return [tuple(map(str.lower, row)) if isinstance(row, tuple) else row.lower() for row in labels]


def _own_treatment(run: Path) -> UnknownLabels:
    """The `trainer.unknown_labels` of a run; 'error' for a bundle outside a run folder, and for older runs."""
    if not (run / run_folder.RESOLVED).is_file():
        return "error"
    trainer = read_document(run / run_folder.RESOLVED)[1].plain().get("trainer")
    given = trainer.get("unknown_labels") if isinstance(trainer, dict) else None
    return next((known for known in get_args(UnknownLabels) if known == given), "error")


def _metrics(run: Path, names: Sequence[str] | None, plugins: PluginManager) -> list[Part]:
    """Look up metrics by name, or load those of the run's recipe."""
    if names is not None:
        return [plugins.part("metric", name) for name in names]
    if not own_dataset(run):
        return []
    refuse_uninstalled(run, plugins, ["metric"])
    return list(load_metric_parts(run / run_folder.RESOLVED, plugins=plugins))


def _data_file(run: Path, data: str | Path | None) -> Path:
    """The recipe or data file to read: `data` if given, else the run's own recipe."""
    own = run / run_folder.RESOLVED
    if data is None and not own.is_file():
        raise BundleError(f"{run}: a bundle contains no data. Name data with --data FILE or --data RECIPE.")
    path = own if data is None else Path(data)
    if not path.is_file():
        found = "is a folder, not a file" if path.is_dir() else "is a pipe or a device; save it to a file"
        raise RecipeError(f"{path}: {found if path.exists() else 'no such file'}.")
    return path


def _dataset(
    run: Path, path: Path, options: list[str], plugins: PluginManager, columns: ColumnKinds
) -> tuple[Part, int, str]:
    """The dataset to evaluate on, its seed, and the name of the default split."""
    if path.suffix.lower() in (".yaml", ".yml"):
        if path.name == run_folder.RESOLVED:
            refuse_uninstalled(path.parent, plugins, ["dataset"])
        part, seed = load_dataset_part(path, overrides=[f"dataset.{option}" for option in options], plugins=plugins)
        return part, seed, "test"
    return _file_part(path, run, options, plugins, columns), 0, "train"


def _changed_data(run: Path, dataset: Dataset) -> list[str]:
    """Warn if the data differs, or may differ, from the data that the run was made with."""
    then = run_folder.data_fingerprint(run)
    if then is None:
        return [f"{run_folder.ENVIRONMENT} cannot be read, so the data may differ from those the run was made with."]
    if dataset.fingerprint() == then:
        return []
    return ["the data differ from those that the run was made with (by their SHA-256)."]


def _file_part(path: Path, run: Path, options: list[str], plugins: PluginManager, columns: ColumnKinds) -> Part:
    """The dataset that reads a file: the one named after its suffix, else the run's own if it trained on such a file.

    The run's own dataset has the options of the run.
    """
    unpacked = path.with_suffix("") if path.suffix.lower() in COMPRESSED else path
    name = unpacked.suffix.removeprefix(".").lower()
    names = plugins.names("dataset")
    own = own_dataset(run) or {}
    trained_on = own.get("train")
    files = trained_on if isinstance(trained_on, list) else [trained_on]
    if name not in names and path.suffix in {Path(file).suffix for file in files if isinstance(file, str)}:
        name = str(own["use"])
    if name not in names and "/" not in name:
        raise RecipeError(
            f"{path}: no dataset reads '{unpacked.suffix}' files. A data file is read by the dataset named after its "
            f"suffix; installed: {listed(names)}.{did_you_mean(name, names)}{_by_recipe(own, path)}"
        )
    return part_for_file(name, path, run, options, plugins, columns=columns)


def _by_recipe(own: dict[str, Any], path: Path) -> str:
    """Say how a recipe gives a file to the run's own dataset, if that reads such files by another option than train."""
    options = [name for name, value in own.items() if isinstance(value, str) and Path(value).suffix == path.suffix]
    if not options:
        return ""
    return (
        f" The run's dataset '{cut(own['use'])}' reads such a file by its option '{options[0]}'. To use it, copy "
        f"{run_folder.RESOLVED} of the run, set that option, and give the copy with --data."
    )
