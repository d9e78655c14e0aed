"""A module is built again for saved weights as it was built first, without its draws and without waiting."""

from __future__ import annotations

import pickle
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, strategies as st
from safetensors.torch import save_file
from test_bundle import TEXTS, plugins_with, trained
from torch import nn

import textforge
from textforge.classifiers import rebuilding
from textforge.classifiers.bundles import arrays, weights as bundle_weights
from textforge.classifiers.classifier import computed_by
from textforge.classifiers.engines.torch_engine import TorchEngine
from textforge.classifiers.random_state import RandomState

CPU = torch.device("cpu")


class Made(nn.Module):
    """A module whose `shown` returns every tensor that its forward pass would use."""

    def __init__(self) -> None:
        super().__init__()
        self.shown: list[Callable[[], torch.Tensor]] = []


def linear(made: Made, name: str) -> None:
    layer = nn.Linear(3, 2)
    made.add_module(name, layer)
    made.shown += [lambda: layer.weight, lambda: layer.bias]


def embedding_with_padding(made: Made, name: str) -> None:
    layer = nn.Embedding(4, 3, padding_idx=0)
    made.add_module(name, layer)
    made.shown.append(lambda: layer.weight)


def recurrent(made: Made, name: str) -> None:
    layer = nn.GRU(3, 2)
    made.add_module(name, layer)
    made.shown += [lambda: layer(torch.ones(2, 1, 3))[0], *(lambda n=n: layer._flat_weights[n] for n in range(4))]


def positions(made: Made, name: str) -> None:
    """Sinusoids that are not saved."""
    angles = torch.arange(4).unsqueeze(1) * 10000 ** (-torch.arange(0, 6, 2) / 6)
    made.register_buffer(name, torch.stack([angles.sin(), angles.cos()], dim=1), persistent=False)
    made.shown.append(lambda: getattr(made, name))


def plain_tensor(made: Made, name: str) -> None:
    tensor = torch.linspace(0, 1, 3)
    made.shown.append(lambda: tensor)


def own_generator(made: Made, name: str) -> None:
    """A random projection that is not saved, but has a seed of its own."""
    drawn = torch.randn(3, 2, generator=torch.Generator().manual_seed(5))
    made.register_buffer(name, drawn, persistent=False)
    made.shown.append(lambda: getattr(made, name))


def global_projection(made: Made, name: str) -> None:
    """A random projection that is not saved, from the global generator."""
    made.register_buffer(name, torch.randn(3, 2) * 0.5, persistent=False)
    made.shown.append(lambda: getattr(made, name))


def order(made: Made, name: str) -> None:
    made.register_buffer(name, torch.randperm(5), persistent=False)
    made.shown.append(lambda: getattr(made, name))


def dropped(made: Made, name: str) -> None:
    """A draw by a function that takes no generator."""
    made.register_buffer(name, torch.native_dropout(torch.ones(8), 0.5, True)[0], persistent=False)
    made.shown.append(lambda: getattr(made, name))


def norm_of_drawn(made: Made, name: str) -> None:
    weight = nn.Parameter(torch.randn(3, 2))
    setattr(made, name, weight)
    norm = weight.detach().norm()
    made.shown += [lambda: getattr(made, name), lambda: norm]


def number_of_drawn(made: Made, name: str) -> None:
    number = torch.rand(3).sum().item()
    made.shown.append(lambda: torch.tensor(number))


def scaled_by_hand(made: Made, name: str) -> None:
    setattr(made, name, nn.Parameter((torch.rand(3, 2) * 2 - 1).t().contiguous()))
    made.shown.append(lambda: getattr(made, name))


def inits_that_read(made: Made, name: str) -> None:
    orthogonal, truncated = nn.Parameter(torch.empty(3, 2)), nn.Parameter(torch.empty(3, 2))
    nn.init.orthogonal_(orthogonal)
    nn.init.trunc_normal_(truncated)
    made.register_parameter(f"{name}_orthogonal", orthogonal)
    made.register_parameter(f"{name}_truncated", truncated)
    made.shown += [lambda: getattr(made, f"{name}_orthogonal"), lambda: getattr(made, f"{name}_truncated")]


def alias(made: Made, name: str) -> None:
    """A weight, and a view of half of it that shares its memory."""
    weight = nn.Parameter(torch.randn(4, 2))
    setattr(made, name, weight)
    half = weight.detach()[:2]
    made.shown.append(lambda: half)


def tied(made: Made, name: str) -> None:
    first, second = nn.Linear(2, 2), nn.Linear(2, 2)
    second.weight = first.weight
    made.add_module(name, nn.ModuleList([first, second]))
    made.shown += [lambda: second.weight, lambda: torch.tensor(first.weight is second.weight)]


def frozen_doubles(made: Made, name: str) -> None:
    weight = nn.Parameter(torch.normal(0.0, 1.0, (2, 2)).double(), requires_grad=False)
    setattr(made, name, weight)
    made.register_buffer(f"{name}_seen", torch.tensor(7))
    made.shown += [lambda: getattr(made, name), lambda: getattr(made, f"{name}_seen")]


def normalized(made: Made, name: str) -> None:
    layer = nn.utils.parametrizations.weight_norm(nn.Linear(3, 2))
    made.add_module(name, layer)
    made.shown.append(lambda: layer(torch.ones(1, 3)))


INGREDIENTS = (
    linear, embedding_with_padding, recurrent, positions, plain_tensor, own_generator, global_projection, order,
    dropped, norm_of_drawn, number_of_drawn, scaled_by_hand, inits_that_read, alias, tied, frozen_doubles, normalized,
)  # fmt: skip


