"""Training and prediction on a GPU. Skipped, saying so, on a machine without one."""

from __future__ import annotations

import socket
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.distributed as dist
from conftest import make_texts, shipped

import textforge
from textforge import Dataset, Trainer, Workers

pytestmark = [
    pytest.mark.cuda,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here: training on CUDA is NOT tested"),
]
MODELS = {"mlp": ("bow", {"hidden": [16]}), "textcnn": ("tokens", {"dim": 16, "channels": 8}), "linear": ("tfidf", {})}


def trainer(model: str, device: str, optimizer: str = "sgd", **settings: object) -> Trainer:
    plugins, (vectorizer, options) = shipped(), MODELS[model]
    if model != "linear":
        options = {**options, "dropout": 0.0}
    return Trainer(
        Dataset(make_texts(200), valid=make_texts(50, seed=1)), plugins.part("vectorizer", vectorizer),
        plugins.part("model", model, **options), plugins.part("optimizer", optimizer, lr=0.05),
        epochs=3, batch_size=32, device=device, **settings,
    )  # fmt: skip


def weights(one: Trainer) -> dict[str, np.ndarray]:
    return {name: value.float().cpu().numpy() for name, value in one.fit().module.state_dict().items()}


@pytest.mark.parametrize("model", MODELS)
def test_training_on_the_gpu_is_that_on_the_cpu(model: str) -> None:
    on_gpu, on_cpu = weights(trainer(model, "cuda")), weights(trainer(model, "cpu"))
    for name, one in on_cpu.items():
        np.testing.assert_allclose(on_gpu[name], one, atol=1e-3, err_msg=name)


def test_sparse_gradients_on_the_gpu_are_those_on_the_cpu() -> None:
    on_gpu, on_cpu = (weights(trainer("mlp", device, "sparse-adam")) for device in ("cuda", "cpu"))
    for name, one in on_cpu.items():
        np.testing.assert_allclose(on_gpu[name], one, atol=1e-2, err_msg=name)


def test_bfloat16_learns_as_float32() -> None:
    results = [trainer("mlp", "cuda", "adam", precision=precision) for precision in ("bfloat16", "float32")]
    half, single = ([result.train_loss for result in one] for one in results)
    np.testing.assert_allclose(half, single, rtol=0.1, atol=0.02)


def test_a_training_continues_on_the_gpu_from_its_state() -> None:
    whole, first, second = (trainer("textcnn", "cuda") for _ in range(3))
    first.train(1)
    second.load_state_dict(first.state_dict())
    one, other = weights(whole), weights(second)
    for name in one:
        np.testing.assert_allclose(one[name], other[name], atol=1e-4, err_msg=name)


def test_a_classifier_predicts_the_same_on_both_devices(tmp_path: Path) -> None:
    textforge.save(trainer("textcnn", "cuda").fit(), tmp_path / "bundle")
    texts, _ = make_texts(30, seed=2)
    found = [textforge.load(tmp_path / "bundle", device=device).predict_proba(texts) for device in ("cpu", "cuda")]
    np.testing.assert_allclose(*found, atol=1e-3)


@pytest.mark.parametrize("optimizer", ["adam", "sparse-adam"])
def test_one_process_of_nccl_trains_as_one_without_a_group(optimizer: str) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    dist.init_process_group("cpu:gloo,cuda:nccl", init_method=f"tcp://127.0.0.1:{port}", rank=0, world_size=1)
    try:
        together = weights(trainer("mlp", "cuda", optimizer, workers=Workers()))
    finally:
        dist.destroy_process_group()
    for name, one in weights(trainer("mlp", "cuda", optimizer)).items():
        np.testing.assert_allclose(together[name], one, atol=1e-3, err_msg=name)
