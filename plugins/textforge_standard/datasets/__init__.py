"""Datasets, and how files become labelled text."""
