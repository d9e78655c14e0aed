"""The kinds of components, the facts that the factories of each may ask for, and what a fact means."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """One kind of component: the hook that gives it, and the facts its factories may ask for."""

    name: str
    facts: tuple[str, ...]
    plural: str = ""
    optional: bool = False
    """Whether a recipe may leave it out."""
    listed: bool = False
    """Whether a recipe has a list of them, under the plural, rather than a section with one."""
    inner: bool = False
    """Whether such parts stand only within other parts, never in a section of their own."""

    @property
    def many(self) -> str:
        return self.plural or f"{self.name}s"

    @property
    def hook(self) -> str:
        return f"textforge_{self.many}"


KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("dataset", ("seed",)),
        Kind("vectorizer", ("seed",)),
        Kind("model", ("n_classes", "seed", "multi_label")),  # and what the vectorizer gives
        Kind("optimizer", ("params", "module"), optional=True),  # a model that fits itself needs none
        Kind("scheduler", ("optimizer", "total_steps", "steps_per_epoch", "monitor_mode"), optional=True),
        Kind("loss", ("n_classes", "labels", "class_counts", "n_texts", "multi_label"), plural="losses", optional=True),
        Kind("metric", ("n_classes", "multi_label", "labels"), optional=True, listed=True),
        Kind("callback", ("run_folder",), optional=True, listed=True),
        Kind("preprocessor", ("seed",), inner=True),
    )
}

COMMAND = Kind("command", ())
"""What a plugin adds to the command line: no part of a recipe, and no factory."""

SECTIONS = tuple(kind.name for kind in KINDS.values() if not (kind.listed or kind.inner))
"""Kinds that a recipe names one of, in a section of the kind's name."""

LISTED = tuple(kind.name for kind in KINDS.values() if kind.listed)
"""Kinds of which a recipe has a list, in a section of the kind's plural."""

EVERY_FACT = "facts"
"""The fact that holds all others, for a component that builds parts of its own."""

FACTS = {
    EVERY_FACT: ("dict[str, Any]", "every fact by its name, to build parts within this one"),
    "seed": ("int", "what every random draw of the run follows from"),
    "n_classes": ("int", "how many classes there are"),
    "multi_label": ("bool", "whether a text may have several labels"),
    "params": ("list[torch.nn.Parameter]", "the weights to train"),
    "module": ("torch.nn.Module", "the model itself, on its device"),
    "optimizer": ("torch.optim.Optimizer", "whose learning rate is to be changed"),
    "total_steps": ("int", "optimizer steps in the whole training"),
    "steps_per_epoch": ("int", "optimizer steps in one epoch"),
    "monitor_mode": ("str", "'min' or 'max': which value of the monitored validation figure is the better"),
    "labels": ("tuple[str, ...]", "the classes in the order of the model's outputs"),
    "class_counts": ("numpy.ndarray", "int64, (n_classes,): training texts of each class"),
    "n_texts": ("int", "training texts in all"),
    "run_folder": ("pathlib.Path", "the run folder, which is there"),
    "n_features": ("int", "size of the vocabulary, or of a dense vector; from every vectorizer but those of sequences"),
    "vocab_size": ("int", "how many word numbers there are, 0 (padding) and 1 (unknown) among them; from sequences"),
    "vectors": ("numpy.ndarray | None", "float32, (vocab_size, dim): pretrained word vectors; from sequences"),
}
"""Each fact's type and meaning."""

FACT_TEXT = {
    "n_features": "a bag of words or one vector a text (n_features)",
    "vocab_size": "token sequences (vocab_size)",
}
"""What a fact that a vectorizer gives means to a reader."""

DEFAULT_GIVES = ("n_features",)


def fact_text(fact: str) -> str:
    return FACT_TEXT.get(fact, f"the fact '{fact}'")
