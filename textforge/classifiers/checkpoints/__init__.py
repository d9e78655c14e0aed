"""Checkpoints: the state of a training on disk, as JSON and safetensors, written whole or not at all."""
