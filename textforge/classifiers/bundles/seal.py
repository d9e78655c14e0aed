"""Tie a description and the arrays of a safetensors file together, so that changing one of them shows.

The description has the digest of the safetensors file. The seal, in the metadata of that file, leads back: it is made
of the description and of every array. A program that edits one of the two and computes the digests again breaks it. It
is no signature: whoever knows of it can compute it, too. So a checksum of each array will do, which is fast.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from textforge.classifiers.bundles.state import Arrays
from textforge.errors import BundleError

if TYPE_CHECKING:
    import torch

SEAL = "seal"


def seal_of_arrays(content: str, arrays: Arrays) -> dict[str, str]:
    """Return the metadata that ties arrays to a description.

    Args:
        content: digest of the description, and of other files if it vouches for them.
        arrays: the arrays of the file by name.
    """
    stored = [(name, np.asarray(one, one.dtype.newbyteorder("<"), "C")) for name, one in sorted(arrays.items())]
    about = [f"{name} {one.dtype.str} {one.shape}" for name, one in stored]
    return _seal(content, zip(about, (one.reshape(-1).view(np.uint8) for _, one in stored), strict=True))


def seal_of_tensors(content: str, tensors: Mapping[str, torch.Tensor]) -> dict[str, str]:
    """Return the metadata that ties tensors on the CPU to a description."""
    import torch

    stored = sorted(tensors.items())
    about = [f"{name} {one.dtype} {[*one.shape]}" for name, one in stored]
    data = (one.detach().contiguous().flatten().view(torch.uint8).numpy() for _, one in stored)
    return _seal(content, zip(about, data, strict=True))


def refuse_broken_seal(file: Path, expected: Mapping[str, str], *, required: bool = True) -> None:
    """Compare the seal of a safetensors file.

    Args:
        file: the file.
        expected: the metadata that `seal_of_arrays` or `seal_of_tensors` gives for its content.
        required: whether a file without a seal, as earlier versions wrote it, is refused, too.

    Raises:
        BundleError: the seal is that of other content.
    """
    from safetensors import safe_open

    with safe_open(str(file), "numpy") as opened:
        found = (opened.metadata() or {}).get(SEAL)
    if found != expected[SEAL] and (required or found is not None):
        raise BundleError("its files were changed after they were written. Restore them from a copy.")


def _seal(content: str, arrays: Iterable[tuple[str, Any]]) -> dict[str, str]:
    digest = hashlib.sha256(content.encode())
    for about, data in arrays:
        digest.update(f"\n{about} {zlib.crc32(data.data)}".encode())
    return {SEAL: digest.hexdigest()}
