"""Contract checks for models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from textforge.classifiers.bundles.bundle import save
from textforge.classifiers.random_state import RandomState
from textforge.classifiers.rebuilding import rebuilt
from textforge.data.dataset import Dataset
from textforge.data.weights import fit_takes_weights
from textforge.errors import ComponentError, RecipeError, listed
from textforge.features.batch import RaggedBatch
from textforge.runs.loading import load
from textforge.testing import probes
from textforge.testing.bench import CPU, Bench
from textforge.testing.checks import Skipped, as_contract_error, rule
from textforge.testing.digests import differing, digests
from textforge.testing.imports import loads
from textforge.testing.pickling import no_pickle
from textforge.testing.subject import Subject, exercise
from textforge.testing.words import named_others, refuse
from textforge.training.batch_loss import plain_loss

STEPS = 8
"""Optimizer steps within which every parameter must get a gradient. More than one, because a layer initialized with
zeros passes no gradient to the layers before it in the first step."""
RESTORED = ("its-state-is-tensors", "its-weights-restore-it", "takes-empty-texts", "evaluation-is-deterministic")
"""Rules without which a bundle cannot be compared."""


@exercise("model")
def _work(subject: Subject) -> Mapping[str, Any]:
    """Train for two epochs and predict, as a run does."""
    bench = Bench.of(subject)
    classifier = bench.trainer(Dataset(train=subject.texts)).fit()
    return {
        "weights": dict(classifier.module.state_dict()),
        "predictions": classifier.predict_proba(_others(subject)),
    }


@rule("model")
def takes_a_single_text(subject: Subject) -> None:
    """A batch of one text gives logits of shape (1, n_classes)."""
    bench = Bench.of(subject)
    _finite_logits(
        bench,
        subject.single_texts[:1],
        "over a batch of one text",
        "Keep the dimension of texts: no squeeze() without it.",
    )


@rule("model")
def takes_empty_texts(subject: Subject) -> None:
    """A batch in which some texts have no features gives finite logits."""
    advice = "A text may have no features: divide by lengths.clamp(min=1), and never mask all positions."
    _finite_logits(Bench.of(subject), subject.single_texts, "over a batch with an empty text in it", advice)


@rule("model", after=("takes-empty-texts",))
def takes_a_batch_of_empty_texts(subject: Subject) -> None:
    """A batch in which no text has any features gives finite logits."""
    advice = "The last batch may contain only empty texts, so its tensors may be empty and have no maximum."
    _finite_logits(Bench.of(subject), ["", ""], "over a batch of empty texts", advice)


@rule("model")
def its_explanation_adds_up(subject: Subject) -> None:
    """If it has `explain`, the contributions of the entries of a text and the biases add up to its logits."""
    bench = Bench.of(subject)
    module, batch = bench.ready(), bench.batch(subject.single_texts)
    explain: Any = getattr(module, "explain", None)
    if explain is None or not isinstance(batch, RaggedBatch):
        raise Skipped("it has no explain, or takes dense vectors.")
    advice = (
        "Return a tensor (entries, n_classes), one row for each entry of the batch, and biases (n_classes,), "
        "so that the rows of a text and the biases add up to its logits; or return None."
    )
    with as_contract_error(subject.label, "in explain", advice), torch.no_grad():
        found = explain(batch)
        if found is None:
            raise Skipped("it does not explain itself.")
        values, bias = (one.double() for one in found)
        lengths = torch.diff(batch.offsets, append=batch.offsets.new_tensor([len(batch.indices)]))
        rows = torch.arange(len(batch)).repeat_interleave(lengths)
        sums = torch.zeros(len(batch), len(bias), dtype=torch.float64).index_add(0, rows, values) + bias
        logits = bench.logits(module, batch).double()
        adds_up = torch.allclose(sums, logits, rtol=1e-4, atol=1e-4)
    if not adds_up:
        raise subject.breaks("the contributions and the biases do not add up to its logits.", advice)


@rule("model")
def evaluation_is_deterministic(subject: Subject) -> None:
    """In evaluation mode the same batch gives bit-identical logits each time."""
    bench = Bench.of(subject)
    module = bench.ready()
    one, other = (bench.logits(module, bench.batch(subject.single_texts[:3])) for _ in range(2))
    if not torch.equal(one, other):
        raise subject.breaks(
            "in evaluation mode the same batch gave other logits the second time.",
            "Draw and count only while self.training; use nn.Dropout, or dropout(…, training=self.training).",
        )


@rule("model", after=("evaluation-is-deterministic", "takes-a-single-text", "takes-a-batch-of-empty-texts"))
def a_batch_equals_its_singles(subject: Subject) -> None:
    """In evaluation mode the logits of a text do not depend on the other texts in the batch, or on padding."""
    bench = Bench.of(subject)
    module = bench.ready()
    together = bench.logits(module, bench.batch(subject.single_texts))
    for row, text in enumerate(subject.single_texts):
        alone = bench.logits(module, bench.batch([text]))[0]
        if not torch.allclose(together[row], alone, rtol=1e-3, atol=1e-4):
            off = float((together[row] - alone).abs().max())
            raise subject.breaks(
                f"the logits of {text!r} differ by {off:.2g} beside other texts from those alone.",
                "Mask padding (batch.padded() returns the mask), and compute no statistics over the batch in "
                "evaluation mode.",
            )


@rule("model")
def gradients_reach_every_parameter(subject: Subject) -> None:
    """Every parameter that requires a gradient gets a non-zero one during training."""
    bench = Bench.of(subject)
    if bench.fits_itself:
        raise Skipped("it fits itself.")
    texts, labels = subject.texts
    module, batch, targets = bench.module().train(), bench.batch(texts), torch.from_numpy(probes.numbers(labels))
    unreached = {name for name, parameter in module.named_parameters() if parameter.requires_grad}
    optimizer = probes.adam(list(module.parameters()))
    for _ in range(STEPS):
        optimizer.zero_grad()
        with RandomState(0, CPU).active():
            plain_loss(module(batch), targets).backward()  # type: ignore[no-untyped-call]
        unreached -= {name for name, one in module.named_parameters() if one.grad is not None and _not_zero(one.grad)}
        optimizer.step()
    if unreached:
        raise subject.breaks(
            f"no gradient reached {listed(sorted(unreached))} in {STEPS} steps.",
            "Use it in forward, without detach() or no_grad(); call requires_grad_(False) on frozen parameters.",
        )


@rule("model")
def learns_its_training_texts(subject: Subject) -> None:
    """Training lowers the loss on the training texts; a model that fits itself beats chance on them."""
    bench = Bench.of(subject)
    texts, labels = subject.texts
    before = 0.0
    if not bench.fits_itself:
        before = _loss(bench.logits(bench.module(), bench.batch(texts)), labels)
    classifier = bench.trainer(Dataset(train=subject.texts), epochs=15).fit()
    after = _loss(bench.logits(classifier.module, bench.batch(texts)), labels)
    if bench.fits_itself:
        accuracy = classifier.evaluate(texts, labels)["accuracy"]
        if accuracy <= 1.5 / bench.n_classes:
            raise subject.breaks(
                f"after its fit {accuracy:.0%} of the texts that it was fitted on are right, of {bench.n_classes} "
                "classes.",
                "Check that fit learns from the features and targets, and that forward uses what it has learned.",
            )
    elif not after < before:
        raise subject.breaks(
            f"15 epochs of Adam (lr 0.01) took the loss on the training texts from {before:.3f} to {after:.3f}.",
            "Check that the logits depend on the weights, and that a larger logit means a more probable class.",
        )


@rule("model", after=("learns-its-training-texts", "evaluation-is-deterministic"))
def weighs_texts_if_it_takes_weights(subject: Subject) -> None:
    """If it fits itself and its `fit` has a parameter `weights`, equal weights change nothing, and others do."""
    bench = Bench.of(subject)
    if not bench.fits_itself or not fit_takes_weights(bench.module()):
        raise Skipped("it has no fit with a parameter 'weights'.")
    numbers = probes.numbers(subject.texts[1])
    heavy = np.where(numbers == 0, 6.0, 1.0)

    def fitted(weights: Any) -> torch.Tensor:
        module = bench.module()
        bench.fit(module, weights)
        return bench.logits(module, bench.batch(subject.single_texts))

    plain, even, uneven = fitted(None), fitted(np.ones(len(numbers))), fitted(heavy / heavy.mean())
    if not torch.allclose(plain, even, rtol=1e-3, atol=1e-4):
        raise subject.breaks("with weights of 1 it learns something else.", "A text of weight 1 counts once.")
    if torch.allclose(plain, uneven, rtol=1e-6, atol=1e-6):
        raise subject.breaks(
            "with one class six times as heavy it learns the same as without weights.",
            "Count each text as often as its weight says, or take no parameter 'weights'.",
        )


@rule("model")
def its_state_is_tensors(subject: Subject) -> None:
    """`state_dict()` contains only tensors."""
    state = Bench.of(subject).ready().state_dict()
    if other := [name for name, value in state.items() if not isinstance(value, torch.Tensor)]:
        raise subject.breaks(
            f"'{other[0]}' in its state_dict() is a {type(state[other[0]]).__name__}.",
            "Keep it as a buffer (register_buffer), or build it from the facts and options.",
        )


@rule("model", after=("evaluation-is-deterministic", "its-state-is-tensors"))
def its_weights_restore_it(subject: Subject) -> None:
    """Rebuilt from its facts and weights, it gives the same logits: the weights contain all it learns."""
    bench = Bench.of(subject)
    trained = bench.classifier.module
    advice = "All it learns must be parameters or buffers whose names and shapes follow from facts and options."
    weights = {name: value.clone() for name, value in trained.state_dict().items()}
    with as_contract_error(subject.label, "when its weights were put into a new one", advice):
        again = rebuilt(subject.part, bench.facts(), weights)
    mine, theirs = (bench.logits(module, bench.batch(subject.single_texts[:3])) for module in (trained, again))
    if not torch.allclose(mine, theirs, rtol=1e-4, atol=1e-5):
        raise subject.breaks("with its weights loaded into a new module the logits differ.", advice)


@rule("model", after=("its-weights-restore-it",))
def scores_in_numpy_are_its_logits(subject: Subject) -> None:
    """If it declares `in_numpy`, that function needs no torch, and its scores equal the logits within 1e-5."""
    name = subject.part.in_numpy
    if name is None:
        raise Skipped("it declares no in_numpy.")
    bench = Bench.of(subject)
    if loads(name.partition(":")[0], "torch"):
        advice = "Keep what computes in numpy in a module of its own."
        raise subject.breaks(f"importing its in_numpy, '{name}', imports torch.", advice)
    module = bench.classifier.module
    texts = [*subject.single_texts, *subject.texts[0]]
    expected = bench.logits(module, bench.batch(texts)).numpy()
    advice = "Return logits of shape (texts, n_classes): an array of float32, those of the module in evaluation mode."
    with as_contract_error(subject.label, "in its in_numpy", advice):
        found = bench.logits_in_numpy(module, texts)
    if not np.allclose(found, expected, rtol=1e-5, atol=1e-5):
        off = float(np.abs(found - expected).max())
        raise subject.breaks(f"the scores of its in_numpy differ from its logits by {off:.2g}.", advice)


@rule("model", after=("scores-in-numpy-are-its-logits", *RESTORED))
def comes_back_from_a_bundle(subject: Subject) -> None:
    """A classifier saved as a bundle and loaded gives the same predictions."""
    _through_a_bundle(subject, "bundle")


@rule("model", after=("comes-back-from-a-bundle",))
def pickles_nothing(subject: Subject) -> None:
    """Saving and loading a bundle use neither pickle nor torch's own serialization."""
    with no_pickle() as used:
        try:
            _through_a_bundle(subject, "unpickled")
        except Exception:
            if not used:
                raise
    if used:
        raise subject.breaks(
            f"it used {used[0]} while its bundle was saved or loaded.",
            "Unpickling a file can run code, so bundles contain only tensors and JSON: keep what it learns in buffers.",
        )


