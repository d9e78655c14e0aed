"""Pull a bundle from the hub: a copy in a folder of one's own, verified before it appears."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textforge.classifiers.storage import sha256, write_json
from textforge.components.manager import PluginManager
from textforge.errors import BundleError, RecipeError
from textforge.errors.temporaries import new_folder, replaced
from textforge.runs import folder as run_folder
from textforge.runs.hub.address import HubAddress, parse_address
from textforge.runs.hub.client import endpoint
from textforge.runs.hub.downloads import fetch
from textforge.runs.progress import Progress

BESIDE = (run_folder.CARD, run_folder.RESOLVED, run_folder.ENVIRONMENT)
"""Files beside a bundle on the hub: its card, and the recipe and the environment of its run."""
SOURCE = "hub.json"
"""Where a pulled bundle comes from."""


@dataclass(frozen=True)
class Pulled:
    """A bundle that was pulled."""

    path: Path
    repository: str
    commit: str
    files: dict[str, int]
    """Name and size in bytes of each file."""
    left_out: tuple[str, ...]
    """Files of the repository that are no part of the bundle, and were not downloaded."""

    def as_json(self) -> dict[str, Any]:
        return {
            "bundle": str(self.path),
            "repository": self.repository,
            "commit": self.commit,
            "files": self.files,
            "left_out": [*self.left_out],
        }


def pull(
    name: str,
    out: str | Path | None = None,
    *,
    plugins: PluginManager | None = None,
    progress: Progress | None = None,
) -> Pulled:
    """Copy a bundle from the Hugging Face hub into a folder.

    Only the files that its description names are downloaded, with its card, recipe and environment. Digests and golden
    predictions are checked before the folder appears. Its hub.json names repository, commit and digests.

    Args:
        name: USER/NAME, or USER/NAME@REVISION for a branch, a tag or a commit.
        out: the folder to create. Defaults to NAME.
        plugins: the plugin manager that looks up components. Defaults to everything installed.
        progress: receives stages and warnings.

    Raises:
        RecipeError: `name` is no name on the hub, `out` exists, or huggingface_hub is not installed.
        DataUnavailable: the repository or the revision cannot be had.
        BundleError: the repository is not that of a bundle, the bundle is damaged, or it needs a plugin that is not
            installed.
        StorageError: the folder cannot be written.
    """
    address = parse_address(name)
    path = Path(address.repository.partition("/")[2] if out is None else out)
    if path.exists() or path.is_symlink():
        raise RecipeError(f"{path}: exists already; bundles are never overwritten. Name another folder.")
    progress = progress or Progress()
    fetched = fetch(address, beside=BESIDE, progress=progress)
    progress.stage("checking digests and golden predictions")
    _verify(address, fetched.folder, plugins)
    with new_folder(path) as temporary:
        for file in fetched.files:
            with replaced(temporary / file) as place:
                shutil.copyfile(fetched.folder / file, place)
        digests = {file: sha256(temporary / file) for file in fetched.files}
        source = {"repository": address.repository, "revision": address.revision or "main", "commit": fetched.commit}
        write_json(temporary / SOURCE, {**source, "endpoint": endpoint(), "files": digests})
        sizes = {file: (temporary / file).stat().st_size for file in fetched.files}
    return Pulled(path, address.repository, fetched.commit, sizes, fetched.left_out)


def _verify(address: HubAddress, folder: Path, plugins: PluginManager | None) -> None:
    from textforge.classifiers.bundles.bundle import read_bundle

    try:
        read_bundle(folder, plugins=plugins)
    except BundleError as error:
        raise BundleError(str(error).replace(str(folder), str(address))) from error
