"""Checkpoints of the Hugging Face hub: downloaded once, then read from its cache."""

from collections.abc import Sequence
from pathlib import Path

PATIENCE = 5.0
"""Seconds in which the hub must answer a first question."""


def from_hub(name: str, revision: str | None, files: Sequence[str]) -> Path:
    """The folder in the hub's cache with a checkpoint's files; what is missing is downloaded.

    Raises:
        RecipeError: no repository of the hub can have this name.
        DataUnavailable: the hub does not have it, or cannot be reached and it is not cached.
    """
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, RepositoryNotFoundError, RevisionNotFoundError
    from textforge import DataUnavailable, RecipeError

    from textforge_transformers.quiet import quietly

    try:
        with quietly():
            # Asked first, since a download waits long for a hub that does not answer.
            HfApi().model_info(name, revision=revision, timeout=PATIENCE)
            return Path(snapshot_download(name, revision=revision, allow_patterns=list(files)))
    except HFValidationError as error:
        raise RecipeError(f"name: '{name}' is no name of the hub, such as 'org/model': {_line(error)}") from error
    except (RepositoryNotFoundError, RevisionNotFoundError) as error:
        raise DataUnavailable(
            f"'{name}'{f' (revision {revision})' if revision else ''} is not on the hub, or private: check the name, "
            "or log in with 'hf auth login'."
        ) from error
    except Exception as error:  # whichever of its HTTP libraries raised
        if isinstance(error, HfHubHTTPError) and getattr(error.response, "status_code", 500) < 500:
            raise DataUnavailable(f"'{name}': the hub does not give it: {_line(error)}") from error
        try:
            with quietly():
                return Path(
                    snapshot_download(name, revision=revision, allow_patterns=list(files), local_files_only=True)
                )
        except Exception:
            raise DataUnavailable(
                f"'{name}': the Hugging Face hub cannot be reached ({_line(error)}), and the checkpoint is not in its "
                "cache. Download it where there is a network ('hf download') and give it as folder, or copy the cache "
                "(HF_HOME) here and set HF_HUB_OFFLINE=1."
            ) from error


def _line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