@rule("model")
def leaves_the_batch_alone(subject: Subject) -> None:
    """It does not change the tensors of a batch, or the features and targets it is fitted on."""
    bench = Bench.of(subject)
    module = bench.module()
    changed = []
    if bench.fits_itself:
        before = digests({"features": bench.features(subject.texts[0]), "targets": probes.numbers(subject.texts[1])})
        features, targets = bench.fit(module)
        changed += differing(before, digests({"features": features, "targets": targets}))
    batch = bench.batch(subject.single_texts[:3])
    before = digests({"batch": batch})
    with RandomState(0, CPU).active():
        module.train(not bench.fits_itself)(batch)
    bench.logits(module, batch)
    if changed := changed + differing(before, digests({"batch": batch})):
        raise subject.breaks(
            f"it changed the {listed(changed)} that it was given.", "Work on a copy: no in-place operations (add_, …)."
        )


@rule("model")
def takes_two_classes_and_five(subject: Subject) -> None:
    """It can be trained on two, three and five classes."""
    bench = Bench.of(subject)
    for n_classes in (2, 5):
        with as_contract_error(
            subject.label, f"with {n_classes} classes", "Return one logit per class, even for two classes."
        ):
            bench.trainer(probes.dataset(8 * n_classes, n_classes), epochs=1).fit()


