"""A checkpoint on disk: a folder with `checkpoint.json` and `state.safetensors`. No pickle.

Files and folder are synced before the folder gets its name, so it is complete or absent, also after a power failure.
`checkpoint.json` holds a format number, the state without its tensors, the SHA-256 of the tensors' file, and its own.
The tensors' file has a seal (`bundles/seal.py`).
"""

from __future__ import annotations

import json
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

from textforge.classifiers.bundles.description import digest, is_version
from textforge.classifiers.bundles.seal import refuse_broken_seal, seal_of_tensors
from textforge.classifiers.bundles.weights import read_weights
from textforge.classifiers.checkpoints.values import join_values, split_values
from textforge.classifiers.storage import sha256, write_text
from textforge.errors import BundleError, cut, new_folder, replaced

Location = str | Path
FORMAT = 1
DESCRIPTION, TENSORS = "checkpoint.json", "state.safetensors"


def write_checkpoint(path: Location, state: dict[str, Any]) -> Path:
    """Write a state as a folder that appears complete or not at all.

    Args:
        path: the folder to create.
        state: a dict of tensors, numbers, texts, None, and lists, tuples and dicts of these.

    Raises:
        BundleError: `path` exists.
        ComponentError: the state holds something else.
        StorageError: the folder cannot be written.
    """
    path = Path(path)
    if path.exists():
        raise BundleError(f"{path}: exists already; checkpoints are never overwritten.")
    values, tensors = split_values(state)
    with new_folder(path) as temporary:
        _write(temporary, values, _separate(tensors))
    return path


def read_checkpoint(path: Location) -> dict[str, Any]:
    """Read the state that `write_checkpoint` wrote: the same values of the same types, tensors on the CPU.

    Raises:
        BundleError: there is no checkpoint, it is damaged, or its format is unknown.
    """
    path = Path(path)
    described = _description(path)
    file, damaged = path / TENSORS, f"{path}: damaged: "
    try:
        if not file.is_file() or sha256(file) != described.get("sha256"):
            raise BundleError(f"{damaged}{TENSORS} is missing or was changed after it was written.")
        tensors = read_weights(file)
        content = digest({key: value for key, value in described.items() if key != "sha256"})
        refuse_broken_seal(file, seal_of_tensors(content, tensors))
        state = join_values(described["state"], tensors)
    except BundleError as error:
        raise BundleError(str(error) if str(path) in str(error) else f"{damaged}{error}") from error
    except OSError as error:
        raise BundleError(f"{file}: cannot be read: {error.strerror or error}.") from error
    except Exception as error:  # safetensors and torch raise their own
        raise BundleError(f"{damaged}{cut(' '.join(str(error).split()), 300)}") from error
    if not isinstance(state, dict):
        raise BundleError(f"{damaged}its state is a {type(state).__name__}.")
    return state


def _write(folder: Path, values: Any, tensors: dict[str, torch.Tensor]) -> None:
    from safetensors.torch import save_file

    described = {"format": FORMAT, "textforge": metadata.version("textforge"), "state": values}
    with replaced(folder / TENSORS) as temporary:
        save_file(tensors, str(temporary), metadata=seal_of_tensors(digest(described), tensors))
    described["sha256"] = sha256(folder / TENSORS)
    text = json.dumps({**described, "digest": digest(described)}, allow_nan=False)
    write_text(folder / DESCRIPTION, text + "\n")


def _separate(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Copy tensors that share memory with others, which safetensors refuses."""
    seen: set[int] = set()
    found = {}
    for name, tensor in tensors.items():
        storage = tensor.untyped_storage()
        shared = storage.data_ptr() in seen or storage.nbytes() != tensor.nbytes
        seen.add(storage.data_ptr())
        found[name] = tensor.clone(memory_format=torch.contiguous_format) if shared else tensor
    return found


def _description(path: Path) -> dict[str, Any]:
    """Read checkpoint.json and verify its digest."""
    file, damaged = path / DESCRIPTION, f"{path}: damaged: {DESCRIPTION} "
    try:
        described = json.loads(file.read_bytes())
        number = described["format"]
        intact = described.get("digest") == digest(described)
    except FileNotFoundError as error:
        raise BundleError(f"{path}: not a checkpoint: it has no {DESCRIPTION}.") from error
    except OSError as error:
        raise BundleError(f"{file}: cannot be read: {error.strerror or error}.") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BundleError(f"{damaged}is not a checkpoint's description ({cut(str(error), 200)}).") from error
    if type(number) is not int or number != FORMAT:
        version = described.get("textforge")
        by = f" It was written by textforge {version}." if isinstance(version, str) and is_version(version) else ""
        raise BundleError(f"{path}: checkpoint format {cut(repr(number), 40)}; this textforge reads {FORMAT}.{by}")
    if not intact or "state" not in described:
        raise BundleError(f"{damaged}was changed after it was written.")
    found: dict[str, Any] = described
    return found
