"""Explain predictions: what each word gave to each class."""
