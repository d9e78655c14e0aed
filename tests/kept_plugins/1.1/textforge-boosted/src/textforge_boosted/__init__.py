"""Gradient-boosted trees of LightGBM."""

from typing import Annotated

from annotated_types import Ge, Gt

TEXTFORGE_API = "1.1"


def boosted(
    n_features: int,
    n_classes: int,
    multi_label: bool,
    seed: int,
    /,
    *,
    trees: Annotated[int, Ge(1)] = 50,
    leaves: Annotated[int, Ge(2)] = 15,
    lr: Annotated[float, Gt(0)] = 0.1,
    smallest: Annotated[int, Ge(1)] = 5,
):
    """Gradient-boosted decision trees (Ke et al. 2017, LightGBM).

    Options:
        trees: number of trees per class.
        leaves: largest number of leaves of a tree.
        lr: learning rate.
        smallest: smallest number of texts in a leaf.
    """
    import lightgbm
    import numpy as np
    import torch
    from scipy.sparse import csr_matrix
    from textforge import RecipeError
    from torch import nn

    if multi_label:
        raise RecipeError("boosted takes one label per text; use 'linear' for several.")
    settings = {
        "objective": "multiclass", "num_class": n_classes, "num_leaves": leaves, "learning_rate": lr,
        "min_data_in_leaf": smallest, "seed": seed, "deterministic": True, "force_row_wise": True,
        "num_threads": 1, "verbose": -1, "min_data_in_bin": 1,
    }  # fmt: skip

    class Boosted(nn.Module):
        def __init__(self):
            super().__init__()
            self.booster = None

        def fit(self, features, targets, weights=None):
            rows = features.vectors if hasattr(features, "vectors") else csr_matrix(features.csr(), shape=features.shape)
            data = lightgbm.Dataset(rows, targets, weight=weights, params=settings)
            self.booster = lightgbm.train(settings, data, num_boost_round=trees)

        def get_extra_state(self):
            text = self.booster.model_to_string() if self.booster else ""
            return torch.frombuffer(bytearray(text.encode()), dtype=torch.uint8) if text else torch.zeros(0, dtype=torch.uint8)

        def set_extra_state(self, state):
            text = state.numpy().tobytes().decode()
            self.booster = lightgbm.Booster(model_str=text) if text else None

        def forward(self, batch):
            if isinstance(batch, torch.Tensor):
                rows = batch.numpy()
            else:
                ends = np.append(batch.offsets.numpy(), len(batch.indices))
                values = np.ones(len(batch.indices), np.float32) if batch.weights is None else batch.weights.numpy()
                rows = csr_matrix((values, batch.indices.numpy(), ends), shape=(len(batch), n_features))
            scores = self.booster.predict(rows, raw_score=True)
            return torch.from_numpy(scores.astype(np.float32))

    return Boosted()


boosted.fits_itself = True
