"""Count the n-grams inside words once per distinct word, rather than at every occurrence."""

from collections.abc import Callable, Sequence

import numpy as np

from textforge_standard.vectorizers.counting import Counts, count
from textforge_standard.vectorizers.unit_numbers import UnitNumbers
from textforge_standard.vectorizers.units import Cutter

WORTH = 1 << 16
"""Characters above which counting by words is faster than reading each occurrence."""


def is_worth(texts: Sequence[str]) -> bool:
    """Whether the texts are long enough to count their n-grams by words."""
    return sum(map(len, texts)) > WORTH


def count_by_words(texts: Sequence[str], cutter: Cutter, count_of_words: Callable[[list[str]], Counts]) -> Counts:
    """Count the n-grams of texts as a product: words of each text times n-grams of each word.

    Words are repeated far more often than texts, so most n-grams are looked up once and then only added.

    Args:
        texts: the texts.
        cutter: prepares them, as by lower-casing.
        count_of_words: counts the n-grams of distinct words, one row for each.
    """
    numbers = UnitNumbers()
    found = [(numbers.add(units), units.texts) for units in cutter.runs(texts)]
    used = np.unique(np.concatenate([words for words, _ in found])) if found else np.zeros(0, np.int64)
    place = np.zeros(len(numbers), dtype=np.int32)  # some numbers belong to no word: see UnitNumbers
    place[used] = np.arange(len(used))
    of_texts = count(([(place[words], offsets)] for words, offsets in found), max(1, len(used)))
    of_words = count_of_words([word.decode() for word in numbers.texts(used)])
    return _product(of_texts, of_words)


def _product(of_texts: Counts, of_words: Counts) -> Counts:
    """The matrix product of two tables of counts.

    Computed as the transpose of (of_words^T of_texts^T): transposing sorts the columns of each row on the way, which is
    faster than sorting them.
    """
    from scipy import sparse

    n_features = int(of_words.indices.max(initial=-1)) + 1
    words = sparse.csr_matrix((of_words.counts, of_words.indices, of_words.offsets), (len(of_words), n_features))
    shape = (len(of_texts), len(of_words))
    texts = sparse.csr_matrix((of_texts.counts, of_texts.indices, of_texts.offsets), shape)
    product = (words.T.tocsr() @ texts.T.tocsr()).T.tocsr()
    return Counts(product.indices.astype(np.int32, copy=False), product.indptr.astype(np.int64), product.data)
