"""A bundle's model is built once its size is known to be that of the weights, whatever its factory does."""

from __future__ import annotations

import functools
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bundle_edits as edits
import numpy as np
import pytest
import torch
from conftest import ROOT
from test_bundle import TEXTS, plugins_with, trained
from torch import nn

import textforge
from textforge import FeatureLinear
from textforge.errors import BundleError


class Wide(nn.Module):
    """Two layers and, between them, what a factory may make besides parameters."""

    def __init__(self, n_features: int, n_classes: int, width: int) -> None:
        super().__init__()
        self.first, self.last = FeatureLinear(n_features, width), nn.Linear(width, n_classes)

    def forward(self, batch: Any) -> torch.Tensor:
        return self.last(self.first(batch))


def plain(n_features: int, n_classes: int, /, *, width: int = 4) -> nn.Module:
    """Nothing besides."""
    return Wide(n_features, n_classes, width)


def reads_numbers(n_features: int, n_classes: int, /, *, width: int = 4) -> nn.Module:
    """Rates as numbers, as in stochastic depth; the meta device has no numbers."""
    made = Wide(n_features, n_classes, width)
    made.rates = [rate.item() for rate in torch.linspace(0, 0.5, 3)]
    return made


def reads_numpy(n_features: int, n_classes: int, /, *, width: int = 4) -> nn.Module:
    """An array of its numbers."""
    made = Wide(n_features, n_classes, width)
    made.scale = float(np.asarray(torch.ones(2)).sum())
    return made


def with_table(n_features: int, n_classes: int, /, *, width: int = 4) -> nn.Module:
    """A table that is computed and not saved, from torch and from numpy."""

    class Scaled(Wide):
        def forward(self, batch: Any) -> torch.Tensor:
            return self.last(self.first(batch) * self.table * self.other)

    made = Scaled(n_features, n_classes, width)
    made.register_buffer("table", torch.arange(width) / 3 + 1, persistent=False)
    made.other = torch.from_numpy(np.arange(width, dtype=np.float32) + 1)
    return made


def in_doubles(n_features: int, n_classes: int, /, *, width: int = 4) -> nn.Module:
    """Weights of another type, frozen, drawn by hand, and a scalar buffer."""
    made = Wide(n_features, n_classes, width).double()
    made.first.weight = nn.Parameter(torch.normal(0.0, 1.0, (n_features, width)).double(), requires_grad=False)
    made.register_buffer("seen", torch.tensor(7))
    return made


@functools.cache
def remembered(width: int) -> torch.Tensor:
    return torch.ones(width)


def with_cache(n_features: int, n_classes: int, /, *, width: int = 4) -> nn.Module:
    """A tensor that one call leaves for the next."""
    made = Wide(n_features, n_classes, width)
    made.register_buffer("table", remembered(width), persistent=False)
    return made


FACTORIES = [plain, reads_numbers, reads_numpy, with_table, in_doubles]


@pytest.mark.parametrize("factory", FACTORIES)
def test_a_classifier_comes_back_bit_for_bit(tmp_path: Path, factory: Callable[..., nn.Module]) -> None:
    plugins = plugins_with(model=factory)
    before = trained(plugins)
    after = textforge.load(textforge.save(before, tmp_path / "b"), plugins=plugins)
    assert np.array_equal(before.predict_proba(TEXTS), after.predict_proba(TEXTS))
    for (name, one), (other_name, other) in zip(
        before.module.state_dict().items(), after.module.state_dict().items(), strict=True
    ):
        assert (name, one.dtype, one.shape) == (other_name, other.dtype, other.shape)
        assert torch.equal(one, other)
    grads = [[parameter.requires_grad for parameter in c.module.parameters()] for c in (before, after)]
    assert grads[0] == grads[1]
    assert not any(tensor.is_meta for tensor in (*after.module.parameters(), *after.module.buffers()))


@pytest.mark.parametrize("factory", FACTORIES)
def test_more_weights_than_the_bundle_holds_are_refused_before_memory_is_taken(
    tmp_path: Path, factory: Callable[..., nn.Module]
) -> None:
    plugins = plugins_with(model=factory)
    path = textforge.save(trained(plugins), tmp_path / "b")
    changed = edits.described(edits.unsealed(path))
    changed["model"]["options"]["width"] = 10**11  # 160 TB of the first layer alone
    edits.sign(path, changed)
    with pytest.raises(BundleError, match=r"model 'own' from textforge-own 1\.0 .*, and the bundle holds \d+"):
        textforge.load(path, plugins=plugins)


