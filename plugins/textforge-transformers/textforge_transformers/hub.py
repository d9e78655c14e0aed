"""Download checkpoints from the Hugging Face hub once, then read them from its cache."""

from collections.abc import Sequence
from pathlib import Path

PATIENCE = 5.0
"""Timeout of the first request to the hub, in seconds."""


def from_hub(name: str, revision: str | None, files: Sequence[str]) -> Path:
    """Download the missing files of a checkpoint, and return its folder in the hub's cache.

    Raises:
        RecipeError: the name is not a valid name on the hub.
        DataUnavailable: the hub does not have the checkpoint, or cannot be reached and the checkpoint is not cached.
    """
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, RepositoryNotFoundError, RevisionNotFoundError
    from textforge import DataUnavailable, RecipeError

    from textforge_transformers.quiet import quietly

    try:
        with quietly():
            # This request comes first, since a download waits long for a hub that does not answer.
            HfApi().model_info(name, revision=revision, timeout=PATIENCE)
            return Path(snapshot_download(name, revision=revision, allow_patterns=list(files)))
    except HFValidationError as error:
        raise RecipeError(f"name: '{name}' is not a name on the hub, such as 'org/model': {_line(error)}") from error
    except (RepositoryNotFoundError, RevisionNotFoundError) as error:
        raise DataUnavailable(
            f"'{name}'{f' (revision {revision})' if revision else ''} is not on the hub, or is private. Check the "
            "name, or log in with 'hf auth login'."
        ) from error
    except Exception as error:  # each of its HTTP libraries raises its own
        if isinstance(error, HfHubHTTPError) and getattr(error.response, "status_code", 500) < 500:
            raise DataUnavailable(f"'{name}': the hub refuses the download: {_line(error)}") from error
        try:
            with quietly():
                return Path(
                    snapshot_download(name, revision=revision, allow_patterns=list(files), local_files_only=True)
                )
        except Exception:
            raise DataUnavailable(
                f"'{name}': the Hugging Face hub cannot be reached ({_line(error)}), and the checkpoint is not in its "
                "cache. Download it on a machine with network access ('hf download') and set folder to it, or copy "
                "the cache (HF_HOME) here and set HF_HUB_OFFLINE=1."
            ) from error


def _line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
