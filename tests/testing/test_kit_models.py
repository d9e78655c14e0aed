"""The contract kit: what models are held to."""

import kit_broken_models as broken
import pytest
from kit_examples import Broken, failures, holds, skipped

from textforge import PluginManager


def model(rule, component, *says):
    return Broken("model", rule, component, says)


EXAMPLES = [
    model("takes-a-single-text", broken.squeezing, "of shape (3,)", "no squeeze()"),
    model("takes-empty-texts", broken.dividing, "its logits are not finite", "lengths.clamp(min=1)"),
    model("takes-a-batch-of-empty-texts", broken.maximal, "over a batch of empty texts", "only empty texts"),
    model("evaluation-is-deterministic", broken.undecided, "other logits the second time", "while self.training"),
    model("scores-in-numpy-are-its-logits", broken.doubled, "differ from its logits by", "Return logits of shape"),
    model("its-explanation-adds-up", broken.overstating, "do not add up to its logits", "or return None"),
    model("a-batch-equals-its-singles", broken.comparing, "beside other texts", "Mask padding"),
    model("gradients-reach-every-parameter", broken.detached, "reached words.weight in", "without detach()"),
    model("gradients-reach-every-parameter", broken.unused, "spare.bias, spare.weight", "requires_grad_(False)"),
    model(
        "learns-its-training-texts",
        broken.backwards,
        "took the loss on the training texts from",
        "Check that the logits depend",
    ),
    model("learns-its-training-texts", broken.lazy, "33% of the texts", "that forward uses what it has learned"),
    model("weighs-texts-if-it-takes-weights", broken.deaf, "six times as heavy", "or take no parameter 'weights'"),
    model("its-state-is-tensors", broken.chatty, "'note' in its state_dict() is a str", "register_buffer"),
    model("its-weights-restore-it", broken.plain_attribute, "the logits differ", "must be parameters or buffers"),
    model("comes-back-from-a-bundle", broken.sparse_buffer, "when a bundle of it was saved", "as plain tensors"),
    model("pickles-nothing", broken.pickling, "it used pickle.dumps", "only tensors and JSON"),
    model("leaves-the-batch-alone", broken.scaling, "changed the batch", "no in-place operations"),
    model("leaves-the-batch-alone", broken.greedy, "changed the targets", "no in-place operations"),
    model("takes-two-classes-and-five", broken.three_classes, "with 2 classes", "one logit per class"),
    model(
        "takes-several-labels-or-names-what-does", broken.single_only, "it refuses several labels", "'another-model'"
    ),
    model("takes-several-labels-or-names-what-does", broken.softly_failing, "KeyError", "the fact 'multi_label'"),
]


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_a_broken_model_fails_its_check_alone_with_what_to_do(example):
    holds(example)


@pytest.mark.parametrize(
    "component",
    [
        broken.good,
        broken.explaining,
        broken.dense_only,
        broken.sequences,
        broken.refusing_well,
        broken.counting_classes,
    ],
)
def test_a_good_model_passes_beside_a_vectorizer_that_the_kit_finds(component):
    assert not failures("model", component)


def test_a_model_that_asks_for_what_nobody_gives_is_skipped_until_a_vectorizer_is_named():
    reasons = skipped("model", broken.vectors_needed, plugins=PluginManager(entry_points=False))
    told = "it needs the fact 'embeddings', which no vectorizer here gives. Name one that does: vectorizer=…."
    assert reasons["is-built-and-used"] == told
    assert "its-docstring-says-what-it-is" not in reasons


def test_a_vectorizer_may_be_named():
    parts = PluginManager()
    words = parts.part("vectorizer", "tokens", max_length=5)
    assert not failures("model", broken.sequences, vectorizer=words)
    assert not failures("model", broken.sequences, vectorizer="tokens")
