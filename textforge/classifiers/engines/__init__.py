"""Engines: what computes a model's outputs. Only `torch_engine` imports torch."""
