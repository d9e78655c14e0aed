"""The environment of a run: Python, packages, plugins, threads, and the fingerprint of its data."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from typing import Any

from textforge.components.kinds import KINDS, LISTED
from textforge.components.part import Part
from textforge.data.dataset import Dataset
from textforge.recipes.recipe import Recipe

PACKAGES = (
    "textforge",
    "torch",
    "numpy",
    "polars",
    "scikit-learn",
    "safetensors",
    "pydantic",
    "pluggy",
    "PyYAML",
    "tokenizers",
    "datasets",
)


def describe_environment(recipe: Recipe, dataset: Dataset, *, device: str) -> dict[str, Any]:
    """Describe the environment in JSON values, for environment.json.

    Args:
        recipe: the recipe whose plugins are listed.
        dataset: the data of the run; the description has the SHA-256 of all of it, and of each split to evaluate on.
        device: the training device, 'cpu' or 'cuda'.
    """
    data = {"sha256": dataset.fingerprint(), "splits": _splits(dataset)}
    return {**describe_machine(recipe, device=device), "data": data}


def describe_machine(recipe: Recipe, *, device: str) -> dict[str, Any]:
    """The part of the description that needs no data."""
    import torch

    return {
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "platform": platform.platform(),
        "processor": torch.backends.cpu.get_cpu_capability(),
        "cpus": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "device": torch.cuda.get_device_name() if device == "cuda" else device,
        "packages": {name: version for name in PACKAGES if (version := _version(name))},
        "plugins": {kind: _describe(part) for kind, part in recipe.parts.items()},
        **{KINDS[kind].many: [_describe(part) for part in recipe.listed(kind)] for kind in LISTED},
    }


def _splits(dataset: Dataset) -> dict[str, Any]:
    """Size and digest of every split but train, by which runs on the same texts recognize one another."""
    return {
        name: {"texts": len(texts), "sha256": dataset.split_fingerprint(name)}
        for name, (texts, _) in dataset.splits().items()
        if name != "train"
    }


def _describe(part: Part) -> dict[str, Any]:
    origin = part.component.origin
    described = {"use": part.component.name, "distribution": origin.distribution, "version": origin.version}
    within = [_describe(inner) for _, inner in part.parts]
    return {**described, "parts": within} if within else described


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None
