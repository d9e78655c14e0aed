"""Model `ensemble`, model `calibrated` around other models, optimizer `lookahead`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from conftest import make_sets, make_texts

from textforge import Dataset, PluginManager, RecipeError, Trainer

PLUGINS = PluginManager()
DATA = Dataset(train=make_texts(120), test=make_texts(60, seed=9))
SETS = Dataset(train=make_sets(120))
TEXTS = DATA.test[0] if DATA.test else ()


def trained(model: Any, optimizer: Any = None, dataset: Dataset = DATA, epochs: int = 3) -> Any:
    options = {} if optimizer is None else {"optimizer": optimizer}
    return Trainer(dataset, PLUGINS.part("vectorizer", "bow"), model, **options, epochs=epochs, device="cpu").fit()


@pytest.mark.parametrize("dataset", [DATA, SETS], ids=["one label", "several"])
def test_its_probabilities_are_the_weighted_mean_of_its_members(dataset: Dataset) -> None:
    model = PLUGINS.part("model", "ensemble", of=["linear", {"use": "mlp", "hidden": [4]}], weights=[3.0, 1.0])
    whole = trained(model, PLUGINS.part("optimizer", "adam", lr=0.05), dataset)
    features = whole.features(TEXTS)
    found = whole.predict_proba(TEXTS)
    means = 0
    for member, share in zip(whole.module.members, (0.75, 0.25), strict=True):
        with torch.no_grad():
            scores = member(features.batch(0, len(TEXTS)))
        means = means + share * (scores.sigmoid() if dataset.multi_label else scores.softmax(dim=1)).numpy()
    np.testing.assert_allclose(found, means, atol=1e-6)


def test_members_that_fit_themselves_are_fitted_in_the_one_run() -> None:
    part = PLUGINS.part("model", "ensemble", of=["nbsvm", "logistic-regression"])
    assert part.fits_itself
    whole = trained(part)
    alone = [trained(PLUGINS.part("model", name)) for name in ("nbsvm", "logistic-regression")]
    means = sum(one.predict_proba(TEXTS) for one in alone) / 2
    np.testing.assert_allclose(whole.predict_proba(TEXTS), means, atol=1e-6)


def test_the_same_model_twice_begins_with_other_weights() -> None:
    module = PLUGINS.part("model", "ensemble", of=["mlp", "mlp"]).build(
        {"n_features": 5, "n_classes": 2, "seed": 0, "multi_label": False}
    )
    first, second = (next(member.parameters()) for member in module.members)
    assert not torch.equal(first, second)


@pytest.mark.parametrize("inner", ["sgd", {"use": "adam", "lr": 0.1}, "adagrad", {"use": "sgd", "momentum": 0.9}])
def test_lookahead_steps_as_zhang_et_al_say(inner: Any) -> None:
    def module() -> torch.nn.Module:
        torch.manual_seed(0)
        return torch.nn.Linear(3, 2)

    fast, looked = module(), module()
    section = {"use": inner} if isinstance(inner, str) else dict(inner)
    plain = PLUGINS.part("optimizer", section.pop("use"), **section).build({"params": list(fast.parameters())})
    around = PLUGINS.part("optimizer", "lookahead", of=inner, steps=3, alpha=0.25).build(
        {"params": list(looked.parameters()), "module": looked}
    )
    slow = [p.detach().clone() for p in fast.parameters()]
    x = torch.randn(8, 3, generator=torch.Generator().manual_seed(1))
    for step in range(1, 8):
        for one, optimizer in ((fast, plain), (looked, around)):
            optimizer.zero_grad()
            one(x).square().sum().backward()
            optimizer.step()
        if step % 3 == 0:
            with torch.no_grad():
                for before, parameter in zip(slow, fast.parameters(), strict=True):
                    before += 0.25 * (parameter - before)
                    parameter.copy_(before)
        for one, other in zip(fast.parameters(), looked.parameters(), strict=True):
            torch.testing.assert_close(one, other)
        if step == 4:  # a saved and restored state goes on the same
            state = around.state_dict()
            around = PLUGINS.part("optimizer", "lookahead", of=inner, steps=3, alpha=0.25).build(
                {"params": list(looked.parameters()), "module": looked}
            )
            around.load_state_dict(state)


def test_lookahead_takes_sparse_gradients_where_its_optimizer_does() -> None:
    assert PLUGINS.part("optimizer", "lookahead", of="sparse-adam").takes_sparse_gradients
    assert not PLUGINS.part("optimizer", "lookahead").takes_sparse_gradients


MODELS = [
    {"of": "nbsvm"},
    {"of": {"use": "mlp", "hidden": [8]}, "optimizer": {"use": "adam", "lr": 0.05}, "epochs": 30},
    {"of": {"use": "mlp", "hidden": [8]}, "optimizer": {"use": "rowwise-adagrad", "lr": 0.1}, "epochs": 10},
    {"of": "linear", "optimizer": {"use": "lbfgs", "max_iter": 5}, "epochs": 2, "batch_size": 200},
]


@pytest.mark.parametrize("options", MODELS, ids=["fits itself", "trained", "sparse gradients", "a closure"])
@pytest.mark.parametrize("dataset", [DATA, SETS], ids=["one label", "several"])
def test_calibrated_scales_the_scores_of_any_model(options: dict[str, Any], dataset: Dataset) -> None:
    found = trained(PLUGINS.part("model", "calibrated", cv=3, **options), dataset=dataset)
    assert np.isfinite(found.predict_proba(TEXTS)).all()
    assert not torch.equal(found.module.slope, torch.ones_like(found.module.slope))
    assert (found.module.slope > 0).all()  # the order of texts within a class stays


def test_calibrated_makes_an_overconfident_model_less_so() -> None:
    texts, labels = make_texts(200)
    noisy = [labels[(n * 7) % 200] if n % 3 == 0 else label for n, label in enumerate(labels)]
    data = Dataset(train=(texts, noisy))
    held, gold = make_texts(200, seed=5)
    gold = [gold[(n * 7) % 200] if n % 3 == 0 else label for n, label in enumerate(gold)]
    model = {"use": "mlp", "hidden": [8]}
    adam = {"use": "adam", "lr": 0.05}
    plain = trained(PLUGINS.part("model", "mlp", hidden=[8]), PLUGINS.part("optimizer", "adam", lr=0.05), data, 30)
    scaled = trained(PLUGINS.part("model", "calibrated", of=model, optimizer=adam, epochs=30), None, data)

    def loss(classifier: Any) -> float:
        found = classifier.predict_proba(held)
        return float(-np.log(found[np.arange(200), [classifier.labels.index(one) for one in gold]]).mean())

    assert loss(scaled) < loss(plain)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"of": "mlp"}, "model 'mlp' is trained by an optimizer: add 'optimizer'"),
        ({"of": "nbsvm", "optimizer": "adam"}, "model 'nbsvm' fits itself: optimizer has no use"),
        ({"of": "nbsvm", "C": 2.0}, "C is for the linear SVM"),
        ({"epochs": 3}, "epochs is for a model that an optimizer trains"),
    ],
)
def test_calibrated_refuses_options_that_have_no_use(options: dict[str, Any], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        PLUGINS.part("model", "calibrated", **options)
