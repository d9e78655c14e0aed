"""Optimizers: those of torch, and a few that update only the words of a batch."""
