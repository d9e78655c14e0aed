"""The kinds of components, the facts that factories of each kind can ask for, and the meaning of each fact."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """One kind of component: its hook, and the facts that its factories can ask for."""

    name: str
    facts: tuple[str, ...]
    plural: str = ""
    optional: bool = False
    """Whether a recipe may omit it."""
    listed: bool = False
    """Whether a recipe holds a list of them, under the plural name, instead of a section with one."""
    inner: bool = False
    """Whether such parts occur only inside other parts, never as a section of a recipe."""
    reads_texts: bool = False
    """Whether its components have the option `column`, by which they read a column in place of the text."""

    @property
    def many(self) -> str:
        return self.plural or f"{self.name}s"

    @property
    def hook(self) -> str:
        return f"textforge_{self.many}"


TRAINING_FACTS = ("labels", "class_counts", "n_texts")
"""Facts about the training texts."""
MODEL_FACTS = ("n_classes", "seed", "multi_label", *TRAINING_FACTS)
"""Facts for models that every training has; the vectorizer gives more."""
LOSS_FACTS = ("n_classes", "labels", "class_counts", "n_texts", "multi_label", "epochs")

KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("dataset", ("seed",)),
        Kind("vectorizer", ("seed",), reads_texts=True),
        Kind("model", MODEL_FACTS),
        Kind("optimizer", ("params", "module"), optional=True),  # a model that fits itself needs none
        Kind("scheduler", ("optimizer", "total_steps", "steps_per_epoch", "monitor_mode"), optional=True),
        Kind("loss", LOSS_FACTS, plural="losses", optional=True),
        Kind("metric", ("n_classes", "multi_label", "labels"), optional=True, listed=True),
        Kind("callback", ("run_folder", "stop"), optional=True, listed=True),
        Kind("preprocessor", ("seed",), inner=True),
    )
}

COMMAND = Kind("command", ())
"""Commands that a plugin adds to the command line; they are neither part of a recipe nor built by a factory."""

EXECUTOR = Kind("executor", ("tasks", "progress"))
"""Places where seeds and folds can run; named on the command line (`--on`) instead of in a recipe."""

OUTSIDE_RECIPES = (EXECUTOR, COMMAND)
"""Kinds that have a hook, but no place in a recipe."""

SECTIONS = tuple(kind.name for kind in KINDS.values() if not (kind.listed or kind.inner))
"""Kinds with one part per recipe, in a section named after the kind."""

LISTED = tuple(kind.name for kind in KINDS.values() if kind.listed)
"""Kinds with a list of parts per recipe, in a section named after the kind's plural."""

EVERY_FACT = "facts"
"""Name of the fact that holds all others, for components that build other parts."""

FACTS = {
    EVERY_FACT: ("dict[str, Any]", "every fact by name, to build the parts inside this one"),
    "seed": ("int", "seed of every random draw of the run"),
    "n_classes": ("int", "number of classes"),
    "multi_label": ("bool", "whether a text may have several labels"),
    "params": ("list[torch.nn.Parameter]", "the weights to train"),
    "module": ("torch.nn.Module", "the model itself, on its device"),
    "optimizer": ("torch.optim.Optimizer", "the optimizer whose learning rate is scheduled"),
    "total_steps": ("int", "optimizer steps in the whole run"),
    "steps_per_epoch": ("int", "optimizer steps in one epoch"),
    "monitor_mode": ("str", "'min' or 'max': whether a lower or a higher value of the monitored metric is better"),
    "labels": ("tuple[str, ...]", "the classes in the order of the model's outputs"),
    "class_counts": (
        "numpy.ndarray",
        "int64, (n_classes,): number of training texts per class; if texts have weights, their sums, float64",
    ),
    "n_texts": ("int", "total number of training texts"),
    "epochs": ("int", "the planned number of epochs; patience, a callback or the caller may end the training earlier"),
    "run_folder": ("pathlib.Path", "the run folder, which exists"),
    "stop": ("Callable[[str], None]", "ends training after the current step; takes the reason, for result.json"),
    "tasks": ("Iterator[textforge.Task]", "the tasks to carry out, each made when the iterator is asked for it"),
    "progress": ("textforge.Progress", "shows what the tasks report"),
    "n_features": (
        "int",
        "size of the vocabulary or of a dense vector; from all vectorizers except sequence vectorizers",
    ),
    "vocab_size": ("int", "number of token ids, including 0 (padding) and 1 (unknown); from sequence vectorizers"),
    "vectors": (
        "numpy.ndarray | None",
        "float32, (vocab_size, dim): pretrained word vectors; from sequence vectorizers",
    ),
}
"""Type and meaning of each fact."""

FACT_TEXT = {
    "n_features": "a bag of words or one vector per text (n_features)",
    "vocab_size": "token sequences (vocab_size)",
}
"""Descriptions, for error messages, of the facts that vectorizers give."""

DEFAULT_GIVES = ("n_features",)


def fact_text(fact: str) -> str:
    """Describe a fact for an error message."""
    return FACT_TEXT.get(fact, f"the fact '{fact}'")
