"""Optimizers: torch's, with their options."""