def test_a_table_beyond_all_weights_is_refused(tmp_path: Path) -> None:
    def table(n_features: int, n_classes: int, /, *, rows: int = 4) -> nn.Module:
        made = Wide(n_features, n_classes, 4)
        made.register_buffer("table", torch.arange(rows).unsqueeze(1) * torch.arange(rows), persistent=False)
        return made

    plugins = plugins_with(model=table)
    path = textforge.save(trained(plugins), tmp_path / "b")
    changed = edits.described(edits.unsealed(path))
    changed["model"]["options"]["rows"] = 10**7
    edits.sign(path, changed)
    with pytest.raises(BundleError, match="computes 100,000,000,000,000 numbers besides its weights"):
        textforge.load(path, plugins=plugins)


def test_a_factory_that_never_ends_making_tensors_is_stopped(tmp_path: Path) -> None:
    def deep(n_features: int, n_classes: int, /, *, layers: int = 1) -> nn.Module:
        return nn.Sequential(FeatureLinear(n_features, 4), *(nn.Linear(4, 4) for _ in range(layers)),
                             nn.Linear(4, n_classes))  # fmt: skip

    plugins = plugins_with(model=deep)
    path = textforge.save(trained(plugins), tmp_path / "b")
    changed = edits.described(edits.unsealed(path))
    changed["model"]["options"]["layers"] = 10**15
    edits.sign(path, changed)
    with pytest.raises(BundleError, match=r"makes over 20,\d+ tensors"):
        textforge.load(path, plugins=plugins)


def test_a_factory_that_keeps_tensors_for_its_next_call_is_reported(tmp_path: Path) -> None:
    plugins = plugins_with(model=with_cache)
    path = textforge.save(trained(plugins), tmp_path / "b")
    remembered.cache_clear()
    with pytest.raises(BundleError, match="keeps a tensor from one call of its factory for the next"):
        textforge.load(path, plugins=plugins)


def test_loading_leaves_the_callers_device_and_random_state_alone(tmp_path: Path) -> None:
    plugins = plugins_with(model=reads_numbers)
    path = textforge.save(trained(plugins), tmp_path / "b")
    torch.manual_seed(3)
    before = torch.get_rng_state()
    textforge.load(path, plugins=plugins)
    assert torch.equal(before, torch.get_rng_state())
    assert torch.empty(1).device.type == "cpu"


def test_what_is_measured_has_the_shape_and_type_of_what_is_built() -> None:
    """Of the functions whose results are told without torch, too."""
    from textforge.classifiers.bundles.weights import _Bounded, _BundleSize
    from textforge.components.part import Part

    part = plugins_with(model=plain).part("model", "own")
    assert isinstance(part, Part)
    made: list[Callable[[], torch.Tensor]] = [
        lambda: torch.randn(3, 4) * 4**-0.5,
        lambda: torch.rand((2, 3), dtype=torch.float64) + torch.ones(3),
        lambda: torch.randn(3, generator=None).normal_(),
        lambda: nn.init.normal_(torch.empty(2, 5)),
        lambda: nn.init.xavier_uniform_(torch.empty(2, 5)).t(),
        lambda: torch.arange(5),
        lambda: torch.arange(5, dtype=torch.float32),
        lambda: torch.arange(0, 7, 2),
        lambda: torch.arange(7, 0, -2),
        lambda: torch.arange(0.0, 1.0, 0.3),
        lambda: torch.arange(4).unsqueeze(1) * 10000 ** (-torch.arange(0, 6, 2) / 6),
        lambda: torch.stack([torch.arange(4).sin(), torch.arange(4).cos()], dim=1).flatten(1),
        lambda: torch.stack([torch.ones(2, 3), torch.ones(2, 3)], dim=-1),
        lambda: torch.stack([torch.ones(2, 3), torch.ones(2, 3)]),
        lambda: torch.exp(torch.arange(3) * -0.5),
        lambda: (1 - torch.arange(3)) / 2 + torch.ones(2, 1),
        lambda: 1 / (2 - torch.arange(3)),
        lambda: torch.add(torch.ones(3), torch.ones(3), alpha=2),
    ]
    for make in made:
        real = make()
        with torch.device("meta"), _Bounded(part, _BundleSize(0, 0), on_meta=True):
            found = make()
        assert found.is_meta
        assert (found.shape, found.dtype) == (real.shape, real.dtype)


def test_the_standard_models_are_measured_without_torchs_compiler() -> None:
    """torch imports hundreds of modules for arithmetic on its meta device: a second before the first prediction."""
    names = (
        "tokens-transformer tokens-rnn-lstm tokens-fasttext tokens-textcnn bow-mlp bow-mlp-layer-norm tfidf-calibrated"
    )
    kept = [str(ROOT / "tests" / "classifiers" / "kept_bundles" / name) for name in names.split()]
    code = "import sys, textforge\nfor path in sys.argv[1:]: textforge.load(path)\nprint('sympy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code, *kept], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "False\n", "")
