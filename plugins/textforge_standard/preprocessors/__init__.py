"""Preprocessors: steps that change a text before a vectorizer sees it."""
