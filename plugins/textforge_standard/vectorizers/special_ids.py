"""The ids that every sequence vectorizer reserves."""

PADDING, UNKNOWN = 0, 1
"""Padding never occurs in a text; UNKNOWN stands for anything outside the vocabulary."""

SPECIAL_NAMES = ("[padding]", "[unknown]")
"""Names of the reserved ids, where features are named."""

N_SPECIAL = 2
"""Number of reserved ids: the vocabulary starts at this id."""
