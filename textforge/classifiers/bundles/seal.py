"""Tie the files of a bundle together, so that changing one of them shows even if the digests are computed again.

`bundle.json` has the digests of both other files. The seal leads back: a digest of the description, the weights and
the vectorizer's arrays, in the metadata of `vectorizer.safetensors`. A program that edits a description or weights, and
computes the digests in `bundle.json` again, breaks it. It is no signature: whoever knows of it can compute it, too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from textforge.classifiers.bundles.description import VECTORIZER, Description, content_digest
from textforge.classifiers.bundles.state import Arrays
from textforge.errors import BundleError

SEAL = "seal"


def sealed(described: Mapping[str, Any], weights: str, arrays: Arrays) -> dict[str, str]:
    """Return the metadata of `vectorizer.safetensors`.

    Args:
        described: the description, with or without `files` and `digest`.
        weights: SHA-256 of `model.safetensors`.
        arrays: the arrays of the vectorizer's state.
    """
    return {SEAL: _seal(content_digest(described), weights, arrays)}


def refuse_broken_seal(folder: Path, described: Description, arrays: Arrays) -> None:
    """Reject a bundle whose files do not belong together. Bundles of earlier versions have no seal.

    Raises:
        BundleError: the seal is that of other content.
    """
    from safetensors import safe_open

    with safe_open(str(folder / VECTORIZER), "numpy") as file:
        expected = (file.metadata() or {}).get(SEAL)
    if expected is not None and expected != _seal(described.content, described.files["model.safetensors"], arrays):
        raise BundleError("its files were changed after they were written. Restore the bundle from a copy.")


def _seal(content: str, weights: str, arrays: Arrays) -> str:
    digest = hashlib.sha256(f"{content} {weights}".encode())
    for name, array in sorted(arrays.items()):
        little = np.asarray(array, dtype=array.dtype.newbyteorder("<"), order="C")  # as it is stored
        digest.update(f"\n{name} {little.dtype.str} {little.shape}\n".encode())
        digest.update(little.reshape(-1).view(np.uint8).data)
    return digest.hexdigest()
