"""Get a bundle from the hub into its cache: the files that its description names, and no others."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from textforge.classifiers.bundles.description import DESCRIPTION, Description, unverified_description
from textforge.errors import BundleError, DataUnavailable, did_you_mean, listed
from textforge.runs.hub.address import HubAddress
from textforge.runs.hub.client import hub_api, quietly, require_library
from textforge.runs.hub.failures import Unreachable, hub_errors
from textforge.runs.progress import Progress

PATIENCE = 10.0
"""Timeout of the first request to the hub, in seconds."""


@dataclass(frozen=True)
class Fetched:
    """A bundle in the cache of the hub's library. Its digests are not verified yet."""

    address: HubAddress
    folder: Path
    commit: str
    """Hash of the commit that the files are of."""
    files: tuple[str, ...]
    """The files that were asked for and are there: those of the bundle, and others beside it."""
    left_out: tuple[str, ...]
    """Other files of the repository, which are not downloaded; empty if the hub was not asked."""
    from_cache: bool
    """Whether the hub was not asked, or does not answer, so that a branch may be newer there."""


def fetch(address: HubAddress, *, beside: Iterable[str] = (), progress: Progress | None = None) -> Fetched:
    """Download a bundle into the cache, as far as it is not there yet.

    A whole commit hash that is in the cache needs no network. Of a branch, what is in the cache is used if the hub
    cannot be reached.

    Args:
        address: the repository and its revision.
        beside: names of further files to download if they are there.
        progress: receives stages and warnings.

    Raises:
        RecipeError: huggingface_hub is not installed.
        DataUnavailable: the repository or the revision cannot be had.
        BundleError: the repository is not that of a bundle.
    """
    require_library()
    progress = progress or Progress()
    if address.is_pinned and (found := _cached(address, beside)):
        return found
    progress.stage(f"asking the hub for {address}")
    try:
        with quietly(), hub_errors(address):
            info = hub_api().model_info(address.repository, revision=address.revision, timeout=PATIENCE)
    except Unreachable as error:
        if found := _cached(address, beside):
            progress.warning(f"{error} Taken from the cache: commit {found.commit[:12]}.")
            return found
        raise
    except DataUnavailable as error:
        raise _with_revisions(error, address) from error
    there = sorted(one.rfilename for one in info.siblings or ())
    if DESCRIPTION not in there:
        raise BundleError(
            f"{address}: is no bundle of textforge: it has no {DESCRIPTION}. Its files: {listed(there)}. "
            "textforge loads no other models, and never a pickle."
        )
    commit = HubAddress(address.repository, str(info.sha))
    folder = download(commit, DESCRIPTION, progress).parent
    names = [DESCRIPTION, *_described(address, folder).files]
    if missing := [name for name in names if name not in there]:
        raise BundleError(f"{address}: is not complete on the hub: it has no {listed(missing)}. Push it again.")
    names += [name for name in beside if name in there]
    for name in names[1:]:
        download(commit, name, progress)
    if not address.is_pinned:
        download(address, DESCRIPTION, Progress())  # so the cache knows the commit of the branch when it is offline
    left_out = tuple(name for name in there if name not in names and name != ".gitattributes")
    return Fetched(address, folder, str(info.sha), tuple(names), left_out, from_cache=False)


def cached_bundle(address: HubAddress) -> Path:
    """Return the folder of a bundle in the cache, downloaded if necessary; see `fetch`."""
    return fetch(address).folder


def download(address: HubAddress, name: str, progress: Progress) -> Path:
    progress.stage(f"downloading {name}")
    with quietly(), hub_errors(address):
        return Path(hub_api().hf_hub_download(address.repository, name, revision=address.revision))


def _described(address: HubAddress, folder: Path) -> Description:
    try:
        return unverified_description(folder)
    except BundleError as error:
        raise BundleError(str(error).replace(str(folder), str(address))) from error


def _cached(address: HubAddress, beside: Iterable[str]) -> Fetched | None:
    """The bundle in the cache; None if a file of it is not there."""
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(address.repository, DESCRIPTION, revision=address.revision)
    if not isinstance(found, str):
        return None
    folder = Path(found).parent
    names = [DESCRIPTION, *_described(address, folder).files]
    if not all((folder / name).is_file() for name in names):
        return None
    names += [name for name in beside if (folder / name).is_file()]
    return Fetched(address, folder, folder.name, tuple(names), (), from_cache=True)


def _with_revisions(error: DataUnavailable, address: HubAddress) -> DataUnavailable:
    """List the existing revisions if the requested one is missing."""
    if not address.revision or "has no branch" not in str(error):
        return error
    try:
        with quietly(), hub_errors(address):
            refs = hub_api().list_repo_refs(address.repository)
    except Exception:
        return error
    names = [one.name for one in (*refs.branches, *refs.tags)]
    return DataUnavailable(f"{error}{did_you_mean(address.revision, names) or f' It has {listed(names)}.'}")
