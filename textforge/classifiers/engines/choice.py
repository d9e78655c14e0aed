"""Choose the engine for a bundle and open its model with it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from textforge.classifiers.bundles.arrays import numpy_reads, read_arrays
from textforge.classifiers.bundles.description import MODEL, SavedEngine
from textforge.classifiers.engines.engine import Engine, EngineName, ModelPart
from textforge.components.part import Part, plugin_errors
from textforge.components.requirements import require_torch
from textforge.errors import RecipeError, did_you_mean, listed


@dataclass(frozen=True)
class Choice:
    """The engine that computes a bundle's model, and its device."""

    name: EngineName
    device: str


def chosen(part: Part, saved: SavedEngine | None, engine: str, device: str) -> Choice:
    """Choose the engine of a bundle.

    An exported model is computed by the engine that it was exported for. Other models are computed in numpy if their
    factory says how and no GPU is asked for; else by torch.

    Args:
        part: the model.
        saved: the section `engine` of the bundle; None for torch weights.
        engine: the engine that the caller asks for: 'auto', 'torch', 'numpy' or 'onnx'.
        device: the device that the caller asks for.

    Raises:
        RecipeError: the bundle cannot be computed by this engine, or the engine not on this device.
        ComponentError: the engine is torch, which is not installed.
    """
    names = get_args(EngineName)
    if engine not in names:
        raise RecipeError(f"unknown engine '{engine}'. Engines: {listed(names)}.{did_you_mean(engine, names)}")
    on_cpu = device == "auto" or str(device).partition(":")[0] == "cpu"
    if saved is not None:
        if engine not in ("auto", saved.name):
            raise RecipeError(
                f"engine '{engine}': this bundle holds a model exported to {saved.name}, without the weights that "
                f"{engine} needs. Load the run or the bundle that it was exported from."
            )
        if not on_cpu:
            raise RecipeError(f"device '{device}': engine '{saved.name}' computes on the CPU. Use device 'cpu'.")
        return Choice(saved.name, "cpu")
    if engine == "onnx":
        raise RecipeError("engine 'onnx': this bundle holds torch weights. Export it: textforge export --to onnx")
    if engine == "numpy" and part.in_numpy is None:
        raise RecipeError(f"engine 'numpy': {part.label} does not say how to compute it in numpy. Use engine 'torch'.")
    if engine == "numpy" and not on_cpu:
        raise RecipeError(f"device '{device}': engine 'numpy' computes on the CPU. Use device 'cpu'.")
    if engine == "numpy" or (engine == "auto" and on_cpu and part.in_numpy is not None):
        return Choice("numpy", "cpu")
    require_torch(part.label)
    from textforge.classifiers.devices import as_device

    return Choice("torch", str(as_device(device)))


def opened(folder: Path, model: ModelPart, saved: SavedEngine | None, choice: Choice) -> Engine:
    """Open the model of a bundle with the chosen engine; by torch where numpy lacks a type of its weights.

    Args:
        folder: the bundle.
        model: how the model was made.
        saved: the section `engine` of the bundle; None for torch weights.
        choice: the result of `chosen`.

    Raises:
        BundleError: the module would be larger than the stored weights justify.
        ComponentError: the file cannot be read, or its weights do not fit the model.
    """
    if saved is not None:
        from textforge.classifiers.engines.onnx_engine import OnnxEngine

        return OnnxEngine.opened(model, folder / OnnxEngine.file, saved)
    file = folder / MODEL
    with plugin_errors(str(file), "being read"):
        in_numpy = choice.name == "numpy" and numpy_reads(file)
        arrays = read_arrays(file) if in_numpy else {}
    if in_numpy:
        from textforge.classifiers.engines.numpy_engine import NumpyEngine

        return NumpyEngine(model, arrays)
    require_torch(model.who)
    from textforge.classifiers.bundles.weights import read_weights, restored
    from textforge.classifiers.engines.torch_engine import TorchEngine

    with plugin_errors(str(file), "being read"):
        weights = read_weights(file)
    return TorchEngine(model, restored(model.named, model.facts, weights), choice.device)
