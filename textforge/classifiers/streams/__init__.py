"""Answers to texts that come one after another, in bounded memory: lines in, labels and probabilities out."""
