"""Replays: train a finished run again in another process, and compare every result with the first ones."""
