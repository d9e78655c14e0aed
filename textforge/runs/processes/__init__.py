"""A run in several processes, as torchrun starts them: recognize them, join them, tell the others of a failure."""
