"""Training in several processes: weights, figures and decisions are those of one process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import make_texts
from shared_cases import CASES, part, trained

from textforge import Dataset, RecipeError, Trainer
from textforge.training.distributed.steps import refuse_batch_norm


@pytest.fixture(scope="module")
def together(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with what two processes have trained."""
    folder = tmp_path_factory.mktemp("together")
    script = Path(__file__).with_name("shared_cases.py")
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", str(script), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.parametrize("name", CASES)
def test_two_processes_train_as_one(together: Path, name: str) -> None:
    first, second = (dict(np.load(together / f"{name}-{rank}.npz")) for rank in range(2))
    assert first.keys() == second.keys()
    for key in first:
        assert np.array_equal(first[key], second[key], equal_nan=True), key
    alone = trained(name)
    figures = first.pop(f"figures of {name}")
    assert figures.shape == alone["figures"].shape, "they end after the same epoch"
    np.testing.assert_allclose(figures, alone["figures"], atol=1e-5)
    assert first.keys() == alone["weights"].keys()
    for key, weights in alone["weights"].items():
        np.testing.assert_allclose(first[key], weights, atol=1e-5, err_msg=key)


def test_a_vectorizer_that_one_process_fits_is_named(together: Path) -> None:
    warnings = (together / "a vectorizer that cannot be fitted in parts-0.txt").read_text()
    assert (
        "vectorizer 'subword' from textforge 0.1.0 cannot be fitted in parts (it has no count_chunks and merge)"
        in warnings
    )
    assert "fitted in parts" not in (together / "sequences-0.txt").read_text()


class Alone:
    """The only one of its processes, which exchanges nothing."""

    rank, size, first = 0, 1, True

    def share(self, n: int) -> range:
        return range(n)


def test_a_model_that_fits_itself_is_refused() -> None:
    with pytest.raises(RecipeError, match="fits itself on all texts at once, so several processes do not help"):
        Trainer(Dataset(make_texts(30)), part("vectorizer", "bow"), part("model", "nbsvm"), workers=Alone())


def test_batch_normalization_is_refused() -> None:
    given = [part("vectorizer", "bow"), part("model", "mlp", norm="batch"), part("optimizer", "adam")]
    module = Trainer(Dataset(make_texts(30)), *given).module
    with pytest.raises(RecipeError, match="has batch normalization"):
        refuse_batch_norm(module, "model 'mlp'")


def test_a_trainer_takes_no_part_in_a_process_group_that_it_was_not_given(monkeypatch) -> None:
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    given = [part("vectorizer", "bow"), part("model", "mlp"), part("optimizer", "adam")]
    assert len(Trainer(Dataset(make_texts(30)), *given).train(1)) == 1
