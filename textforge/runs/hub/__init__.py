"""Bundles on the Hugging Face hub: upload them in one commit, download and verify them, load them from its cache.

Needs textforge[hub] (huggingface_hub). Nothing here imports it before it is used.
"""
