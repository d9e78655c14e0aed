"""Try a recipe on some of the texts before `textforge init` writes it."""

from typing import Any

SAMPLE = 300
"""Number of training texts to try a recipe on, and more if there are more classes."""


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
        _sample(dataset),
        recipe.vectorizer,
        recipe.model,
        recipe.optimizer,
        seed=recipe.seed,
        epochs=1,
        batch_size=recipe.trainer.batch_size,
    )
    for _ in trainer:
        break


def _sample(dataset: Any) -> Any:
    """A dataset of the first texts of every class in turn."""
    from textforge import Dataset

    texts, labels = dataset.train
    of_class: dict[Any, list[int]] = {}
    for row, label in enumerate(labels):
        for one in label if dataset.multi_label else [label]:
            of_class.setdefault(one, []).append(row)
    each = max(2, SAMPLE // max(1, len(of_class)))
    rows = sorted({row for found in of_class.values() for row in found[:each]})
    return Dataset(train=([texts[row] for row in rows], [labels[row] for row in rows]))
