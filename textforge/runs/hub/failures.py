"""Failures of the hub in one sentence each, with what to do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from textforge.errors import DataUnavailable, RecipeError, StorageError, TextforgeError, cut, shown_line
from textforge.runs.hub.address import HubAddress
from textforge.runs.hub.client import endpoint

LOG_IN = "log in with 'hf auth login', or set HF_TOKEN"
UNDONE = "Nothing was committed; what arrived is not sent again by the next push."
_FULL = re.compile(r"(?i)quota|storage limit|storage.*exceed|too large|upgrade your (plan|account)|payment")
_NETWORK = ("httpx", "httpcore", "requests", "urllib3", "anyio", "h11")


class Unreachable(DataUnavailable):
    """The hub does not answer (exit code 3)."""


@contextmanager
def hub_errors(address: HubAddress, *, uploading: bool = False) -> Iterator[None]:
    """Raise one of textforge's errors for whatever the library of the hub raises in the block.

    Args:
        address: the repository that the block is about.
        uploading: whether files are being uploaded, which a message then says how to continue.

    Raises:
        Unreachable: there is no network, or the hub fails.
        DataUnavailable: the repository or the revision does not exist, or access is refused.
        StorageError: the account has no space left.
        RecipeError: a name or a file is not accepted.
        TextforgeError: the repository was changed meanwhile.
    """
    try:
        yield
    except TextforgeError:
        raise
    except KeyboardInterrupt as stop:
        if uploading:
            stop.add_note(UNDONE)
        raise
    except Exception as error:
        found = _explained(error, address)
        if uploading and not isinstance(found, RecipeError):
            found = type(found)(f"{found} {UNDONE}")
        raise found from error


def _explained(error: Exception, address: HubAddress) -> TextforgeError:
    from huggingface_hub import errors

    where, chain = address.repository, [*_chain(error)]
    for one in chain:
        if isinstance(one, errors.HFValidationError):
            return RecipeError(f"'{where}': is no name on the Hugging Face hub: {_line(one)}.")
        if isinstance(one, errors.OfflineModeIsEnabled):
            return Unreachable(f"{where}: the hub is not asked, because HF_HUB_OFFLINE is set. Unset it.")
        if isinstance(one, errors.GatedRepoError):
            return DataUnavailable(
                f"{where}: is gated. Ask for access on its page, {endpoint()}/{where}, then {LOG_IN}."
            )
        if isinstance(one, errors.RevisionNotFoundError):
            return DataUnavailable(f"{where}: has no branch, tag or commit '{address.revision or 'main'}'.")
        if isinstance(one, errors.RepositoryNotFoundError):
            return DataUnavailable(
                f"{where}: is not on the hub, or is private and your token does not reach it. "
                f"Check the name ({endpoint()}/{where}); for a private one {LOG_IN}."
            )
        if isinstance(one, errors.HfHubHTTPError):
            return _of_status(getattr(one.response, "status_code", 0), one, where)
        if isinstance(one, OSError) and one.filename is not None and not isinstance(one, errors.EntryNotFoundError):
            return StorageError(f"{one.filename}: {one.strerror or one}.")  # of this machine, such as its cache
    first = chain[0]
    said = " ".join(map(str, chain))
    if _FULL.search(said):
        return _full(where, said)
    if any(isinstance(one, OSError) or type(one).__module__.startswith(_NETWORK) for one in chain):
        return Unreachable(
            f"{where}: the Hugging Face hub ({endpoint()}) cannot be reached: {_line(chain[-1])}. Check the network "
            "and HF_ENDPOINT, and try again."
        )
    return DataUnavailable(f"{where}: the hub does not do it: {type(first).__name__}: {_line(first)}.")


def _of_status(status: int, error: Any, where: str) -> TextforgeError:
    said = _line(error)
    if status in (402, 413, 507) or (status == 403 and _FULL.search(said)):
        return _full(where, said)
    if status == 401:
        return DataUnavailable(f"{where}: the hub does not accept your token. Make a new one and {LOG_IN}.")
    if status == 403:
        return DataUnavailable(
            f"{where}: your token may not do this ({said}). Use a token with the permission to write, and a name below "
            "your own account or organization."
        )
    if status in (409, 412):
        return TextforgeError(
            f"{where}: was changed on the hub meanwhile. Push again, which takes the change into account."
        )
    if status == 429:
        return Unreachable(f"{where}: the hub has had too many requests from you. Wait some minutes, and try again.")
    if status >= 500:
        return Unreachable(f"{where}: the hub fails ({status}). Try again later.")
    return RecipeError(f"{where}: the hub refuses it ({status}): {said}.")


def _full(where: str, said: str) -> StorageError:
    return StorageError(
        f"{where}: no space is left for it on the hub ({cut(shown_line(said.strip()), 200)}). Delete what you no "
        "longer need, or get more space for the account."
    )


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An exception and those that led to it, the first cause last."""
    found: BaseException | None = error
    seen: set[int] = set()
    while found is not None and id(found) not in seen:
        seen.add(id(found))
        yield found
        found = found.__cause__ or found.__context__


def _line(error: BaseException) -> str:
    """What the server said, else the first line of a message that says something."""
    said = getattr(error, "server_message", None) or str(error).strip() or type(error).__name__
    return cut(shown_line(str(said).splitlines()[0]), 200).rstrip(".")
