"""Streaming prediction in bounded memory: lines of text in, labels and probabilities out."""