@given(st.lists(st.sampled_from(INGREDIENTS), min_size=1, max_size=5))
def test_a_module_is_built_as_with_all_of_its_draws(ingredients: list[Callable[[Made, str], None]]) -> None:
    def factory(n_features: int, n_classes: int, /) -> nn.Module:
        made = Made()
        for number, add in enumerate(ingredients):
            add(made, f"part{number}")
        return made

    part, facts = plugins_with(model=factory).part("model", "own"), {"n_features": 1, "n_classes": 2}
    with RandomState(1, CPU).active():
        weights = part.build(facts).state_dict()
    with RandomState(0, CPU).active():
        expected = part.build(facts)
    expected.load_state_dict(weights)
    before = torch.get_rng_state()
    found = rebuilding.rebuilt(part, facts, {name: tensor.clone() for name, tensor in weights.items()})
    assert torch.equal(before, torch.get_rng_state())
    assert [*found.state_dict()] == [*weights]
    for one, other in zip(expected.shown, found.shown, strict=True):
        assert torch.equal(one(), other())
    pairs = zip(expected.parameters(), found.parameters(), strict=True)
    assert all((one.dtype, one.requires_grad) == (other.dtype, other.requires_grad) for one, other in pairs)


@pytest.mark.parametrize("add", [linear, embedding_with_padding, recurrent, positions, own_generator, scaled_by_hand])
def test_initial_weights_are_not_drawn(monkeypatch: pytest.MonkeyPatch, add: Callable[[Made, str], None]) -> None:
    def factory(n_features: int, n_classes: int, /) -> nn.Module:
        made = Made()
        add(made, "part")
        return made

    part, facts = plugins_with(model=factory).part("model", "own"), {"n_features": 1, "n_classes": 2}
    weights = part.build(facts).state_dict()
    monkeypatch.setattr(rebuilding, "PrivateDraws", lambda: pytest.fail("the module is built with its draws"))
    found = rebuilding.rebuilt(part, facts, {**weights})
    assert all(found.state_dict()[name].data_ptr() == tensor.data_ptr() for name, tensor in weights.items())


@contextmanager
def another_thread_training() -> Iterator[None]:
    """Another thread that is in the middle of a step."""
    ready, done = threading.Event(), threading.Event()

    def step() -> None:
        with RandomState(0, CPU).active():
            ready.set()
            done.wait(30)

    thread = threading.Thread(target=step)
    thread.start()
    ready.wait()
    yield
    done.set()
    thread.join()


def in_time(work: Callable[[], Any]) -> Any:
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(work()), daemon=True)
    thread.start()
    thread.join(10)
    assert found, "waits for the other thread"
    return found[0]


@pytest.mark.parametrize("add", [linear, global_projection, inits_that_read])
def test_loading_and_unpickling_wait_for_no_training(tmp_path: Path, add: Callable[[Made, str], None]) -> None:
    def factory(n_features: int, n_classes: int, /) -> nn.Module:
        class Own(Made):
            def forward(self, batch: Any) -> torch.Tensor:
                return self.last(batch)

        made = Own()
        made.last = textforge.FeatureLinear(n_features, n_classes)
        add(made, "more")
        made.shown.clear()
        return made

    plugins = plugins_with(model=factory)
    before = trained(plugins)
    path = textforge.save(before, tmp_path / "b")
    state = before.engine.__getstate__()
    expected = before.predict_proba(TEXTS)
    with another_thread_training():
        loaded = in_time(lambda: textforge.load(path, plugins=plugins))
        engine = TorchEngine.__new__(TorchEngine)
        in_time(lambda: engine.__setstate__(state) or True)
    assert np.array_equal(loaded.predict_proba(TEXTS), expected)
    again = computed_by(engine, before.vectorizer, before.labels)
    assert np.array_equal(again.predict_proba(TEXTS), expected)


def test_a_classifier_owns_its_weights_whatever_becomes_of_the_file(tmp_path: Path) -> None:
    plugins = textforge.PluginManager()
    loaded = textforge.load(path := textforge.save(trained(plugins, model="linear"), tmp_path / "b"))
    expected = loaded.predict_proba(TEXTS)
    file = path / "model.safetensors"
    with file.open("r+b") as opened:
        opened.write(bytes(file.stat().st_size))
    assert np.array_equal(loaded.predict_proba(TEXTS), expected)
    assert np.array_equal(pickle.loads(pickle.dumps(loaded)).predict_proba(TEXTS), expected)


@given(
    shapes=st.lists(st.lists(st.integers(0, 5), max_size=3), max_size=4),
    dtype=st.sampled_from([torch.float32, torch.bfloat16, torch.int64, torch.bool]),
    at_once=st.integers(1, 40),
)
def test_weights_read_in_parts_are_those_of_the_file(
    tmp_path_factory: pytest.TempPathFactory, shapes: list[list[int]], dtype: torch.dtype, at_once: int
) -> None:
    path = tmp_path_factory.mktemp("weights") / "model.safetensors"
    tensors = {str(number): torch.randint(0, 2, shape).to(dtype) for number, shape in enumerate(shapes)}
    save_file(tensors, str(path))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(arrays, "READ_BYTES", at_once)
        found = bundle_weights.read_weights(path)
    assert {*found} == {*tensors}
    for name, tensor in tensors.items():
        assert (found[name].dtype, found[name].shape) == (tensor.dtype, tensor.shape)
        assert torch.equal(found[name], tensor)
