"""The environment of a run: machine, packages, plugins, and the fingerprint of its data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textforge.classifiers.storage import sha256, write_json
from textforge.components.component import IN_CODE
from textforge.components.kinds import KINDS, LISTED
from textforge.components.part import Part
from textforge.components.paths import paths_within
from textforge.errors import BundleError
from textforge.recipes.recipe import Recipe
from textforge.runs.folder import ENVIRONMENT, bundle_folder, read_object
from textforge.runs.machine import describe_machine
from textforge.runs.packages import Installed, installed, packages_of

if TYPE_CHECKING:
    from textforge.data.dataset import Dataset

FORMAT = 2
"""Format of environment.json. A file without a number has format 1: a few packages, and no digests of them."""


def describe_environment(recipe: Recipe, dataset: Dataset, *, device: str) -> dict[str, Any]:
    """Describe the environment in JSON values, for environment.json.

    Args:
        recipe: the recipe whose plugins are listed, and whose plugins' dependencies count.
        dataset: the data of the run; the description has the SHA-256 of all of it, and of each split to evaluate on.
        device: the training device, 'cpu' or 'cuda'.
    """
    return {
        "format": FORMAT,
        **describe_machine(device),
        **describe_packages(_packages(recipe)),
        **_described_parts(recipe),
        "data": {**describe_data(dataset), "inputs": _inputs(recipe)},
    }


def add_imported_packages(recipe: Recipe, run: Path) -> None:
    """Add the optional packages that a part has imported only while it trained to the environment.json of a run.

    Raises:
        StorageError: it cannot be written.
    """
    path = run / ENVIRONMENT
    try:
        described = read_object(path, f"{path}: damaged")
    except BundleError:  # someone has moved it while the run trained, which is no reason to lose the run
        return
    now = describe_packages(_packages(recipe))
    if not {*now["packages"]} <= {*described["packages"]}:
        write_json(path, {**described, **{key: {**now[key], **described[key]} for key in now}})


def _packages(recipe: Recipe) -> list[Installed]:
    """What the parts of a recipe, and textforge itself, require; parts given in code have no distribution."""
    roots = {"textforge", *(part.component.origin.distribution for part in _all_parts(recipe))} - {IN_CODE.distribution}
    return packages_of(sorted(roots))


def describe_data(dataset: Dataset) -> dict[str, Any]:
    """SHA-256 of all data, the number of training texts, and size and SHA-256 of every other split."""
    return {"sha256": dataset.fingerprint(), "train": dataset.n_train, "splits": _splits(dataset)}


def environment_now(like: Mapping[str, Any], recipe: Recipe | None = None) -> dict[str, Any]:
    """Describe machine and packages of this process, for comparison with another environment.

    Args:
        like: the other environment; its packages are looked up.
        recipe: the recipe whose plugins are listed, too.
    """
    device = "cpu" if like.get("device") == "cpu" else _best_device()
    described = {**describe_machine(device), **packages_now(like)}
    return described if recipe is None else {**described, **_described_parts(recipe)}


def packages_now(like: Mapping[str, Any]) -> dict[str, Any]:
    """Describe the packages of another environment as they are installed here, without those that are not."""
    return describe_packages(found for name in like.get("packages") or {} if (found := installed(name)) is not None)


def describe_packages(packages: Iterable[Installed]) -> dict[str, Any]:
    """Versions by name, digests of the installed files, and origins of what an index did not give."""
    several = list(packages)
    return {
        "packages": {one.name: one.version for one in several},
        "files": {one.name: one.files for one in several if one.files is not None},
        "origins": {one.name: one.origin for one in several if one.origin},
    }


def _inputs(recipe: Recipe) -> dict[str, str]:
    """SHA-256 of every other file that a run reads, by its path: files in options, the classifier to continue from."""
    files = [path for part in _all_parts(recipe) if part.component.kind.name != "dataset"
             for path in paths_within(part.all_options) if path.is_file()]  # fmt: skip
    if recipe.init_from is not None:
        files.append(bundle_folder(recipe.init_from.run) / "bundle.json")  # it holds the digests of the other files
    return {str(path.absolute()): sha256(path) for path in files}


def _best_device() -> str:
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def _all_parts(recipe: Recipe) -> Iterator[Part]:
    """Every part of a recipe, and the parts within them."""
    outer = [*recipe.parts.values(), *(part for kind in LISTED for part in recipe.listed(kind))]
    for part in reversed(outer):
        yield from part.with_inner_parts()


def _splits(dataset: Dataset) -> dict[str, Any]:
    """Size and digest of every split but train, by which runs on the same texts recognize one another."""
    return {
        name: {"texts": len(texts), "sha256": dataset.split_fingerprint(name)}
        for name, (texts, _) in dataset.splits().items()
        if name != "train"
    }


def _described_parts(recipe: Recipe) -> dict[str, Any]:
    """The parts of a recipe, each with its distribution and version."""
    return {
        "plugins": {kind: _describe(part) for kind, part in recipe.parts.items()},
        **{KINDS[kind].many: [_describe(part) for part in recipe.listed(kind)] for kind in LISTED},
    }


def _describe(part: Part) -> dict[str, Any]:
    origin = part.component.origin
    described = {"use": part.component.name, "distribution": origin.distribution, "version": origin.version}
    within = [_describe(inner) for _, inner in part.parts]
    return {**described, "parts": within} if within else described
