"""Vectorizers, and how text is cut and counted."""
