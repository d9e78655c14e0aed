"""What authors give to the kit beside the component: texts of their own, and checks to skip."""

from __future__ import annotations

from typing import Any

import pytest
from kit_examples import failures, skipped

from textforge.testing import ContractError, checks

TEXTS = [f"{word}. It is {word}. Number {n}." for n in range(12) for word in ("moon", "bat")]
LABELS = ["space", "ball"] * 12


def hierarchical(vocab_size: int, n_classes: int, /) -> Any:
    """A model of sentences, whose second layer only texts of several sentences reach."""
    import torch
    from torch import nn

    class Hierarchical(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.words = nn.Embedding(vocab_size, 8, padding_idx=0)
            self.sentences = nn.Linear(8, 8)
            self.output = nn.Linear(8, n_classes)

        def forward(self, batch: Any) -> Any:
            words, real = batch.padded()
            mean = self.words(words).sum(dim=1) / real.sum(dim=1, keepdim=True).clamp(min=1)
            several = real.sum(dim=1, keepdim=True) > STOPS
            return self.output(mean + torch.where(several, self.sentences(mean).tanh(), 0.0))

    return Hierarchical()


STOPS = 9
"""Words of the longest text of the kit, which has one sentence; the author's texts are longer."""


def longer(text: str) -> str:
    return f"{text} {text} {text}"


def test_texts_of_the_author_reach_what_the_texts_of_the_kit_do_not() -> None:
    assert set(failures("model", hierarchical)) == {"gradients-reach-every-parameter"}
    own = ([longer(text) for text in TEXTS], LABELS)
    assert not failures("model", hierarchical, texts=own)


def test_a_vectorizer_is_fitted_on_the_texts_of_the_author() -> None:
    from textforge.testing.probes import ProbeBag

    class Digits(ProbeBag):
        """Words of texts that all have a digit."""

        def fit(self, texts: Any) -> Any:
            if not any(any(map(str.isdigit, text)) for text in texts):
                raise ValueError("no digit")
            return super().fit(texts)

    assert set(failures("vectorizer", Digits)) == {"is-built-and-used"}
    assert not failures("vectorizer", Digits, texts=(TEXTS, LABELS))


def test_a_check_that_does_not_apply_is_skipped_with_the_reason() -> None:
    name = "gradients-reach-every-parameter"
    reason = "the second layer sees texts of several sentences only"
    assert skipped("model", hierarchical, skip={name: reason})[name] == f"by request: {reason}"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"skip": {"gradients-reach-all": "x"}}, "no check 'gradients-reach-all'. Did you mean 'gradients-reach-every"),
        ({"skip": {"prints-nothing": " "}}, "'prints-nothing' needs a reason: skip={'prints-nothing': 'why it "),
        ({"texts": (TEXTS, LABELS[1:])}, "texts must be a pair: a list of texts, and a list of their labels"),
        ({"texts": (TEXTS, [1, 2] * 12)}, "texts must be a pair of lists of str"),
        ({"texts": (TEXTS[:18], LABELS[:18])}, "10 texts of each; they have {'space': 9, 'ball': 9}."),
        ({"texts": (TEXTS[::2], LABELS[::2])}, "texts need at least two labels"),
    ],
)
def test_what_cannot_be_used_is_refused(given: dict[str, Any], says: str) -> None:
    with pytest.raises(ContractError) as told:
        checks("model", hierarchical, **given)
    assert says in str(told.value)
