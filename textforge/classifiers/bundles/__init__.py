"""Bundles, the on-disk form of a classifier: description, named parts, weights and vectorizer state."""