@rule("model")
def takes_several_labels_or_names_what_does(subject: Subject) -> None:
    """It can be trained on texts with several labels, or raises a RecipeError that names another model."""
    bench = Bench.of(subject)
    several: Dataset = probes.dataset_of_sets()
    advice = refuse("model", "targets, float32 0 or 1 for each class, as they come")
    try:
        with as_contract_error(subject.label, "where texts have several labels", advice, RecipeError):
            _try_sets(bench, several)
    except RecipeError as error:
        if not named_others(str(error), subject.component.name):
            raise subject.breaks(f"it refuses several labels per text: {error}", advice) from error


# -- steps -----------------------------------------------------------------------------------------


def _others(subject: Subject) -> list[str]:
    """Texts to predict: unlike the training texts, or some of those given."""
    return probes.labelled(9, seed=1)[0] if subject.given_texts is None else subject.texts[0][:9]


def _finite_logits(bench: Bench, texts: Any, where: str, advice: str) -> None:
    with as_contract_error(bench.subject.label, where, advice):
        logits = bench.logits(bench.ready(), bench.batch(texts))
    if not bool(torch.isfinite(logits).all()):
        raise bench.subject.breaks(f"its logits are not finite {where}.", advice)


def _loss(logits: torch.Tensor, labels: list[str]) -> float:
    return float(plain_loss(logits, torch.from_numpy(probes.numbers(labels))))


def _not_zero(gradient: torch.Tensor) -> bool:
    values = gradient.coalesce().values() if gradient.is_sparse else gradient
    return values.numel() > 0 and bool((values != 0).any())


def _try_sets(bench: Bench, several: Dataset) -> None:
    classifier = bench.trainer(several, epochs=2).fit()
    texts, _ = several.splits()["train"]
    probabilities = classifier.predict_proba(texts)
    if not np.isfinite(probabilities).all():
        raise ComponentError("its probabilities are not finite")


def _through_a_bundle(subject: Subject, name: str) -> None:
    bench = Bench.of(subject)
    texts = subject.single_texts
    advice = "Weights go to disk as plain tensors, and the model is built again from facts and options."
    mine = bench.classifier.predict_proba(texts)
    folder = subject.folder / f"{name}-{len(list(subject.folder.iterdir()))}"
    with as_contract_error(subject.label, "when a bundle of it was saved", advice):
        save(bench.classifier, folder)
    with as_contract_error(subject.label, "when its bundle was loaded", advice):
        theirs = load(folder, plugins=bench.plugins).predict_proba(texts)
    if not np.allclose(mine, theirs, rtol=1e-4, atol=1e-5):
        raise subject.breaks("the loaded bundle gives other predictions.", advice)
