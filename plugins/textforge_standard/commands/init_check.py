"""Try a recipe on some of the texts before `textforge init` writes it."""

from collections import Counter
from typing import Any

SAMPLE = 300
"""Least number of training texts to try a recipe on: two batches of a model trained in batches, two texts a class."""
CLASSES = 100
"""Maximum number of classes to try a recipe on, since training takes a while for each."""


def try_recipe(text: str, section: dict[str, Any], dataset: Any) -> None:
    """Train the parts of a recipe for one epoch on a few texts of each class.

    Args:
        text: the recipe.
        section: its dataset section, with paths as this process finds them.
        dataset: the dataset that this section gives.

    Raises:
        TextforgeError: the recipe does not fit the data; the message says why.
    """
    import yaml

    from textforge import PluginManager, Trainer, load_recipe

    recipe = load_recipe({**yaml.safe_load(text), "dataset": section}, plugins=PluginManager())
    trainer = Trainer(
        _sample(dataset, max(SAMPLE, 2 * recipe.trainer.batch_size)),
        recipe.vectorizer,
        recipe.model,
        recipe.optimizer,
        seed=recipe.seed,
        epochs=1,
        batch_size=recipe.trainer.batch_size,
    )
    for _ in trainer:
        break


def _sample(dataset: Any, n_texts: int) -> Any:
    """A dataset of the first texts of every class, about `n_texts` in all; of some of the classes if there are many."""
    from textforge import Dataset

    texts, labels = dataset.train
    classes = {*dataset.labels()[:CLASSES]}
    each = max(2, n_texts // len(classes))
    taken: Counter[Any] = Counter()
    rows = []
    for row, label in enumerate(labels):
        several = label if dataset.multi_label else [label]
        if any(one in classes and taken[one] < each for one in several):
            rows.append(row)
            taken.update(several)
    return Dataset(train=([texts[row] for row in rows], [labels[row] for row in rows]))
