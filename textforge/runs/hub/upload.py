"""Upload files to a repository of the hub in one commit, which fails if somebody else has committed meanwhile."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textforge.classifiers.bundles.description import DESCRIPTION, unverified_description
from textforge.errors import BundleError, DataUnavailable, RecipeError
from textforge.runs.folder import CARD, ENVIRONMENT, RESOLVED
from textforge.runs.hub.address import HubAddress
from textforge.runs.hub.client import hub_api, quietly
from textforge.runs.hub.downloads import PATIENCE, download
from textforge.runs.hub.failures import LOG_IN, hub_errors
from textforge.runs.progress import Progress


@dataclass(frozen=True)
class Remote:
    """The state of a repository before a push."""

    address: HubAddress
    """With the branch to push to, None for main."""
    commit: str | None
    """Hash of the last commit of the branch; None if the repository did not exist."""
    private: bool
    files: tuple[str, ...]
    card: str | None
    """The README.md of the branch."""


def require_token(address: HubAddress) -> None:
    """Refuse to push without a token.

    Raises:
        RecipeError: there is none.
    """
    from huggingface_hub import get_token

    if not get_token():
        raise RecipeError(
            f"{address.repository}: pushing needs a token of the Hugging Face hub that may write: {LOG_IN}."
        )


def look_up(address: HubAddress, *, private: bool, progress: Progress) -> Remote:
    """Look up the repository to push to, without changing anything.

    Args:
        address: the repository and the branch.
        private: whether the repository has to be private.
        progress: receives stages.

    Raises:
        DataUnavailable: the hub cannot be reached, or refuses.
        RecipeError: it has to be private and is public.
    """
    from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError

    progress.stage(f"asking the hub for {address.repository}")
    with quietly(), hub_errors(address):
        try:
            info = hub_api().model_info(address.repository, revision=address.revision, timeout=PATIENCE)
        except RevisionNotFoundError:  # a new branch, from the head of main
            info = hub_api().model_info(address.repository, timeout=PATIENCE)
        except RepositoryNotFoundError as error:
            if getattr(error.response, "status_code", 404) == 403 or type(error) is not RepositoryNotFoundError:
                raise
            return Remote(address, None, private, (), None)
    if private and not info.private:
        raise RecipeError(
            f"{address.repository}: is public on the hub already, so --private would not keep it private. Make it "
            "private in its settings first, or push to another name."
        )
    files = tuple(one.rfilename for one in info.siblings or ())
    at = HubAddress(address.repository, str(info.sha))
    card = download(at, CARD, Progress()).read_text("utf-8", "replace") if CARD in files else None
    return Remote(address, str(info.sha), bool(info.private), files, card)


def upload(remote: Remote, files: Mapping[str, Path | bytes], message: str, progress: Progress) -> tuple[str, str]:
    """Commit files, and delete those of an earlier bundle that the new one does not have.

    Args:
        remote: the repository, which is created if it does not exist.
        files: path or content of each file by its name.
        message: the summary of the commit.
        progress: receives stages.

    Returns:
        The hash of the commit and its URL.

    Raises:
        TextforgeError: see `hub_errors`; nothing is committed then.
    """
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    address, api = remote.address, hub_api()
    gone = _earlier_files(remote) - {*files}
    with quietly(), hub_errors(address, uploading=True):
        if remote.commit is None:
            progress.stage(f"creating {address.repository}")
            api.create_repo(address.repository, private=remote.private, exist_ok=True)
        if address.revision is not None:
            api.create_branch(address.repository, branch=address.revision, exist_ok=True)
        progress.stage(f"uploading {len(files)} files to {address.repository}")
        operations: list[Any] = [
            CommitOperationAdd(name, str(content) if isinstance(content, Path) else content)
            for name, content in files.items()
        ]
        operations += [CommitOperationDelete(name) for name in sorted(gone)]
        done = api.create_commit(
            address.repository, operations, commit_message=message, revision=address.revision,
            parent_commit=remote.commit,
        )  # fmt: skip
    return str(done.oid), str(done.commit_url)


def _earlier_files(remote: Remote) -> set[str]:
    """The files of the bundle that the branch has now, and the recipe and the environment of its run."""
    if remote.commit is None or DESCRIPTION not in remote.files:
        return set()
    at = HubAddress(remote.address.repository, remote.commit)
    try:
        described = unverified_description(download(at, DESCRIPTION, Progress()).parent)
    except (BundleError, DataUnavailable):  # of a later version, or damaged: it is replaced, its other files stay
        return set()
    return {*map(str, described.files), RESOLVED, ENVIRONMENT} & {*remote.files}
