"""Dataset `huggingface`."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from textforge_standard.datasets.class_names import named
from textforge_standard.datasets.columns import Columns, Table, examples, look_up
from textforge_standard.datasets.splits import Examples, HoldOut, dataset, read_splits
from textforge_standard.datasets.unlabelled import label_set, only_labelled
from textforge_standard.declare import declare
from textforge_standard.option_groups import with_groups

DEFAULT_SPLITS = {"valid": "validation", "test": "test"}


def _one_source(
    *, name: str | None, folder: Path | None, config: str | None, revision: str | None, **_: Any
) -> str | None:
    if (name is None) == (folder is None):
        return "give either name (a dataset on the hub) or folder (a local dataset)."
    if folder is not None and revision is not None:
        return "revision applies to a dataset on the hub, not to a folder."
    if folder is not None and config is not None and _is_saved(folder):
        return "config has no effect on a folder that save_to_disk wrote; leave it out."
    return None


@with_groups(_one_source)
def huggingface(
    seed: int,
    hold_out: HoldOut,
    columns: Columns,
    /,
    *,
    name: str | None = None,
    folder: Path | None = None,
    config: str | None = None,
    revision: str | None = None,
    train: str = "train",
    valid: str | None = "validation",
    test: str | None = "test",
) -> Any:
    """A dataset from the Hugging Face hub or from a folder (Lhoest et al. 2021); needs textforge[huggingface].

    Options:
        name: name on the hub, such as stanfordnlp/imdb.
        folder: folder that save_to_disk wrote, or folder of data files that the library can read.
        config: configuration of the dataset, if it has several.
        revision: tag or commit of the repository on the hub; pins the data.
        train: split to train on.
        valid: split to validate on; the default 'validation' is used only if it exists; null for none.
        test: split to test on; the default 'test' is used only if it exists; null for none.
    """
    source = name if name is not None else str(folder)
    found = _load(source, folder, config, revision)
    chosen = {split: wanted for split, wanted in (("train", train), ("valid", valid), ("test", test))
              if wanted is not None and (wanted in found or wanted != DEFAULT_SPLITS.get(split))}  # fmt: skip
    splits = read_splits(chosen, lambda split: _read(source, found, split, columns))
    splits = only_labelled(splits, label_set(splits["train"]), columns.missing)
    return dataset(splits, hold_out, seed, missing_test="no test split")


def _is_saved(folder: Path) -> bool:
    return any((folder / name).is_file() for name in ("dataset_dict.json", "state.json"))


def _load(source: str, folder: Path | None, config: str | None, revision: str | None) -> dict[str, Any]:
    """Load the splits by name.

    Raises:
        PluginError: the library is not installed.
        DataUnavailable: the hub cannot be reached, or has no such dataset.
        DataError: the library cannot read the data.
    """
    from textforge import DataError, DataUnavailable, PluginError

    try:
        from datasets import DatasetDict, load_dataset, load_from_disk
        from datasets.exceptions import DatasetNotFoundError
    except ImportError as error:
        raise PluginError(
            "dataset 'huggingface' needs the library 'datasets', which is not installed. "
            "Install it: pip install 'textforge[huggingface]'."
        ) from error
    try:
        with _quietly():
            if folder is not None and _is_saved(folder):
                found = load_from_disk(source)
                return dict(found) if isinstance(found, DatasetDict) else {"train": found}
            return dict(load_dataset(source, config, revision=revision))
    except DatasetNotFoundError as error:
        told = (
            f"{source}: has no data that the library can read"
            if folder
            else f"'{source}' is not on the hub or is private"
        )
        raise (DataError if folder else DataUnavailable)(f"{told}: {_first_line(error)}") from error
    except (ConnectionError, TimeoutError) as error:
        raise DataUnavailable(
            f"'{source}': the hub cannot be reached, and the dataset is not cached: {_first_line(error)}"
        ) from error
    except Exception as error:
        if type(error).__module__.partition(".")[0] in ("huggingface_hub", "httpx", "httpx2", "requests"):
            raise DataUnavailable(f"'{source}': the hub refuses the download: {_first_line(error)}") from error
        raise DataError(f"'{source}' cannot be loaded: {type(error).__name__}: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


@contextmanager
def _quietly() -> Iterator[None]:
    """Disable the progress bars of the library, and restore its setting afterwards."""
    from datasets.utils import (
        are_progress_bars_disabled,
        disable_progress_bars,
        enable_progress_bars,
    )

    shown = not are_progress_bars_disabled()
    disable_progress_bars()
    try:
        yield
    finally:
        if shown:
            enable_progress_bars()


def _read(source: str, found: dict[str, Any], split: str, columns: Columns) -> Examples:
    from textforge import DataError
    from textforge.errors import did_you_mean, listed

    if split not in found:
        raise DataError(f"{source}: no split '{split}'. Its splits: {listed(found)}.{did_you_mean(split, found)}")
    return examples(_table(f"{source} ({split})", found[split], columns.wanted()), columns)


def _table(place: str, split: Any, wanted: dict[str, str] | None) -> Table:
    rows = split.flatten().with_format(None)
    look_up(place, rows.column_names, wanted or {})
    values = rows.select_columns(list(wanted or rows.column_names))[:]
    features = {name: getattr(rows.features[name], "feature", rows.features[name]) for name in values}
    classes = {name: list(feature.names) for name, feature in features.items() if getattr(feature, "names", None)}
    return Table(place, {
        name: named(place, name, column, classes[name]) if name in classes else column
        for name, column in values.items()
    })  # fmt: skip


def _look_at(path: Path) -> dict[str, Any] | None:
    """The options for a folder that save_to_disk wrote; None for any other."""
    from textforge_standard.datasets.guess import guess

    if not path.is_dir() or not _is_saved(path):
        return None
    splits = _load(str(path), path, None, None)
    name = "train" if "train" in splits else next(iter(splits))
    found = guess(_table(f"{path} ({name})", splits[name], None))
    kept = _read(str(path), splits, name, Columns(**found.options, missing="drop"))
    options = {"folder": path, **found.options} | ({"train": name} if name != "train" else {})
    if incomplete := len(splits[name]) - len(kept.texts):
        options["missing"], found.why["missing"] = "drop", f"{incomplete} rows have no text or no label"
    multi_label = any(isinstance(label, list) for label in kept.labels[:1])
    return {"options": options, "why": found.why, "remarks": found.remarks, "multi_label": multi_label}


declare(huggingface, look_at=_look_at)
