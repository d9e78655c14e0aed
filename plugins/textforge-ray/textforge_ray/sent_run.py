"""A classifier that travels to the workers, where each process loads it once."""

from __future__ import annotations

import hashlib
from functools import cached_property
from pathlib import Path

from textforge import BundleError, Classifier, load
from textforge.errors import Scratch

from textforge_ray.folders import Piece, pieces, unpack

BESIDE = ("result.json", "recipe.yaml", "resolved.yaml")
"""Files of a run that say how its texts are read."""
BUNDLE = "bundle.json"


class SentRun:
    """A bundle, or what a run folder needs to predict.

    Args:
        path: the bundle or the run folder.

    Raises:
        BundleError: there is none.
    """

    def __init__(self, path: Path) -> None:
        within = path / "model" if (path / "result.json").is_file() else path
        if not (within / BUNDLE).is_file():
            load(path)  # raises, and says why
            raise BundleError(f"{path}: neither a finished run nor a bundle.")
        self._inner = "" if within == path else within.name
        self._pieces: list[Piece] = [(f"{self._inner}/{name}".strip("/"), data) for name, data in pieces(within)]
        if self._inner:
            self._pieces += [(name, (path / name).read_bytes()) for name in BESIDE if (path / name).is_file()]
        self.digest: str = hashlib.sha256((within / BUNDLE).read_bytes()).hexdigest()
        """SHA-256 of bundle.json, which has the digests of all other files of the bundle."""

    @cached_property
    def _scratch(self) -> Scratch:
        scratch = Scratch()
        unpack(self._pieces, scratch.path / "run")
        return scratch

    @property
    def path(self) -> Path:
        """The run folder or bundle in this process."""
        return self._scratch.path / "run"

    @cached_property
    def classifier(self) -> Classifier:
        """The classifier, loaded when it is first used."""
        return load(self.path)

    def __getstate__(self) -> dict[str, object]:
        """Everything but what this process has loaded."""
        return {name: value for name, value in vars(self).items() if name not in ("_scratch", "classifier")}
